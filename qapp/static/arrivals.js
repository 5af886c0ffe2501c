// Tells, on the front page, of entries that came since it was loaded, and shows them when asked to.
// What the reader has typed stays, and so does all that he looks at.
(() => {
  const GUARD_MS = 700; // who was about to press what was there before does not press the link
  const GATHER_MS = 1000; // entries that come together are announced as one number
  const RETRY_MS = 30000; // after a refusal (too many readers), which EventSource takes as final

  const link = document.querySelector("[data-live]");
  const announcer = document.getElementById("announcer");
  const arrived = new Set();
  let after = link.dataset.after;
  let isUncertain = false;
  let source = null;
  let announcing = 0;
  let retrying = 0;

  function show() {
    const count = arrived.size;
    link.textContent = isUncertain ? "There may be new entries"
      : count === 1 ? "1 new entry" : `${count} new entries`;
    if (link.hidden) {
      link.hidden = false;
      link.classList.add("arriving");
      setTimeout(() => link.classList.remove("arriving"), GUARD_MS);
    }
    clearTimeout(announcing);
    announcing = setTimeout(() => { announcer.textContent = link.textContent; }, GATHER_MS);
  }

  function hide() {
    link.hidden = true;
    clearTimeout(announcing);
    announcer.textContent = "";
  }

  function listen() {
    clearTimeout(retrying);
    if (source || document.hidden) return;
    source = new EventSource(`${link.dataset.live}?after=${after}`);
    source.addEventListener("entry", (event) => {
      after = event.lastEventId;
      const { id } = JSON.parse(event.data);
      if (document.getElementById(`entry-${id}`)) return; // it came with the page
      arrived.add(id);
      show();
    });
    source.addEventListener("reset", (event) => {
      after = event.lastEventId;
      isUncertain = true;
      show();
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      stop();
      retrying = setTimeout(listen, RETRY_MS);
    });
  }

  function stop() {
    clearTimeout(retrying);
    source?.close();
    source = null;
  }

  async function load() {
    const response = await fetch(link.href);
    if (!response.ok) throw new Error(`${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const entries = page.getElementById("entries");
    document.getElementById("entries").replaceWith(entries);
    isUncertain = false;
    const shown = [...entries.querySelectorAll("[id^=entry-]")].map(({ id }) => Number(id.slice(6)));
    for (const id of arrived) if (id <= Math.max(...shown)) arrived.delete(id);
    if (arrived.size) show(); // they came while the page was on its way
    else hide();
    entries.querySelector("h2 a")?.focus(); // the link, which had the focus, is gone
  }

  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab or window
    event.preventDefault();
    try {
      await load();
    } catch {
      link.textContent = "The new entries did not come. Try again";
      announcer.textContent = link.textContent;
    }
  });

  // A browser has six connections for all its tabs here: those that nobody sees need none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", listen);
})();
