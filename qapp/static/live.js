// Says when a live search has failed; what was found before stays. The rest is htmx's, by the
// attributes of the form (see templates/macros/live.html).
(() => {
  const found = document.getElementById("found");

  function fail() {
    const text = document.createElement("span");
    text.className = "field-error";
    text.textContent = "The search got no answer. What you see is what was found before it.";
    found?.replaceChildren(text);
  }

  // The page of an error has no results, and would replace them by nothing.
  document.addEventListener("htmx:before:swap", (event) => {
    const { tasks } = event.detail;
    if (tasks.some((task) => task.type === "main" && task.fragment.childElementCount)) return;
    event.preventDefault();
    fail();
  });
  document.addEventListener("htmx:error", fail);
})();
