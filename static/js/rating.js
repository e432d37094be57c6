// The rating beside the code: closed or open, how wide, how much of it is done, and how long the task is yours.

import { keep, kept } from "./page.js";
import { bind, first } from "./keys.js";

const panel = document.querySelector(".panel");
const shape = kept("marlin.panel", {});
const scales = [...document.querySelectorAll("#rate .scale")];
const open = scales.filter((scale) => !scale.disabled);

// A form that was refused answers at its own address; loading the page again must not send it twice.
if (/\/(submit|decide)$/.test(location.pathname)) {
  history.replaceState(null, "", document.querySelector("[data-tab]").href);
}

// --- Closed or open, and how wide ------------------------------------------------------------------------------

const isClosed = () => document.body.classList.contains("rating-closed");

export function close(closed) {
  if (!panel) return;
  document.body.classList.toggle("rating-closed", closed);
  panel.querySelector("[data-toggle-panel]").setAttribute("aria-expanded", String(!closed));
  keep("marlin.panel", Object.assign(shape, { closed }));
}

if (panel) {
  const handle = panel.querySelector(".resize");
  const widen = (pixels) => {
    const width = Math.round(Math.min(560, Math.max(300, pixels)));
    document.body.style.setProperty("--panel", `${width}px`);
    handle.setAttribute("aria-valuenow", width);
    keep("marlin.panel", Object.assign(shape, { width }));
  };

  // On a tablet there is no room for all three: the rating begins as a rail.
  if (shape.closed ?? window.matchMedia("(max-width: 1100px)").matches) {
    document.body.classList.add("rating-closed");
    panel.querySelector("[data-toggle-panel]").setAttribute("aria-expanded", "false");
  }
  if (shape.width) widen(shape.width);
  else handle.setAttribute("aria-valuenow", Math.round(panel.offsetWidth));

  panel.querySelector("[data-toggle-panel]").addEventListener("click", () => close(!isClosed()));
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => widen(window.innerWidth - move.clientX);
  });
  handle.addEventListener("pointerup", () => (handle.onpointermove = null));
  handle.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") widen(panel.offsetWidth + 16);
    if (event.key === "ArrowRight") widen(panel.offsetWidth - 16);
  });
}

// --- Rating with digits and arrows -------------------------------------------------------------------------------

function rate() {
  if (!open.length) return;
  close(false);
  enter(open[0]);
}

function enter(scale) {
  (scale.querySelector(":checked") ?? scale.querySelector("input")).focus();
}

// Digits rate inside a scale and nowhere else: a stray one must not change a rating.
first((event) => {
  const scale = event.target.closest(".scale");
  return scale !== null && inScale(scale, event.key);
});

function inScale(scale, key) {
  const next = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (next) {
    const other = open[open.indexOf(scale) + next];
    if (other) enter(other);
    return true;
  }
  if (!/^[1-8]$/.test(key)) return false;
  const chosen = scale.querySelector(`input[value="${key}"]`);
  chosen?.focus();
  chosen?.click();
  return true;
}

bind({ r: rate, "\\": () => close(!isClosed()) });

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "Enter" || document.querySelector("dialog[open]")) return;
  const button = document.querySelector("#submit");
  if (!button) return;
  event.preventDefault();
  button.click();
});

// A link to a field of the form puts the cursor into it.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#field-"]');
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  close(false);
  (field.matches("fieldset") ? (field.querySelector(":checked") ?? field.querySelector("input")) : field).focus();
});

// --- How much is rated -----------------------------------------------------------------------------------------

const count = document.querySelector("#count");
if (count) {
  const tally = () => {
    count.textContent = `${scales.filter((scale) => scale.querySelector(":checked")).length} of ${scales.length} rated`;
  };
  document.addEventListener("change", tally);
  tally();
}

// --- Which side the conversation goes on from --------------------------------------------------------------------

const sides = [...document.querySelectorAll('#rate [name="continue_from"]')];
const overall = document.querySelector("#rate .scale.overall");
if (sides.length && overall) {
  const better = () => ["a", "b"].find((side) => overall.querySelector(`.step.${side} :checked`)) ?? "";
  let before = better();
  // While it says the same as the rating it goes along with it; somewhere else somebody put it, and there it stays.
  overall.addEventListener("change", () => {
    const chosen = sides.find((side) => side.checked)?.value ?? "";
    if (chosen === before) for (const side of sides) side.checked = side.value === better() && !side.disabled;
    before = better();
  });
}
