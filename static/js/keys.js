// Keys of the pages about a pair; docs/keys.md lists them. Single letters are silent while somebody types, none is
// used with Ctrl, Alt or the command key (those are the browser's and the screen reader's), and all can be switched off.

import { keep, kept } from "./page.js";

const pane = document.querySelector(".code-pane");
const tabs = { p: "patches", t: "transcripts", e: "tests", w: "write_up", b: "base" };
const typing = "textarea, select, input:not([type=radio], [type=checkbox])";
const known = { g: () => (going = true), Escape: leave };
const asked = [];
let going = false; // after g, the next letter names a tab

// Each module says what its keys do; `c` and `q` are kept for remarks and citations.
export function bind(keys) {
  Object.assign(known, keys);
}

// Asked before the keys: true when the event was theirs.
export function first(question) {
  asked.push(question);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return known.Escape(event);
  if (event.target.closest(typing)) return;
  if (asked.some((question) => question(event))) return event.preventDefault();
  if (!allowed.checked) return;
  const act = going ? toTab(event.key) : known[event.key];
  going = false;
  if (!act) return;
  event.preventDefault();
  act(event);
});

function toTab(letter) {
  const tab = tabs[letter] && document.querySelector(`[data-tab="${tabs[letter]}"]`);
  return tab && (() => tab.click());
}

// Leaving a field leads back to the code.
function leave(event) {
  if (!event.target.closest(".panel, .files, .tabs")) return;
  event.target.blur();
  pane.focus({ preventScroll: true });
}

// Who speaks to the computer, or whose software wants the letters for itself, switches them off.
const allowed = document.querySelector("#letters");
allowed.checked = kept("marlin.keys", true) !== false;
allowed.addEventListener("change", () => keep("marlin.keys", allowed.checked));
