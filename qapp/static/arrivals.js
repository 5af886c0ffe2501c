// New entries on the front page: who is at its top, and busy with nothing there, sees them come; who
// reads further down, types or selects is told how many there are, and gets them when he asks.
// static/stream.js hears of them and brings the page.
(() => {
  const TOP_PX = 80;
  const GUARD_MS = 700; // who was about to press what was there before does not press what came
  const GATHER_MS = 1000; // entries that come together are announced as one number

  const part = document.getElementById("entries");
  const link = document.querySelector(".arrivals a");
  const announcer = document.getElementById("announcer");
  const arrived = new Set(); // the ids of those that are not shown yet
  let announcing = 0;
  let added = 0; // how many the page that is being shown has put in
  let unsaid = 0;
  let isAsked = false;

  const articles = (of) => [...of.querySelectorAll("article.entry")];
  const idOf = (article) => Number(article.getAttribute("aria-labelledby").slice("entry-".length));
  const newest = (of) => Math.max(0, ...articles(of).map(idOf));
  const words = (count) => (count === 1 ? "1 new entry" : `${count} new entries`);

  function isFree() {
    const { activeElement } = document;
    return scrollY < TOP_PX && getSelection().isCollapsed
      && !document.querySelector(".composer[open]") && !activeElement?.matches(":focus-visible");
  }

  function guard(element) {
    element.classList.add("arriving");
    setTimeout(() => element.classList.remove("arriving"), GUARD_MS);
  }

  function announce(text) {
    clearTimeout(announcing);
    announcing = setTimeout(() => {
      announcer.textContent = text;
      unsaid = 0;
    }, GATHER_MS);
  }

  function showBar() {
    if (!arrived.size) {
      hideBar();
      return;
    }
    link.textContent = words(arrived.size);
    if (link.hidden) guard(link);
    link.hidden = false;
    announce(link.textContent);
  }

  function hideBar() {
    link.hidden = true;
    clearTimeout(announcing);
    announcer.textContent = "";
  }

  // Whether what the stream tells asks for the page.
  function matters({ kind, id }) {
    if (kind === "reset") return true;
    if (document.getElementById(`entry-${id}`)) return kind !== "entry"; // else it came with the page
    if (kind === "entry") arrived.add(id);
    else if (kind === "changed" || !arrived.delete(id)) return false;
    if (kind === "entry" && isFree()) return true;
    showBar();
    return false;
  }

  part.addEventListener("live:heard", (event) => {
    if (!matters(event.detail)) event.preventDefault();
  });

  part.addEventListener("live:page", ({ detail: fresh }) => {
    const seen = newest(part);
    const come = articles(fresh).filter((article) => idOf(article) > seen);
    if (isAsked || isFree()) {
      const last = newest(fresh);
      const came = new Set(come.map(idOf)); // with those for which the page has no room
      for (const id of arrived) if (id <= last && arrived.delete(id)) came.add(id);
      showBar(); // of those that came while the page was on its way
      added = isAsked ? 0 : came.size;
      return;
    }
    for (const article of come) {
      arrived.add(idOf(article));
      article.remove();
    }
    // Those that the new ones have moved to the next page are still being read on this one.
    const oldest = Math.min(...articles(fresh).map(idOf), ...arrived);
    for (const article of articles(part)) {
      if (idOf(article) < oldest) {
        fresh.insertBefore(article.cloneNode(true), fresh.querySelector(".pager"));
      }
    }
    showBar();
  });

  part.addEventListener("live:shown", () => {
    if (isAsked) part.querySelector("h2 a")?.focus(); // the link, which had the focus, is gone
    isAsked = false;
    if (added) guard(part);
    unsaid += added;
    added = 0;
    if (unsaid) announce(words(unsaid)); // also what a page without new ones has silenced
  });

  part.addEventListener("live:failed", () => {
    if (!isAsked) return;
    isAsked = false;
    link.textContent = "The new entries did not come. Try again";
    announcer.textContent = link.textContent;
  });

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab or window
    event.preventDefault();
    isAsked = true;
    part.dispatchEvent(new CustomEvent("live:get"));
  });
})();
