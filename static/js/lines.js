// The line one stands on: to the next change, to the other side, to a line that a link names, and back again after
// the view has changed.

import { announce } from "./page.js";
import { bind } from "./keys.js";
import { fileHere, fileInView, fileNumbered, files, fold, load, readOtherwise } from "./files.js";
import { open } from "./gaps.js";
import { beginsChange, beginsDifference, codeOf, foldAround, kindOf, nameOf, numberOf, rowNamed, rowsOf, SIDES } from "./rows.js";

const pane = document.querySelector(".code-pane");
const HEADS = 72; // pixels that stay above the code: the sides' heads and the file's
let side = "A";
let here = null; // the row one stands on
let marked = null; // its cell on the side one looks at
let walk = 0; // counts steps: of two that wait for a file the later one wins

// --- Standing on a line -----------------------------------------------------------------------------------------

function stand(row, { focus = true, centre = true } = {}) {
  here?.classList.remove("now");
  here?.removeAttribute("tabindex");
  here = row;
  here.classList.add("now");
  here.tabIndex = -1;
  document.dispatchEvent(new CustomEvent("stand", { detail: here }));
  if (!codeOf(here, side) && codeOf(here, other(side))) side = other(side);
  showSide();
  if (centre) bringIntoView(here);
  if (focus) here.focus({ preventScroll: true });
  tellAddress();
}

// Lines of a notebook's cells are not those of its file: they have no address.
function tellAddress() {
  const name = here.closest(".as-cells") ? null : nameOf(here, side);
  if (name) history.replaceState(null, "", `#f${here.closest(".file-diff").dataset.file}-${name}`);
}

document.addEventListener("leave", () => {
  here?.classList.remove("now");
  here = null;
});

const other = (one) => (one === "A" ? "B" : "A");

function showSide() {
  marked?.classList.remove("here");
  marked = codeOf(here, side);
  marked?.classList.add("here");
}

function bringIntoView(row) {
  const box = row.getBoundingClientRect();
  const room = pane.getBoundingClientRect();
  if (box.top > room.top + HEADS + 60 && box.bottom < room.bottom - 60) return;
  settle(() => row.scrollIntoView({ block: "center" }));
}

// What was never seen has a guessed height until the browser draws it: aim again until nothing has moved.
let aim = 0;
async function settle(scroll) {
  const mine = ++aim;
  for (let times = 0; times < 4 && mine === aim; times++) {
    const before = pane.scrollTop;
    scroll();
    if (times && pane.scrollTop === before) return;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}

function otherSide() {
  const to = other(side);
  if (!here?.isConnected) return toChange(1, beginsChange);
  side = to;
  showSide();
  const cell = codeOf(here, side);
  announce(cell ? kindOf(here, side) === "del" ? `${side} removed this line` : `${side}, line ${numberOf(here, side)}` : `${side} has no line here.`);
  tellAddress();
}

// --- From change to change, through files that are still on their way ---------------------------------------------

async function toChange(step, begins) {
  const mine = ++walk;
  const all = files().filter((article) => !article.matches(".is-folded, .only-a .not-a, .only-b .not-b"));
  const from = here?.isConnected ? here.closest(".file-diff") : fileInView();
  let place = Math.max(0, all.indexOf(from));
  let row = here?.isConnected ? here : null;
  for (; all[place]; place += step) {
    try {
      await load(all[place]);
    } catch {
      return announce("The next file did not arrive.");
    }
    if (mine !== walk) return;
    const found = nextStart(rowsOf(all[place]), row, step, begins, all[place] === from);
    if (found) return stand(found);
    row = null;
  }
  announce(step > 0 ? "No change below this one." : "No change above this one.");
}

function nextStart(rows, row, step, begins, isFirst) {
  const starts = rows.filter(begins);
  const isBeyond = row ? (one) => follows(row, one, step) : isFirst ? (one) => isPast(one, step) : () => true;
  return step > 0 ? starts.find(isBeyond) : starts.findLast(isBeyond);
}

const follows = (row, one, step) =>
  row.compareDocumentPosition(one) & (step > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING);

// Before the first key one stands where one has scrolled to.
function isPast(row, step) {
  const top = pane.getBoundingClientRect().top + HEADS;
  const at = row.getBoundingClientRect().top;
  return step > 0 ? at >= top : at < top;
}

// --- Links to lines: #f3-A12 is line 12 of A in file 3, #f3-base12 that of the base -------------------------------------

const LINE = /^#f(\d+)-(A|B|base)(\d+)$/;

export async function goTo(hash) {
  const [, number, of, line] = LINE.exec(hash) ?? [];
  if (fileNumbered(number)?.matches(".as-cells")) await readOtherwise(); // the address means the file's own lines
  const article = fileNumbered(number);
  if (!article) return;
  fold(article, false);
  article.scrollIntoView();
  await load(article);
  const row = rowNamed(article, of, Number(line)) ?? (await uncover(article, of, Number(line)));
  if (!row) return announce("This line is not shown.");
  if (SIDES.includes(of)) side = of;
  stand(row);
}

async function uncover(article, of, line) {
  const gap = foldAround(article, of, line);
  if (!gap) return null;
  await open(gap, "all");
  return rowNamed(article, of, line);
}

const follow = () => LINE.test(location.hash) && goTo(location.hash).catch(() => {});
window.addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href*="#f"]');
  if (!link || !LINE.test(link.hash) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const cells = link.closest(".as-cells");
  const [, , of, line] = LINE.exec(link.hash);
  if (cells) stand(rowNamed(cells, of, Number(line)) ?? link.closest("tr"));
  else goTo(link.hash).catch(() => {});
});

