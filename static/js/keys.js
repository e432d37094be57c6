// Keys of the compare page; docs/keys.md lists them. Single letters are silent while somebody types, and digits
// act inside a scale only: a stray digit must not change a rating.

const pane = document.querySelector(".code-pane");
const scales = [...document.querySelectorAll("#rate .scale:not(:disabled)")];
const tabs = { p: "patches", t: "transcripts", e: "tests", w: "write_up" };
let side = 0; // 0 is A, 1 is B
let here = null; // the row one stands on
let going = false; // after g, the next letter names a tab

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") return submit(event);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(event);
  if (event.target.closest("textarea, select, input:not([type=radio], [type=checkbox])")) return;

  const scale = event.target.closest(".scale");
  if (scale && inScale(scale, event.key)) return event.preventDefault();
  if (going) {
    going = false;
    const tab = tabs[event.key] && document.querySelector(`[data-tab="${tabs[event.key]}"]`);
    if (tab) tab.click();
    return;
  }
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

const keys = {
  j: () => toChange(1, isChanged),
  k: () => toChange(-1, isChanged),
  d: () => toChange(1, isDifferent),
  "]": () => toFile(1),
  "[": () => toFile(-1),
  v: readAndNext,
  x: () => file()?.dispatchEvent(new CustomEvent("fold", { bubbles: true })),
  s: otherSide,
  f: () => document.querySelector("#filter")?.focus(),
  g: () => (going = true),
  r: rate,
  "\\": () => document.dispatchEvent(new CustomEvent("panel")),
};

// --- Changes ---------------------------------------------------------------------------------------------------

const isChanged = (row) => row.matches("[data-at]");
const isDifferent = (row) => row.matches('[data-at~="d"]');

function toChange(step, counts) {
  const rows = [...document.querySelectorAll(".file-diff:not(.is-folded) .diff tbody tr")];
  const starts = rows.filter(counts);
  const next = step > 0 ? starts.find((row) => isAfter(row)) : starts.findLast((row) => isBefore(row));
  if (next) stand(next);
}

// Before the first key one stands where one has scrolled to.
function isAfter(row) {
  if (here?.isConnected) return here.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING;
  return row.getBoundingClientRect().top > pane.getBoundingClientRect().top + 72;
}

function isBefore(row) {
  if (here?.isConnected) return here.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_PRECEDING;
  return row.getBoundingClientRect().top < pane.getBoundingClientRect().top + 72;
}

function stand(row) {
  here?.classList.remove("now");
  here = row;
  here.classList.add("now");
  showSide();
  here.scrollIntoView({ block: "center" });
}

function otherSide() {
  side = 1 - side;
  if (here?.isConnected) showSide();
  else toChange(1, isChanged);
}

function showSide() {
  for (const cell of document.querySelectorAll(".diff .here")) cell.classList.remove("here");
  const cells = [...here.children];
  (side ? cells.at(-1) : cells.at(-2))?.classList.add("here");
}

// --- Files -------------------------------------------------------------------------------------------------------

const files = [...document.querySelectorAll(".file-diff")];

function file() {
  const current = document.querySelector("tr.file.now");
  return current && document.getElementById(`file-${current.dataset.for}`);
}

function toFile(step) {
  const next = files[files.indexOf(file()) + step];
  if (!next) return;
  here?.classList.remove("now");
  here = null;
  next.scrollIntoView();
}

function readAndNext() {
  const box = file()?.querySelector("[data-read]");
  if (!box) return;
  if (!box.checked) box.click();
  toFile(1);
}

// --- Rating --------------------------------------------------------------------------------------------------------

function rate() {
  if (!scales.length) return;
  document.dispatchEvent(new CustomEvent("panel", { detail: false }));
  enter(scales[0]);
}

function enter(scale) {
  (scale.querySelector(":checked") ?? scale.querySelector("input")).focus();
}

function inScale(scale, key) {
  const next = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (next) {
    const other = scales[scales.indexOf(scale) + next];
    if (other) enter(other);
    return true;
  }
  const chosen = /^[1-8]$/.test(key) && scale.querySelector(`input[value="${key}"]`);
  if (!chosen) return false;
  chosen.focus();
  chosen.click();
  return true;
}

function submit(event) {
  const button = document.querySelector("#submit");
  if (!button) return;
  event.preventDefault();
  button.click();
}

// Leaving a field leads back to the line one came from.
function leave(event) {
  if (!event.target.closest(".panel, .files")) return;
  event.target.blur();
  pane.focus({ preventScroll: true });
  here?.scrollIntoView({ block: "nearest" });
}

// A link to a field of the form puts the cursor into it.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#field-"]');
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("panel", { detail: false }));
  (field.matches("fieldset") ? (field.querySelector(":checked") ?? field.querySelector("input")) : field).focus();
});
