// Opens the links and forms of "Try it" in the page and shows what came back. Without it they lead
// to the live pages themselves.
(() => {
  const answer = document.getElementById("answer");
  if (!answer) return;
  const LONGEST = 1500; // characters of a body that are shown
  const SHOWN = ["content-type", "allow", "content-length"];

  function element(name, text, className) {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  // A page is shown as the text that a reader sees of it; anything else as it came.
  function readable(body, type) {
    if (!type.startsWith("text/html")) return body;
    const main = new DOMParser().parseFromString(body, "text/html").querySelector("main");
    if (!main) return body;
    main.querySelectorAll("nav, button, script").forEach((part) => part.remove());
    return main.textContent.replace(/[ \t]+/g, " ").replace(/\s*\n\s*/g, "\n").trim();
  }

  async function open(method, url, body) {
    const asked = new URL(url, location);
    const response = await fetch(asked, { method, body });
    const reached = new URL(response.url);
    const type = response.headers.get("content-type") ?? "";
    const text = readable(await response.text(), type);
    const lines = [`${method} ${asked.pathname}${asked.search}`];
    if (response.redirected) lines.push(`→ GET ${reached.pathname}${reached.search}`);
    lines.push(`${response.status} ${response.statusText}`.trim());
    for (const name of SHOWN) {
      const value = response.headers.get(name);
      if (value) lines.push(`${name}: ${value}`);
    }
    lines.push("", text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text);
    const transcript = element("pre", lines.join("\n"), "transcript");
    transcript.dataset.live = "";
    answer.replaceChildren(transcript);
    if (response.redirected || method === "GET") {
      const link = element("a", "Open it as a page");
      link.href = reached;
      answer.append(link);
    }
  }

  async function show(...request) {
    answer.setAttribute("aria-busy", "true");
    try {
      await open(...request);
    } catch {
      answer.replaceChildren(element("p", "The site did not answer. Try again.", "field-error"));
    }
    answer.removeAttribute("aria-busy");
    answer.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-try]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show("GET", link.href);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-try]")) return;
    event.preventDefault();
    const action = form.getAttribute("action"); // a field of that name would hide the property
    const data = new FormData(form, event.submitter);
    const text = new URLSearchParams(data);
    if (form.getAttribute("method") !== "post") show("GET", `${action}?${text}`);
    else show("POST", action, form.enctype === "multipart/form-data" ? data : text);
  });
})();