// A click on a line's number stands on the line; its address then says where.
document.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".diff td, .diff th");
  if (!cell || event.target.closest("button, a") || cell.closest(".fold, .fact")) return;
  if (String(document.getSelection())) return;
  const row = cell.parentElement;
  for (const one of SIDES) if (codeOf(row, one) === cell) side = one;
  stand(row, { centre: false });
});

async function copyLink() {
  if (!here?.isConnected) return announce("Stand on a line first, with j.");
  if (here.closest(".as-cells")) return announce("Cells have no links: press o for the lines of the file.");
  try {
    await navigator.clipboard.writeText(location.href);
    announce("The link to this line is copied.");
  } catch {
    announce("The link is in the address bar.");
  }
}

// --- The place over a change of the view -------------------------------------------------------------------------------

let restoring = null;

// The first line that is seen, or the one that one stands on when that is seen: what it is, and how far down.
export function place() {
  if (restoring) return restoring; // one view after the other: the place is still the one of before
  const top = pane.getBoundingClientRect().top;
  const bottom = pane.getBoundingClientRect().bottom;
  const isSeen = (row) => row.getBoundingClientRect().bottom > top + HEADS && row.getBoundingClientRect().top < bottom;
  const article = fileInView();
  if (!article) return null;
  const row = here?.isConnected && isSeen(here) ? here : rowsOf(article).find((one) => isSeen(one) && names(one).length);
  const file = (row ?? article).closest(".file-diff");
  return {
    file: file.dataset.file,
    names: row ? names(row) : [],
    down: (row ?? file).getBoundingClientRect().top - top,
    stands: row !== undefined && row === here,
    focused: pane.contains(document.activeElement),
  };
}

const names = (row) =>
  ["base", side, other(side)].map((of) => [of, numberOf(row, of)]).filter(([, number]) => number !== null);

export async function restore(kept) {
  here = null;
  const article = kept && fileNumbered(kept.file);
  if (!article) return;
  restoring = kept;
  article.scrollIntoView();
  await load(article).catch(() => {});
  if (restoring !== kept || !article.isConnected) return;
  const row = nearest(article, kept.names);
  const target = row ?? article;
  await settle(() => {
    pane.scrollTop += target.getBoundingClientRect().top - pane.getBoundingClientRect().top - kept.down;
  });
  if (restoring !== kept || !target.isConnected) return;
  restoring = null;
  if (row && kept.stands) stand(row, { focus: kept.focused, centre: false });
  else if (kept.focused) pane.focus({ preventScroll: true });
}

// One side alone hides the rows that only the other has.
const isShown = (row) => SIDES.some((one) => codeOf(row, one));

// The same line if this view shows it, else the next one that it does.
function nearest(article, wanted) {
  const rows = rowsOf(article);
  for (const [of, number] of wanted) {
    const found = rows.find((row) => (numberOf(row, of) ?? -1) >= number && isShown(row));
    if (found) return found;
  }
  return null;
}

// --- Search: what is found stands in the place of the list, and `n` and `p` walk through it ------------------------------

const query = document.querySelector("#query");
const found = document.querySelector("#found");
const links = () => [...document.querySelectorAll('#found a[href*="#f"]')].filter((link) => LINE.test(link.hash));

function walkFound(step) {
  const all = links();
  if (!all.length) return announce("Search first, with /.");
  const next = all[all.findIndex((link) => link.ariaCurrent) + step] ?? (step > 0 ? all[0] : all.at(-1));
  for (const link of all) link.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  next.scrollIntoView({ block: "nearest" });
  goTo(next.hash).catch(() => {});
}

function forget() {
  query.value = "";
  document.querySelector("#found").replaceChildren();
}

query?.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    if (links().length) walkFound(event.shiftKey ? -1 : 1);
    else htmx.trigger("#seek", "submit");
  }
});
query?.addEventListener("input", () => query.value || forget());

// --- Keys -----------------------------------------------------------------------------------------------------------------

// Leaving a field leads back to the line one came from; once more, out of what was found.
function leave(event) {
  if (event.target === query && query.value) return forget();
  if (!event.target.closest(".panel, .files, .tabs")) return;
  event.target.blur();
  (here?.isConnected ? here : pane).focus({ preventScroll: true });
  here?.isConnected && bringIntoView(here);
}

function openHere(how) {
  const article = fileHere();
  const folds = article ? rowsOf(article).filter((row) => row.dataset.gap) : [];
  if (how === "file") return folds.reduce((before, row) => before.then(() => open(row, "all")), Promise.resolve());
  const beyond = here?.isConnected ? folds.find((row) => follows(here, row, 1)) : folds.find((row) => isPast(row, 1));
  const gap = beyond ?? folds.at(-1);
  if (!gap) return announce("Nothing is folded in this file.");
  return open(gap, how);
}

bind({
  j: () => toChange(1, beginsChange),
  k: () => toChange(-1, beginsChange),
  d: () => toChange(1, beginsDifference),
  D: () => toChange(-1, beginsDifference),
  s: otherSide,
  y: copyLink,
  e: () => openHere("all"),
  E: () => openHere("file"),
  "/": () => (document.body.classList.remove("files-closed"), query.focus(), query.select()),
  n: () => walkFound(1),
  p: () => walkFound(-1),
  Escape: leave,
});

document.addEventListener("DOMContentLoaded", () => follow());
