// Brings a part of a page up to date when its stream tells of a change, by htmx's morphing: what is
// the same stays, with its focus, its selection and the place in the window. It is the page itself
// that is asked for again, soon, but not by all its readers at once.
//
//   <div data-part="list" data-live="/stream" data-after="17" data-spread="200" data-kinds="changed">
//   data-only="12"      only what has this id matters; when it is deleted, the page says so:
//   data-gone="show"    an element that is shown when the page is gone, data-gone="hide" is hidden
//   data-says="…"       what screen readers are told of a change
//   data-version="…" on what is in the part: a version that was not there before is marked
//
// A script that wants more hears, on the part, live:heard (prevented: it does not matter), live:page
// (with the fresh part, which it may change), live:shown and live:failed; it asks by live:get.
(() => {
  const SETTLE_MS = 300; // until no worker has a page that is older than the event
  const SLOWER = 10; // times as long as the last page took, so that a busy server is asked less
  const LIMIT_MS = 20000;
  const RETRY_MS = 30000; // after a refusal (too many readers), which EventSource takes as final
  const SPOKEN_MS = 5000; // then it is taken away, so that nobody meets it twice

  const { dataset } = document.querySelector("[data-live]");
  const { live, kinds, only, says } = dataset;
  const part = document.getElementById(dataset.part);
  const announcer = document.getElementById("announcer");
  let { after } = dataset;
  let spreadMs = Number(dataset.spread);
  let tookMs = 0;
  let source = null;
  let retrying = 0;
  let planned = 0;
  let isAsking = false;

  function tell(name, detail) {
    return part.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
  }

  function speak(text) {
    announcer.textContent = text;
    setTimeout(() => { if (announcer.textContent === text) announcer.textContent = ""; }, SPOKEN_MS);
  }

  // --- The stream ---------------------------------------------------------------------------

  function hear(event) {
    after = event.lastEventId;
    const detail = { kind: event.type, ...JSON.parse(event.data) };
    if (only && detail.id && String(detail.id) !== only) return;
    if (only && detail.kind === "deleted") setGone(true);
    else if (tell("live:heard", detail)) plan();
  }

  function listen() {
    clearTimeout(retrying);
    if (source || document.hidden) return;
    source = new EventSource(`${live}?after=${after}`);
    for (const kind of [...kinds.split(" "), "reset"]) source.addEventListener(kind, hear);
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
      stop();
      retrying = setTimeout(listen, RETRY_MS);
    });
  }

  function stop() {
    clearTimeout(retrying);
    source?.close();
    source = null;
  }

  // A browser has six connections for all its tabs here: those that nobody sees need none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", listen);

  // --- The page -----------------------------------------------------------------------------

  // What comes meanwhile is in the page that is asked for then.
  function plan(leastMs = SETTLE_MS) {
    planned ||= setTimeout(ask, leastMs + Math.random() * Math.max(spreadMs, SLOWER * tookMs));
  }

  async function ask() {
    clearTimeout(planned);
    planned = 0;
    if (isAsking) return plan();
    isAsking = true;
    try {
      await bring(location.href);
    } catch {
      tell("live:failed");
      plan(RETRY_MS);
    } finally {
      isAsking = false;
    }
  }

  async function bring(url) {
    const begun = performance.now();
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
    const text = await response.text();
    tookMs = performance.now() - begun;
    if (location.href !== url) return plan(); // another search was answered meanwhile
    if (response.status === 404) return setGone(true);
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById(dataset.part);
    if (!response.ok || !fresh) throw new Error(`${response.status}`);
    setGone(false);
    document.title = page.title;
    spreadMs = Number(page.querySelector("[data-live]").dataset.spread);
    if (tell("live:page", fresh)) await show(fresh);
  }

  function versions() {
    return [...part.querySelectorAll("[data-version]")];
  }

  async function show(fresh) {
    const before = part.textContent;
    const known = new Set(versions().map((each) => each.dataset.version));
    const tops = scrollY && versions().map((each) => [each, each.getBoundingClientRect().top]);
    const hadFocus = part.contains(document.activeElement);
    await htmx.swap({
      text: fresh.outerHTML, target: `#${part.id}`, swap: "outerMorph", sourceElement: part,
    });
    const changed = versions().filter((each) => !known.has(each.dataset.version));
    for (const each of changed) each.classList.add("fresh");
    // Not every browser keeps the place by itself, nor does any in every table.
    const [kept, top] = (tops || []).find(([each, top]) => top >= 0 && each.isConnected) ?? [];
    if (kept) scrollBy({ top: kept.getBoundingClientRect().top - top, behavior: "instant" });
    if (hadFocus && !part.contains(document.activeElement)) { // it was on what is gone
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
    }
    if (says && before !== part.textContent) speak(says);
    tell("live:shown");
  }

  function setGone(isGone) {
    const notice = document.querySelector("[data-gone=show]");
    if (!notice || notice.hidden !== isGone) return;
    const hadFocus = document.activeElement.closest("[data-gone=hide]");
    for (const each of document.querySelectorAll("[data-gone]")) {
      each.hidden = (each.dataset.gone === "show") !== isGone;
    }
    if (hadFocus) notice.focus({ preventScroll: true });
    if (isGone) speak(notice.firstChild.textContent.trim());
  }

  part.addEventListener("live:get", ask);
})();
