// Puts Swagger UI in the place of the plain list of operations, which stays where that fails.
(() => {
  const place = document.getElementById("docs");
  const list = document.getElementById("plain");
  const csrfToken = document.querySelector("meta[name=csrf-token]")?.content;
  const SAFE = ["GET", "HEAD", "OPTIONS"];

  // A request of who is logged in changes something only with the token of the forms.
  function addToken(request) {
    const isOwn = new URL(request.url, location.href).origin === location.origin;
    const isSafe = SAFE.includes((request.method ?? "GET").toUpperCase());
    if (csrfToken && isOwn && !isSafe && !request.headers.Authorization) {
      request.headers["X-CSRFToken"] = csrfToken;
    }
    return request;
  }

  // What fits into a page of this site, which has its own title and its own <main>.
  function fitting({ React }) {
    const h = React.createElement;
    const nothing = () => () => null;
    return {
      components: {
        Fitting({ getComponent }) {
          const parts = ["SvgAssets", "AuthorizeBtnContainer", "errors", "operations"];
          return h("div", { className: "swagger-ui" },
            parts.map((name) => h(getComponent(name, true), { key: name })));
        },
      },
      wrapComponents: {
        // It would be a link inside of a button.
        DeepLink: () => ({ text }) => h("span", null, text),
        // It shows a closed lock where no token is needed.
        authorizeOperationBtn: nothing,
      },
      // No script may send a cookie of its own; who is logged in has it already.
      statePlugins: {
        auth: {
          wrapSelectors: {
            definitionsToAuthorize: (original) => (...args) =>
              original(...args).filterNot((schemes) => schemes.first().get("in") === "cookie"),
          },
        },
      },
    };
  }

  // What Swagger UI leaves to guess for who can't see: fields have their names beside them, if at all.
  function mend() {
    for (const field of place.querySelectorAll("input, select, textarea")) {
      if (field.labels.length || field.ariaLabel) continue;
      const row = field.closest("[data-param-name]");
      field.ariaLabel = row?.dataset.paramName ?? (field.matches("select") ? "Example" : "Body");
    }
    place.querySelector(".close-modal")?.setAttribute("aria-label", "Close");
    place.querySelectorAll("table[role]").forEach((table) => table.removeAttribute("role"));
  }

  window.SwaggerUIBundle?.({
    domNode: place,
    url: place.dataset.openapi,
    layout: "Fitting",
    plugins: [fitting],
    validatorUrl: null, // the default asks another site
    deepLinking: true,
    syntaxHighlight: false, // its colours know one theme
    requestInterceptor: addToken,
    onComplete() {
      list.remove();
      place.hidden = false;
      new MutationObserver(mend).observe(place, { childList: true, subtree: true });
    },
  });
})();
