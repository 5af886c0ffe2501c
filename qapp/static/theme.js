// Loaded in <head> without defer, so that the page is never painted in the wrong theme.
// Without the cookie nothing is set and the style sheet follows the system.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  function applyTheme() {
    const saved = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie);
    if (saved) root.dataset.bsTheme = saved[1];
    else delete root.dataset.bsTheme;
  }

  applyTheme();
  // A page that comes back from the back/forward cache may be older than the choice.
  addEventListener("pageshow", applyTheme);
})();
