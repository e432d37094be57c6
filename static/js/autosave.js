// Nothing typed is lost. From the first keystroke the form is kept in this browser, until the server has
// acknowledged just these words. htmx sends it (see the form's hx-trigger); this file watches, retries and restores.

const form = document.querySelector("#rate, #write-up");
const address = form.getAttribute("hx-post");
const prefix = `marlin.draft.${form.dataset.draft ?? document.body.dataset.assignment}.`;
const ownKey = prefix + form.elements.tab.value;
const BOOKKEEPING = new Set(["csrfmiddlewaretoken", "tab", "sequence", "revision"]);

const written = () => Object.fromEntries([...new FormData(form)].filter(([name]) => !BOOKKEEPING.has(name)));
const now = () => JSON.stringify(written());

let acknowledged = now(); // what the server is known to have
let sending = null; // what is under way
let tried = null; // what was sent last, arrived or not
let sequence = 0; // counts what was sent; a retry of the same words keeps its number
let failures = 0;
let retry = 0;
let slow = 0;
let submitting = false;

// --- Keep -------------------------------------------------------------------------------------------------------

function keep() {
  try {
    if (now() === acknowledged) return localStorage.removeItem(ownKey);
    const copy = { fields: written(), base: JSON.parse(acknowledged), at: Date.now() };
    localStorage.setItem(ownKey, JSON.stringify(copy));
  } catch {
    // Storage is full or switched off: the server's copy, a second later, is the only one.
  }
}
form.addEventListener("input", keep);
form.addEventListener("change", keep);

// --- Send -------------------------------------------------------------------------------------------------------

function nextSequence() {
  if (now() !== tried) sequence += 1;
  tried = now();
  return String(sequence);
}

form.addEventListener("htmx:configRequest", (event) => {
  if (event.target !== form) return;
  // `input` and `change` both tell of one change; and a submit carries the words itself.
  if (submitting || now() === acknowledged) return event.preventDefault();
  event.detail.parameters.sequence = nextSequence();
  sending = tried;
  clearTimeout(retry);
  slow = setTimeout(() => say("Saving …"), 1000);
});

form.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== form) return;
  clearTimeout(slow);
  if (event.detail.successful) arrived();
  else failed(event.detail.xhr);
});

function arrived() {
  acknowledged = sending;
  failures = 0;
  hush();
  keep();
}

function failed(xhr) {
  const redirected = xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(address, location.href).pathname;
  say(redirected ? "Kept here, not sent yet: sign in again in another tab" : "Kept here, not sent yet");
  failures += 1;
  clearTimeout(retry);
  retry = setTimeout(again, Math.min(60, 2 ** failures) * 1000);
  if (xhr.status === 403 || redirected) renewToken();
}

function again() {
  if (!submitting && now() !== acknowledged) htmx.trigger(form, "again");
}
window.addEventListener("online", again);
document.addEventListener("visibilitychange", () => document.hidden && again());

// Signing in anew changes the token that every form carries.
async function renewToken() {
  try {
    const answer = await fetch((document.querySelector("[data-tab]") ?? location).href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`#${form.id} [name=csrfmiddlewaretoken]`);
    if (fresh) form.elements.csrfmiddlewaretoken.value = fresh.value;
  } catch {
    // No connection: the next retry asks again.
  }
}

// The page goes away: one last request that outlives it.
window.addEventListener("pagehide", () => {
  if (submitting || now() === acknowledged) return;
  const body = new FormData(form);
  body.set("sequence", nextSequence());
  fetch(address, { method: "POST", body, keepalive: true, headers: { "HX-Request": "true" } }).catch(() => {});
});

form.addEventListener("submit", (event) => {
  const isDraft = event.submitter?.getAttribute("formaction") === address; // others lead on
  if (isDraft) {
    event.preventDefault();
    return again();
  }
  form.elements.sequence.value = nextSequence();
  submitting = true;
  keep();
});
// A submit that led nowhere (no connection, the back button) leaves a page that must go on saving.
window.addEventListener("pageshow", () => (submitting = false));

// --- Say --------------------------------------------------------------------------------------------------------

function say(words) {
  const saved = document.querySelector("#saved");
  saved.classList.add("unsent");
  saved.querySelector(".said").hidden = true;
  const pending = saved.querySelector(".pending");
  pending.hidden = false;
  if (pending.textContent !== words) pending.textContent = words;
}

function hush() {
  const saved = document.querySelector("#saved");
  saved.classList.remove("unsent");
  saved.querySelector(".said").hidden = false;
  saved.querySelector(".pending").hidden = true;
}

// --- Restore ----------------------------------------------------------------------------------------------------

function restore() {
  const copies = [];
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(prefix)) continue;
    try {
      copies.push([key, JSON.parse(localStorage.getItem(key))]);
    } catch {
      localStorage.removeItem(key);
    }
  }
  copies.sort(([, one], [, other]) => one.at - other.at);
  for (const [key, copy] of copies) merge(key, copy);
  if (now() === acknowledged) return;
  keep();
  say("Kept here, not sent yet");
  again();
}

// Field by field: what was changed here goes back into the form, unless it was changed elsewhere as well.
function merge(key, { fields, base }) {
  const server = JSON.parse(acknowledged);
  // The server's words come from the very page that kept this copy: it had an answer that got lost, no rival.
  const mine = key === prefix + form.dataset.writtenBy;
  const disputed = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements[name];
    if (!field || value === written()[name]) continue;
    if (mine) field.value = value;
    else if (value === base[name]) continue;
    else if (server[name] === base[name]) field.value = value;
    else if (field.matches?.("textarea")) disputed.push([name, value]);
  }
  keep(); // before the old copy goes
  if (disputed.length) offer(key, disputed);
  else if (key !== ownKey) localStorage.removeItem(key);
}

function offer(key, disputed) {
  const kept = document.querySelector("#kept");
  kept.hidden = false;
  for (const [name, value] of disputed) {
    const field = form.elements[name];
    const said = document.createElement("p");
    said.textContent = `“${field.labels[0].textContent.trim()}” was changed elsewhere after you typed this here:`;
    const text = document.createElement("p");
    text.className = "as-written";
    text.textContent = value;
    const take = button("Use this text", () => {
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    const leave = button("Leave it out", () => {});
    const part = document.createElement("div");
    part.append(said, text, take, " ", leave);
    part.addEventListener("click", (event) => {
      if (!event.target.closest("button")) return;
      part.remove();
      if (kept.children.length) return;
      kept.hidden = true;
      localStorage.removeItem(key);
    });
    kept.append(part);
  }
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

// After htmx has taken the form over, which it does when the page is parsed.
document.addEventListener("DOMContentLoaded", restore);
