// Sijax's client: calls functions of the server and carries out the commands they answer with.
// An ES module without dependencies that works under `script-src 'self'; connect-src 'self'`.
// The names are those of Sijax 0.3's client, which needed jQuery and eval; this needs neither.

const PARAM_REQUEST = "sijax_rq";
const PARAM_ARGS = "sijax_args";
// The longest line of a stream, in characters: a server that never ends one fills no memory.
const MOST_CHARACTERS = 2 ** 24;
// What jQuery called by other names in its prop(), which Sijax 0.3 set attributes by.
const PROPERTIES = {
  class: "className", for: "htmlFor", readonly: "readOnly", maxlength: "maxLength",
  tabindex: "tabIndex", colspan: "colSpan", rowspan: "rowSpan", contenteditable: "contentEditable",
};
// Styles whose numbers are not in pixels.
const PLAIN_NUMBERS = new Set([
  "opacity", "zIndex", "order", "flex", "flexGrow", "flexShrink", "fontWeight", "lineHeight",
  "orphans", "widows", "columnCount", "zoom", "scale", "animationIterationCount", "aspectRatio",
]);

const told = JSON.parse(document.querySelector("meta[name=sijax]")?.content || "{}");
let requestUri = told.uri ?? null;

const elements = selector => [...document.querySelectorAll(selector)];

function propertyOf(element, key) {
  const name = PROPERTIES[key.toLowerCase()] ?? key;
  return name in element
    ? { get: () => element[name], set: value => { element[name] = value; } }
    : { get: () => element.getAttribute(key) ?? "", set: value => element.setAttribute(key, value) };
}

// The function that a dotted name stands for, and whose it is. Own properties only: what every
// object inherits, `constructor` above all, leads to ways of running text as code.
function functionNamed(name) {
  let owner = null;
  let found = window;
  for (const key of String(name).split(".")) {
    if (found === null || !["object", "function"].includes(typeof found)
        || !Object.hasOwn(found, key)) {
      throw new TypeError(`Sijax: the page has no function ${name}`);
    }
    owner = found;
    found = found[key];
  }
  if (typeof found !== "function" || found === window.eval || found === window.Function) {
    throw new TypeError(`Sijax: ${name} is no function to be called`);
  }
  return { owner, found };
}

// Set what a form's name such as `a[b][]` stands for.
function putValue(values, name, value) {
  const path = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  const keys = path ? [path[1], ...[...path[2].matchAll(/\[([^[\]]*)\]/g)].map(m => m[1])] : [name];
  let place = values;
  keys.forEach((key, index) => {
    const slot = Array.isArray(place) && key === "" ? place.length : key;
    if (index === keys.length - 1) {
      place[slot] = value;
    } else {
      if (place[slot] === null || typeof place[slot] !== "object") {
        // Without a prototype, so that a field called __proto__ is a field like any other.
        place[slot] = keys[index + 1] === "" ? [] : Object.create(null);
      }
      place = place[slot];
    }
  });
}

function valuesOf(forms) {
  const values = Object.create(null);
  for (const form of forms) {
    const inside = form.querySelectorAll("input, textarea, select");
    for (const field of form instanceof HTMLFormElement ? form.elements : inside) {
      if (!field.matches("input, textarea, select") || !field.name || field.matches(":disabled")
          || field.type === "file") continue;
      if (["checkbox", "radio"].includes(field.type) && !field.checked) continue;
      const value = field.type === "select-multiple"
        ? [...field.selectedOptions].map(option => option.value) : field.value;
      putValue(values, field.name, value);
    }
  }
  return values;
}

export const Sijax = {
  PARAM_REQUEST,
  PARAM_ARGS,

  setRequestUri(uri) { requestUri = uri; },
  getRequestUri() { return requestUri; },
  setJsonUri() {}, // every browser has JSON now

  // Carry out commands, in order; one that fails is told to the console and the rest go on.
  processCommands(commands) {
    for (const command of commands) {
      try {
        const process = Sijax.getCommandProcessor(command.type);
        if (!process) throw new TypeError(`Sijax: there is no Sijax.process_${command.type}`);
        process(command);
      } catch (error) {
        console.error(error);
      }
    }
  },

  // What carries out a kind of command; set Sijax.process_<type> to add one of your own.
  getCommandProcessor(type) {
    const name = `process_${type}`;
    return Object.hasOwn(Sijax, name) ? Sijax[name] : null;
  },

  process_alert(command) { window.alert(command.alert); },

  process_html({ selector, html, setType }) {
    for (const element of elements(selector)) {
      if (setType === "replace") element.innerHTML = html;
      else element.insertAdjacentHTML(setType === "append" ? "beforeend" : "afterbegin", html);
    }
  },

  process_attr({ selector, key, value, setType }) {
    const properties = elements(selector).map(element => propertyOf(element, key));
    if (!properties.length) return;
    let wanted = value;
    if (setType !== "replace") {
      const old = properties[0].get();
      wanted = setType === "append" ? `${old}${value}` : `${value}${old}`;
    }
    for (const property of properties) property.set(wanted);
  },

  process_css({ selector, key, value }) {
    const name = key.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    const isLength = typeof value === "number" && !PLAIN_NUMBERS.has(name) && !key.startsWith("--");
    const text = isLength ? `${value}px` : String(value ?? "");
    for (const element of elements(selector)) {
      if (key.startsWith("--")) element.style.setProperty(key, text);
      else element.style[name] = text;
    }
  },

  process_remove({ remove }) { for (const element of elements(remove)) element.remove(); },

  process_redirect({ redirect, external = false }) {
    const url = new URL(redirect, location.href);
    const isPage = ["http:", "https:"].includes(url.protocol);
    if (!isPage || !(external || url.origin === location.origin)) {
      throw new TypeError(`Sijax: not a page of this site: ${redirect}`);
    }
    location.assign(url);
  },

  process_call({ call, params }) {
    const { owner, found } = functionNamed(call);
    found.apply(owner, params);
  },

  // Only where the server allows it, by SIJAX_ALLOW_SCRIPT, and the page's policy too.
  process_script({ script }) {
    if (!("script" in told)) throw new TypeError("Sijax: scripts are not allowed here");
    const element = document.createElement("script");
    element.nonce = told.script;
    element.textContent = `(function () {\n${script}\n})();`;
    document.head.append(element);
    element.remove();
  },

  // The values of a form's fields, those with names like `a[b][]` as objects and arrays.
  getFormValues(formSelector) { return valuesOf(elements(formSelector)); },

  // Call a function of the server. `params`: url, data, headers, beforeSend(request), which
  // cancels by returning false, success(commands), once for each frame of a stream,
  // error(response, status, thrown) and complete(response, status). Returns a promise of the
  // status that never fails: success, error, parsererror or abort; its abort() hangs up.
  request(functionName, args = [], params = {}) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(params.data ?? {})) {
      for (const each of [value].flat()) body.append(name, each);
    }
    return send(body, functionName, args ?? [], params);
  },
};

