// The page /sijax: which function each of its parts calls, and what happens if the call fails.
import { Sijax, sjxComet } from "../sijax/sijax.js";

const PAUSE_MS = 150; // after a key, before the search: it waits for a word, not for each letter
const part = id => document.getElementById(id);

function showTrouble(response, status) {
  if (status === "abort") return;
  part("trouble").textContent = response
    ? `The server refused this (${response.status}). Reload the page, then try again.`
    : "The server did not answer. Check your connection, then try again.";
  part("trouble").hidden = false;
}

function call(request, name, args, complete) {
  part("trouble").hidden = true;
  return request(name, args, { error: showTrouble, complete });
}

part("say-hi").addEventListener("click", () => call(Sijax.request, "say_hi", []));

let searching = null;
let timer = 0;

function search() {
  clearTimeout(timer);
  searching?.abort(); // an older answer must not replace a newer one
  searching = call(Sijax.request, "search", [Sijax.getFormValues("#search")]);
}

part("search").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE_MS);
});
part("search").addEventListener("submit", event => {
  event.preventDefault();
  search();
});

let stream = null;

part("start").addEventListener("click", () => {
  part("start").disabled = true;
  part("stop").disabled = false;
  stream = call(sjxComet.request, "boil", [], () => {
    part("start").disabled = false;
    part("stop").disabled = true;
  });
});
part("stop").addEventListener("click", () => stream.abort());

for (const note of document.querySelectorAll("[data-unscripted]")) note.hidden = true;
part("say-hi").disabled = part("start").disabled = false;
