// How the patches are shown: the view, white space, what both did alike, long lines. Remembered, and never at the
// price of one's place in the code.

import { announce, keep, kept } from "./page.js";
import { bind } from "./keys.js";
import { place, restore } from "./lines.js";

const YEAR = 365 * 24 * 3600;
const look = () => document.querySelector("#look");

// --- The view: another page's code in the place of this one's ---------------------------------------------------------

const links = [...document.querySelectorAll("#tools [data-view]")];
let before = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  // Of two views in a row the first may not have settled: the place is still the one of before.
  if (event.detail.target.id !== "look" || !event.detail.shouldSwap) return;
  before ??= place();
  // htmx says goodbye to every element of what it takes away, with events: of ten thousand rows that takes seconds.
  for (const part of look().querySelectorAll(".rows, .reach")) part.replaceChildren();
});
// At once, not when all has settled: the next key may come before that.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "look") showTools();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id !== "look") return;
  if (before) restore(before);
  before = null;
});

function showTools() {
  const { view } = look().dataset;
  for (const link of links) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const isSplit = look().classList.contains("is-split");
  split.hidden = view !== "a" && view !== "b";
  split.classList.toggle("on", isSplit);
  split.href = `?split=${isSplit ? 0 : 1}`;
  split.querySelector(".sr-only").textContent = `Base and result ${isSplit ? "in one column" : "side by side"}`;
  announce(links.find((link) => link.ariaCurrent)?.querySelector(".sr-only").textContent ?? "");
}

const choose = (name) => document.querySelector(`#view-${name}`)?.click();

function next() {
  const now = links.findIndex((link) => link.ariaCurrent);
  links[(now + 1) % links.length].click();
}

// One side alone: base and result in one column, or beside each other.
const split = document.querySelector("#split");
split.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  htmx.ajax("GET", split.getAttribute("href"), { source: "#tools", target: "#look", select: "#look", swap: "outerHTML" });
});

// --- White space -------------------------------------------------------------------------------------------------------

const blank = document.querySelector("#blank");
blank.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  let hides;
  keeping(() => (hides = look().classList.toggle("hides-blank")));
  blank.classList.toggle("on", hides);
  blank.querySelector(".sr-only").textContent = `${hides ? "Show" : "Hide"} changes of white space`;
  blank.href = `?blank=${hides ? "show" : "hide"}`;
  document.cookie = `compare_blank=${hides ? "hide" : "show"}; path=/; max-age=${YEAR}; samesite=lax`;
  announce(hides ? "Changes of white space are hidden." : "Changes of white space are shown.");
});

// --- What both did alike: shown, dimmed, folded to a line --------------------------------------------------------------

const ALIKE = ["shown", "dimmed", "folded"];
const alike = document.querySelector("#alike");

function showAlike(how) {
  document.body.dataset.alike = how;
  alike.classList.toggle("on", how !== "shown");
  alike.querySelector(".badge").textContent = how === "shown" ? "" : `alike ${how}`;
}
showAlike(ALIKE.includes(kept("marlin.alike", "shown")) ? kept("marlin.alike", "shown") : "shown");

alike.addEventListener("click", () => {
  const now = ALIKE[(ALIKE.indexOf(document.body.dataset.alike) + 1) % ALIKE.length];
  keeping(() => showAlike(now));
  keep("marlin.alike", now);
  announce(`What both did alike is ${now}.`);
});

// --- Long lines ----------------------------------------------------------------------------------------------------------

const wrap = document.querySelector("#wrap");

function wraps(on) {
  document.body.classList.toggle("no-wrap", !on);
  wrap.setAttribute("aria-pressed", String(on));
  wrap.classList.toggle("on", on);
}
wraps(kept("marlin.wrap", true) !== false);

wrap.addEventListener("click", () => {
  const on = document.body.classList.contains("no-wrap");
  keeping(() => wraps(on));
  keep("marlin.wrap", on);
});

// Rows change their height: what one looks at stays where it is.
function keeping(change) {
  const now = place();
  change();
  restore(now);
  document.dispatchEvent(new CustomEvent("rows"));
}

bind({
  1: () => choose("pair"),
  2: () => choose("three"),
  3: () => choose("direct"),
  4: () => choose("a"),
  5: () => choose("b"),
  m: next,
  u: () => split.hidden || split.click(),
  w: () => blank.click(),
  a: () => alike.click(),
  l: () => wrap.click(),
});