function addToken(body, url) {
  const [name, token] = told.csrf ?? ["csrf_token", null];
  const found = document.querySelector("meta[name=csrf-token]")?.content || token
    || document.querySelector(`input[name="${CSS.escape(name)}"]`)?.value;
  // Never to another site.
  if (found && !body.get(name) && url.origin === location.origin) body.set(name, found);
}

function send(body, functionName, args, params) {
  const controller = new AbortController();
  const url = new URL(params.url ?? requestUri ?? location.href, location.href);
  addToken(body, url);
  body.set(PARAM_REQUEST, functionName);
  body.set(PARAM_ARGS, JSON.stringify(args));
  const request = {
    url, body, headers: { "X-Sijax": "1", ...params.headers }, abort: () => controller.abort(),
  };
  const done = perform(request, params, controller.signal);
  return Object.assign(done, { abort: request.abort });
}

async function perform(request, params, signal) {
  const success = params.success ?? Sijax.processCommands;
  let response = null;
  let status = "error";
  try {
    if (params.beforeSend?.(request) === false) return (status = "abort");
    const { body, headers } = request;
    const options = { method: "POST", body, headers, signal, cache: "no-store" };
    response = await fetch(request.url, options);
    if (!response.ok) throw new Error(`Sijax: the server answered ${response.status}`);
    await read(response, success);
    status = "success";
  } catch (error) {
    if (signal.aborted) status = "abort";
    else if (error instanceof SyntaxError) status = "parsererror";
    if (params.error) params.error(response, status, error);
    else if (status !== "abort") console.error(error);
  } finally {
    params.complete?.(response, status);
  }
  return status;
}

async function read(response, success) {
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0].trim();
  if (type === "application/json") return success(await response.json());
  if (type !== "application/x-ndjson") throw new SyntaxError(`Sijax: an answer of type ${type}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      if (rest.length > MOST_CHARACTERS) throw new SyntaxError("Sijax: a line without an end");
      for (const line of lines) if (line) success(JSON.parse(line));
    }
    if (rest) throw new SyntaxError("Sijax: the stream ends within a line");
  } finally {
    await reader.cancel().catch(() => {});
  }
  return undefined;
}

export const sjxComet = {
  // As Sijax.request; kept for its name, since that reads streams too.
  request(functionName, args, params) { return Sijax.request(functionName, args, params); },
};

const uploads = new Map();

export const sjxUpload = {
  // Send a form by Sijax from now on: what register_upload_callback returned goes in.
  registerForm({ formId, callback }) { sjxUpload.prepareForm(formId, callback); },
  prepareForm(formId, callback) { uploads.set(formId, callback); },
  resetForm(formId) { document.getElementById(formId)?.reset(); },
  processResponse(formId, commands) { Sijax.processCommands(commands); },
  getFrameId(formId) { return `sjxUpload_iframe_${formId}`; },
};

function argsOf(element) { return JSON.parse(element.dataset.sijaxArgs || "[]"); }

// On the document, so that forms and buttons which come later with `html` work too.
document.addEventListener("submit", event => {
  const form = event.target;
  const given = form.dataset.sijaxUpload;
  const upload = given ? JSON.parse(given).callback : uploads.get(form.id);
  if (event.defaultPrevented || !(upload || form.dataset.sijax)) return;
  event.preventDefault();
  const action = form.getAttribute("action");
  if (upload) {
    const body = new FormData(form, event.submitter);
    send(body, upload, [form.id], {
      url: action || undefined, success: commands => sjxUpload.processResponse(form.id, commands),
    });
  } else {
    Sijax.request(form.dataset.sijax, [...argsOf(form), valuesOf([form])]);
  }
});

document.addEventListener("click", event => {
  const button = event.target.closest?.("[data-sijax]:not(form)");
  if (!button || event.defaultPrevented) return;
  event.preventDefault();
  Sijax.request(button.dataset.sijax, argsOf(button));
});

// For the page's other scripts, for `call`, and for the frames of Sijax 0.3's wire format.
Object.assign(window, { Sijax, sjxComet, sjxUpload });
