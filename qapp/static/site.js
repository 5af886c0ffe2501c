// Makes the pages livelier. Nothing here is needed: every page works without it.
(() => {
  const root = document.documentElement;

  // --- Theme switch -------------------------------------------------------------------------
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  const themeSwitch = document.querySelector("[data-theme-switch]");

  function isDark() {
    return root.dataset.bsTheme ? root.dataset.bsTheme === "dark" : darkSystem.matches;
  }

  function showTheme() {
    themeSwitch?.setAttribute("aria-pressed", String(isDark()));
  }

  themeSwitch?.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset.bsTheme = theme;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    const choice = document.querySelector(`input[name=theme][value=${theme}]`); // on /preferences
    if (choice) choice.checked = true;
    showTheme();
  });
  darkSystem.addEventListener("change", showTheme);

  // --- Sections: on a phone not all are in sight, but the one that is open is ---------------
  const sections = document.querySelector(".sections");
  const open = sections?.querySelector("[aria-current]");
  if (open) {
    const middle = open.offsetLeft - sections.offsetLeft + open.offsetWidth / 2;
    sections.scrollLeft = middle - sections.clientWidth / 2;
  }

  // --- Flashes ------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-dismiss]");
    if (!close) return;
    close.closest(".flash").remove();
    document.getElementById("content").focus(); // else a keyboard is thrown back to the top
  });

  // Screen readers speak an alert that comes with the page, but a status only when it changes.
  const announcer = document.getElementById("announcer");
  const statuses = [...document.querySelectorAll(".flash[role=status] .flash-text")];
  if (announcer && statuses.length) {
    setTimeout(() => {
      announcer.textContent = statuses.map((status) => status.textContent).join(". ");
      setTimeout(() => { announcer.textContent = ""; }, 5000); // nobody meets it twice
    }, 300);
  }

  // --- Forms --------------------------------------------------------------------------------
  document.querySelector(".summary")?.focus();

  // toggle does not bubble, so it is caught on its way down. Not when the page came open, with
  // errors: then the summary has the focus.
  document.addEventListener("toggle", ({ target }) => {
    const summaryHasFocus = document.activeElement?.parentElement === target;
    if (target.open && summaryHasFocus) target.querySelector(".form-control")?.focus();
  }, true);

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      document.getElementById(button.dataset.copy).select();
      document.execCommand("copy"); // navigator.clipboard is only there under HTTPS
      button.textContent = announcer.textContent = "Copied";
    });
  }

  function rest(button) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter ?? form.querySelector("button");
    if (event.defaultPrevented || form.method !== "post" || !button) return;
    // Only after the browser has read the form: a disabled button would not send its value.
    setTimeout(() => {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    });
    setTimeout(() => rest(button), 20000); // the sending may have been stopped, which no event tells
  });

  addEventListener("pageshow", () => {
    document.querySelectorAll("button[aria-busy]").forEach(rest);
    showTheme();
  });
})();
