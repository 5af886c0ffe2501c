// Sends a form with a file and shows how far it is; without this script the form is sent as any.
//
// For every <form method="post" enctype="multipart/form-data" data-progress> with a file chosen. The
// request has the header Accept: application/x-ndjson, application/json;q=0.9, text/html;q=0.8
// and its answer is one of
//   application/json      {"location": "/files"}: where to go on. No redirect: the request would
//                         follow it, and take the message that is for the page there.
//   application/x-ndjson  a line whenever there is news: {"doing": "Storing", "done": 3, "of": 9}
//                         and at last {"location": "/files"} or {"page": "<!doctype html>…"}
//   text/html             a page, such as the form with its errors, whatever the status.
// A page's <main> is put in the place of this one's.
//
// With data-most-bytes="…" a larger file is not sent; data-too-large is what is said instead.
(() => {
  const ACCEPT = "application/x-ndjson, application/json;q=0.9, text/html;q=0.8";
  const announcer = document.getElementById("announcer");

  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  function showPage(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const main = page.querySelector("main");
    if (!main) return false;
    document.querySelector("main").replaceWith(main);
    document.title = page.title;
    scrollTo(0, 0);
    (main.querySelector(".summary") ?? main).focus();
    return true;
  }

  // What stands below the form while it is sent.
  function makeMeter(form, cancel) {
    const text = make("p", { className: "hint" });
    const bar = make("progress", { className: "w-100", max: 100, ariaLabel: "Progress" });
    const button = make("button", { type: "button", className: "btn btn-quiet", textContent: "Cancel" });
    const meter = make("div", { className: "meter mt-3" });
    let heard;
    button.addEventListener("click", cancel);
    meter.append(text, bar, button);
    // What is left of the try before.
    document.querySelectorAll("main .meter, main .summary").forEach((old) => old.remove());
    form.append(meter);
    return {
      // Without `of` nobody knows how long it takes.
      tell(doing, done, of) {
        const percent = of ? Math.floor((100 * done) / of) : 0;
        text.textContent = of ? `${doing}… ${percent} %` : `${doing}…`;
        if (of) bar.value = percent;
        else bar.removeAttribute("value");
        // A screen reader hears of each quarter, not of each step.
        const now = of ? `${doing}, ${percent - (percent % 25)} %` : doing;
        if (now !== heard) announcer.textContent = heard = now;
      },
      end(message, role) {
        meter.replaceChildren(make("p", { className: "field-error", role, textContent: message }));
      },
    };
  }

  function send(form, submitter) {
    const request = new XMLHttpRequest();
    const meter = makeMeter(form, () => request.abort());
    const data = new FormData(form);
    if (submitter.name) data.append(submitter.name, submitter.value);
    let read = 0;
    let isLeaving, isFinished;

    function setBusy(isBusy) {
      submitter.disabled = isBusy;
      submitter.ariaBusy = isBusy || null;
    }

    function finish({ location: address, page }) {
      isLeaving = Boolean(address);
      if (address) location.assign(address);
      isFinished = isLeaving || (page !== undefined && showPage(page));
    }

    function takeLines() {
      const end = request.responseText.lastIndexOf("\n") + 1;
      const lines = request.responseText.slice(read, end).split("\n").filter(Boolean);
      read = end;
      if (!lines.length) return;
      const last = JSON.parse(lines.at(-1));
      if ("done" in last) meter.tell(last.doing, last.done, last.of);
      else finish(last);
    }

    const on = (target, type, act) => target.addEventListener(type, act);
    const kind = () => (request.getResponseHeader("Content-Type") ?? "").split(";")[0];
    on(request.upload, "progress", (event) => meter.tell("Sending", event.loaded, event.total));
    on(request.upload, "load", () => meter.tell("Sent, waiting"));
    on(request, "progress", () => kind() === "application/x-ndjson" && takeLines());
    on(request, "load", () => {
      if (kind() === "application/x-ndjson") takeLines();
      else if (kind() === "application/json") finish(JSON.parse(request.responseText));
      else if (kind() === "text/html") finish({ page: request.responseText });
      if (!isFinished) meter.end("The answer broke off. Look whether all is there before you send it again.", "alert");
    });
    on(request, "error", () => meter.end("The connection broke off. Please send it again.", "alert"));
    on(request, "abort", () => meter.end("Cancelled.", "status"));
    on(request, "loadend", () => {
      if (!isLeaving) setBusy(false);
      if (!isFinished) submitter.focus();
    });
    meter.tell("Sending", 0, 1);
    setBusy(true);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", ACCEPT);
    request.send(data);
  }

  // On its way down, before site.js, which leaves alone what is sent in another way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const files = [...form.elements].filter((field) => field.type === "file");
    if (!("progress" in form.dataset) || !files.some((field) => field.files.length)) return;
    event.preventDefault();
    const { mostBytes = Infinity, tooLarge } = form.dataset;
    const chosen = files.flatMap((field) => [...field.files]);
    if (chosen.some((file) => file.size > mostBytes)) makeMeter(form).end(tooLarge, "alert");
    else send(form, event.submitter ?? form.querySelector("button"));
  }, true);
})();
