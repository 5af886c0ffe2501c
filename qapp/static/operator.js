// Brings new figures every two seconds, as long as the page is seen, nobody has paused it, and
// nothing in it is selected. What has the focus keeps it.
(() => {
  const EVERY_MS = 2000;
  const LONGEST_MS = 10000; // no answer for so long is none

  const pause = document.getElementById("pause");
  const fault = document.getElementById("figures-fault");
  let isPaused = false;
  let isLoading = false;
  let timer = 0;

  function isRead() {
    const selection = getSelection();
    return !selection.isCollapsed && document.getElementById("figures").contains(selection.anchorNode);
  }

  function show(text) {
    if (fault.textContent !== text) fault.textContent = text; // else it is spoken again
  }

  async function load() {
    const response = await fetch(location.href, { signal: AbortSignal.timeout(LONGEST_MS) });
    if (response.redirected || response.status === 403) return location.reload(); // not logged in
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const figures = page.getElementById("figures");
    if (!figures) throw new Error(`${response.status}`);
    if (isRead() || isPaused) return;
    const { id } = document.activeElement;
    document.getElementById("figures").replaceWith(figures);
    if (id && document.activeElement?.id !== id) document.getElementById(id)?.focus({ preventScroll: true });
    show("");
  }

  async function turn() {
    isLoading = true;
    try {
      if (!isRead()) await load();
    } catch {
      show("The site does not answer. These figures are the last that came.");
    }
    isLoading = false;
    wait();
  }

  function wait() {
    clearTimeout(timer);
    if (!document.hidden && !isPaused && !isLoading) timer = setTimeout(turn, EVERY_MS);
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", isPaused);
    wait();
  });
  document.addEventListener("visibilitychange", wait);
  wait();
})();
