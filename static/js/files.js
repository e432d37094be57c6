// The files of both patches: fetched ahead of the reader, folded, opened wider, marked as read, found in the list.

import { announce } from "./page.js";
import { bind } from "./keys.js";

const pane = document.querySelector(".code-pane");
const ROW = 20; // pixels, as the style sheet has them
const HEAD = 36;
const LINE = window.matchMedia("(pointer: coarse)").matches ? 36 : 26; // of the list
const AHEAD = "1800px"; // so far before it is seen a file is asked for
const AT_ONCE = 3; // requests
const MOST_ROWS = 12_000; // that stay in the page; what is farthest away makes room
const SLICE = 20; // rows of one table: the browser lays out a table as a whole
const PER_FRAME = 40; // rows that enter the page between two pictures of it
const REACH = 24; // files that were not sent, kept together

const numberOf = (row) => /\d+$/.exec(row.querySelector("a").getAttribute("href"))[0];
const listed = new Map([...document.querySelectorAll("tr.file")].map((row) => [numberOf(row), row]));
const pathOf = (row) => row.querySelector("a").title;
const isOf = (row, kind) => row.dataset.kind.split(" ").includes(kind);
let articles = [];
let blocks = []; // what the pane holds: a file that was sent, or a reach of those that were not
let numbers = new Map(); // number -> article
let heights = []; // rows of each file in this view
export const files = () => articles;
export const fileNumbered = (number) => numbers.get(String(number));
const rowOf = (article) => listed.get(article.dataset.file);
const rowCount = (article) => Number(heights[article.dataset.file] ?? 0);
// Whether A or B changed it, as the list says.
export const touches = (article, side) => !isUntouched(rowOf(article), side);
const isUntouched = (row, side) => row.cells[side === "A" ? 1 : 3].matches(".none");
const isWaiting = (article) => article.querySelector(":scope > .rows.waiting") !== null;
const isFolded = (article) => article.classList.contains("is-folded");

// --- What is on the page; a change of the view brings other articles -----------------------------------------------

const foldedByHand = new Map(); // number -> folded

function begin() {
  for (const { controller } of coming.values()) controller.abort();
  coming.clear();
  near.clear();
  closeBy.clear();
  watcher.disconnect();
  const look = document.querySelector("#look");
  heights = look.dataset.heights.split(" ").map(Number);
  blocks = gather(look.querySelector(".remarks"));
  articles = blocks.flatMap((block) => block.articles);
  numbers = new Map(articles.map((article) => [article.dataset.file, article]));
  for (const article of articles) {
    const folded = foldedByHand.get(article.dataset.file);
    if (folded !== undefined && folded !== isFolded(article)) show(article, folded);
  }
  for (const slice of look.querySelectorAll(".slice")) keepSlice(slice, slice.querySelectorAll("tbody tr").length);
  for (const block of blocks) {
    keepRoom(block);
    watcher.observe(block.element);
  }
  showRead();
  tellUnloaded();
}

// Files that were not sent stand between those that were, in reaches: of one that is far away the browser knows how
// high it is, and nothing of what it holds.
function gather(last) {
  const found = [];
  for (const number of listed.keys()) {
    const sent = document.getElementById(`file-${number}`);
    if (sent) found.push({ element: sent, articles: [sent] });
    else {
      if (!found.at(-1)?.isReach || found.at(-1).articles.length === REACH) found.push(reach());
      found.at(-1).articles.push(placeholder(number));
    }
  }
  for (const { element, articles: held, isReach } of found) {
    if (isReach) {
      element.append(...held);
      last.after(element);
    }
    last = element;
  }
  return found;
}

function reach() {
  const element = document.createElement("div");
  element.className = "reach";
  return { element, articles: [], isReach: true };
}

// A file that was not sent: its name and its height. The rest comes when one comes near.
function placeholder(number) {
  const article = document.createElement("article");
  const row = listed.get(number);
  article.className = isOf(row, "folded") ? "file-diff bare is-folded" : "file-diff bare";
  article.classList.toggle("not-a", isUntouched(row, "A"));
  article.classList.toggle("not-b", isUntouched(row, "B"));
  article.classList.toggle("as-cells", isNotebook(row) && readsCells());
  article.id = `file-${number}`;
  article.dataset.file = number;
  article.setAttribute("aria-labelledby", `name-${number}`);
  const head = article.appendChild(document.createElement("header"));
  head.className = "file-head";
  const name = head.appendChild(document.createElement("h3"));
  name.id = `name-${number}`;
  name.appendChild(document.createElement("bdi")).textContent = pathOf(row);
  const rows = article.appendChild(document.createElement("div"));
  rows.id = `rows-${number}`;
  waitIn(rows, heights[number] * ROW);
  return article;
}

// As high as what will stand here, so that nothing jumps.
function waitIn(rows, height) {
  rows.className = "rows waiting";
  rows.style.blockSize = `${height}px`;
}

// The whole head of a file, as the server writes it for those that it sends.
function furnish(article) {
  if (!article.classList.contains("bare")) return;
  article.classList.remove("bare");
  const { file: number } = article.dataset;
  const row = rowOf(article);
  const path = pathOf(row);
  const made = document.querySelector("#file-template").content.firstElementChild.cloneNode(true);
  const head = made.querySelector("header");
  head.querySelector("h3").replaceWith(article.querySelector("h3"));
  const toggle = head.querySelector("[data-fold]");
  toggle.setAttribute("aria-expanded", String(!isFolded(article)));
  toggle.setAttribute("aria-controls", `rows-${number}`);
  toggle.setAttribute("aria-label", `Fold or open ${path}`);
  [...head.querySelectorAll(".per-side")].forEach((place, side) => tellSide(place, row.cells[side ? 3 : 1]));
  if (row.querySelector(".only")) head.querySelector("h3").after(tag(row.querySelector(".only").title));
  if (isNotebook(row)) head.querySelector("h3").after(notebookLink());
  if (row.dataset.generated) head.querySelector("h3").after(tag("generated", row.dataset.generated));
  if (row.dataset.apart) head.querySelector("h3").after(tag("set apart", row.dataset.apart));
  const mark = head.querySelector("[data-read]");
  mark.setAttribute("formaction", addressOf(number).replace(/(\?.*)?$/, "/read"));
  mark.setAttribute("aria-pressed", String(isRead(article)));
  mark.setAttribute("aria-label", `Read: ${path}`);
  article.querySelector("header").replaceWith(head);
  const warning = row.querySelector(".alert");
  if (warning) head.after(note(warning.title));
  if (row.dataset.images) article.querySelector(".rows").before(images(row.dataset.images, path));
}

function tellSide(place, cell) {
  const told = cell.matches(".none") ? "not touched" : cell.title;
  const quiet = document.createElement("span");
  quiet.className = cell.matches(".none") ? "quiet" : "quiet wide";
  quiet.textContent = told;
  const counts = cell.textContent.split(" ").flatMap((said) => [count(said), " "]);
  place.replaceChildren(place.querySelector(".side"), " ", ...(told ? [quiet, " "] : []), ...counts);
}

function count(said) {
  const made = document.createElement("span");
  made.className = { "+": "plus", "−": "minus" }[said[0]] ?? "quiet";
  made.textContent = said;
  return made;
}

function tag(words, reason = "") {
  const made = document.createElement("span");
  made.className = "tag";
  made.title = reason;
  made.textContent = words;
  return made;
}

function notebookLink() {
  const made = document.querySelector("#notebook-template").content.firstElementChild.cloneNode(true);
  made.href = otherReading();
  made.textContent = readsCells() ? "Show the file" : "Show cells";
  return made;
}

function note(sentence) {
  const made = document.querySelector("#note-template").content.firstElementChild.cloneNode(true);
  made.querySelector("span").textContent = sentence;
  return made;
}

function images(addresses, path) {
  const made = document.createElement("div");
  made.className = "images";
  for (const line of addresses.split("\n")) {
    const [label, address] = line.split(" ");
    const figure = document.querySelector("#image-template").content.firstElementChild.cloneNode(true);
    const caption = document.createElement("span");
    caption.textContent = label;
    if (label !== "Base") caption.className = `side ${label.toLowerCase()}`;
    figure.querySelector("figcaption").prepend(caption);
    figure.querySelector("img").src = address;
    figure.querySelector("img").alt = `${path}, ${label}`;
    made.append(figure);
  }
  return made;
}

// The height of what the browser has not laid out yet: right from the beginning, so that nothing jumps.
function keepRoom({ element, articles: held, isReach }) {
  for (const article of held) article.style.containIntrinsicBlockSize = `auto ${heightOf(article)}px`;
  if (isReach) element.style.containIntrinsicBlockSize = `auto ${sum(held.map(heightOf))}px`;
}

function heightOf(article) {
  const isHidden = article.matches(".is-folded, .only-a .not-a, .only-b .not-b");
  return HEAD + (isHidden ? 0 : rowCount(article) * ROW);
}

const sum = (numbers) => numbers.reduce((whole, number) => whole + number, 0);
const blockOf = (article) => blocks.find((block) => block.articles.includes(article));

// Where each file begins in the pane, and how high it is. In a reach that is far away, as its rows suggest.
export function places() {
  const found = [];
  for (const { element, articles: held, isReach } of blocks) {
    const top = element.offsetTop;
    const height = element.offsetHeight;
    const guessed = isReach && !closeBy.has(element);
    const ratio = guessed ? height / sum(held.map(heightOf)) : 1;
    let below = top;
    for (const article of held) {
      const tall = guessed ? heightOf(article) * ratio : isReach ? article.offsetHeight : height;
      found.push([article, below, tall]);
      below += tall;
    }
  }
  return found;
}

// --- Fetching ahead of the scroll -------------------------------------------------------------------------------

const near = new Set(); // files
const closeBy = new Set(); // reaches
const coming = new Map(); // article -> {promise, controller}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (target.matches(".reach")) approach(target, isIntersecting);
      else {
        near[isIntersecting ? "add" : "delete"](target);
        if (isIntersecting) furnish(target);
      }
    }
    pump();
  },
  { root: pane, rootMargin: `${AHEAD} 0px` },
);

// The files of a reach are watched while it is near itself.
function approach(reach, isNear) {
  closeBy[isNear ? "add" : "delete"](reach);
  for (const article of reach.children) {
    watcher[isNear ? "observe" : "unobserve"](article);
    if (!isNear) near.delete(article);
  }
}

// Where the rows of a file are, in this view and this rendering.
function addressOf(number) {
  const address = document.querySelector("#look").dataset.first.replace(/0(?=\?|$)/, number);
  return isNotebook(listed.get(number)) && readsCells() ? address.replace("view=pair", "view=cells") : address;
}
export const addressOfFile = (article) => addressOf(article.dataset.file);

// The nearest first: who scrolls fast past a hundred files waits for the one where they stop.
function pump() {
  const middle = pane.getBoundingClientRect().top + pane.clientHeight / 2;
  const distance = (article) => Math.abs(article.getBoundingClientRect().top - middle);
  const waiting = [...near].filter((one) => one.isConnected && !isFolded(one) && isWaiting(one) && !coming.has(one));
  waiting.sort((one, other) => distance(one) - distance(other));
  for (const article of waiting.slice(0, Math.max(0, AT_ONCE - coming.size))) load(article).catch(() => {});
}

// Resolves when the rows of the file stand in the page.
export function load(article) {
  if (!isWaiting(article)) return Promise.resolve(article);
  if (!coming.has(article)) {
    furnish(article);
    const controller = new AbortController();
    coming.set(article, { controller, promise: fetchRows(article, controller.signal) });
  }
  return coming.get(article).promise;
}

async function fetchRows(article, signal) {
  const rows = article.querySelector(".rows");
  try {
    const answer = await fetch(addressOfFile(article), { headers: { "HX-Request": "true" }, signal });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    await pour(rows, await answer.text());
  } catch (why) {
    if (!signal.aborted) {
      coming.delete(article);
      tell(article);
    }
    throw why;
  }
  rows.classList.remove("waiting");
  rows.style.blockSize = "";
  coming.delete(article);
  changed(article);
  tellUnloaded();
  makeRoom(article);
  pump();
  return article;
}

export function changed(article) {
  document.dispatchEvent(new CustomEvent("rows", { detail: article }));
}

// A long table goes in slice by slice, each a table of its own: the browser is never busy for long, and lays out
// only those that are seen.
async function pour(rows, html) {
  const body = html.indexOf(">", html.indexOf("<tbody")) + 1;
  const parts = [...slices(html.slice(body).split(/(?=<tr\b)/))];
  const opening = html.slice(0, body);
  const again = opening.replace(/<caption.*?<\/caption>/s, "");
  rows.replaceChildren();
  for (const [number, part] of parts.entries()) {
    while (left <= 0) await frame();
    left -= part.length;
    rows.append(slice(number ? again : opening, part));
  }
}

function* slices(rows) {
  if (rows[0]?.trim() === "") rows.shift();
  for (let low = 0; low < rows.length; low += SLICE) yield rows.slice(low, low + SLICE);
}

function slice(opening, rows) {
  const piece = document.createElement("div");
  piece.className = "slice";
  keepSlice(piece, rows.length);
  piece.innerHTML = opening + rows.join("");
  return piece;
}

function keepSlice(piece, rows) {
  piece.style.containIntrinsicBlockSize = `auto ${rows * ROW}px`;
}

let left = PER_FRAME;
let following = null;

function frame() {
  following ??= new Promise((resolve) => {
    const begin = () => {
      clearTimeout(unseen);
      left = PER_FRAME;
      following = null;
      resolve();
    };
    const unseen = setTimeout(begin, 100); // a page that nobody sees has no frames
    requestAnimationFrame(begin);
  });
  return following;
}

// The farthest files give their rows back when there are too many: they come again when one scrolls there.
function makeRoom(arrival) {
  if (keepsAll) return;
  const middle = articles.indexOf(arrival);
  const loaded = [];
  for (const [place, article] of articles.entries()) {
    if (!isWaiting(article)) loaded.push({ article, far: Math.abs(place - middle) });
  }
  let rows = loaded.reduce((sum, { article }) => sum + rowCount(article), 0);
  for (const { article } of loaded.sort((one, other) => other.far - one.far)) {
    if (rows <= MOST_ROWS) break;
    if (near.has(article) || article === standing?.closest(".file-diff") || article.contains(document.activeElement)) continue;
    rows -= rowCount(article);
    putAway(article);
  }
}

// The browser remembers how high a file was that nobody sees. Asked for it, it would lay out all of them.
function putAway(article) {
  const rows = article.querySelector(".rows");
  rows.replaceChildren();
  waitIn(rows, rowCount(article) * ROW);
  changed(article);
}

function tell(article) {
  const said = document.createElement("p");
  said.className = "empty";
  said.setAttribute("role", "alert");
  said.textContent = "This file did not arrive. ";
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button small";
  again.textContent = "Try again";
  again.addEventListener("click", () => load(article).catch(() => {}));
  const alone = document.createElement("a");
  alone.href = addressOfFile(article);
  alone.textContent = "open it alone";
  said.append(again, " or ", alone);
  const rows = article.querySelector(".rows");
  rows.style.blockSize = "";
  rows.replaceChildren(said);
}

// --- Notebooks: as their cells where A and B stand beside each other, or as the files that they are -------------------

const isNotebook = (row) => row.dataset.cells !== undefined;

function readsCells() {
  const { notebooks, first } = document.querySelector("#look").dataset;
  return notebooks === "cells" && first.includes("view=pair");
}

const otherReading = () => (readsCells() ? "?notebook=file" : "?view=pair&notebook=cells");

// Resolves when the other reading stands in the page.
export function readOtherwise() {
  if (![...listed.values()].some(isNotebook)) return announce("There is no notebook here.");
  announce(readsCells() ? "Notebooks are shown as files." : "Notebooks are shown as cells.");
  const place = { source: "#tools", target: "#look", select: "#look", swap: "outerHTML" };
  return htmx.ajax("GET", otherReading(), place);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-notebook]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  readOtherwise();
});

// --- What the browser's own search and the printer do not see --------------------------------------------------------

let keepsAll = false;

function tellUnloaded() {
  const note = document.querySelector("#unloaded");
  if (!note) return;
  const waiting = articles.filter(isWaiting).length;
  note.hidden = waiting === 0;
  note.querySelector("span").textContent =
    waiting === 1 ? "1 file is not loaded." : `${waiting} files are not loaded.`;
}

async function loadAll() {
  keepsAll = true;
  announce("Loading all files.");
  for (const article of articles) {
    fold(article, false);
    await load(article).catch(() => {});
  }
  announce("All files are loaded: find in page and printing see them.");
}
document.querySelector("#load-all")?.addEventListener("click", loadAll);

// --- Folding; a folded file is fetched when it is first opened ---------------------------------------------------------

export function fold(article, folded) {
  foldedByHand.set(article.dataset.file, folded);
  show(article, folded);
  changed(article);
  if (!folded) load(article).catch(() => {});
}

function show(article, folded) {
  article.classList.toggle("is-folded", folded);
  article.querySelector("[data-fold]")?.setAttribute("aria-expanded", String(!folded));
  keepRoom(blockOf(article));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (button) fold(button.closest(".file-diff"), button.getAttribute("aria-expanded") === "true");
});

// A link to a file opens what it leads to. Those of the list lead to a page of the file where there is no script.
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('tr.file a, a[href*="#file-"]');
  const row = link?.closest("tr.file");
  const number = row ? numberOf(row) : link?.hash.slice("#file-".length);
  const article = number && fileNumbered(number);
  if (!article) return;
  event.preventDefault();
  history.replaceState(null, "", `#file-${number}`);
  toFile(article);
});

export function toFile(article) {
  fold(article, false);
  go(article);
}

// One does not stand on a line any more, but at the file's head.
function go(article) {
  document.dispatchEvent(new CustomEvent("leave"));
  article.scrollIntoView();
  gone = { article, top: pane.scrollTop };
  pane.focus({ preventScroll: true });
}

// --- Read marks: shown at once, kept on the server ---------------------------------------------------------------------

const sending = new Map(); // address -> the last of its marks under way

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-read]");
  if (!button) return;
  event.preventDefault();
  const article = button.closest(".file-diff");
  mark(article, !isRead(article));
});

function mark(article, read) {
  setRead(article, read);
  const address = article.querySelector("[data-read]").formAction;
  const before = sending.get(address) ?? Promise.resolve();
  const sent = before.then(() => send(address, read)).catch(() => {
    setRead(article, !read);
    announce("The mark could not be kept.");
  });
  sending.set(address, sent);
}

async function send(address, read) {
  const body = new FormData(document.querySelector("#marks"));
  body.set("on", read ? "1" : "0");
  const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
}

const isRead = (article) => rowOf(article).classList.contains("read");

function setRead(article, read) {
  rowOf(article).classList.toggle("read", read);
  showRead();
}

// The list knows; a view that was fetched meanwhile may not know yet.
function showRead() {
  for (const article of articles) {
    article.querySelector("[data-read]")?.setAttribute("aria-pressed", String(isRead(article)));
  }
  const done = articles.filter(isRead).length;
  document.querySelector("#read-count").textContent = `${done} of ${articles.length} read`;
  document.querySelector("#read-bar").value = done;
  filter();
}

// --- You are here ------------------------------------------------------------------------------------------------------

let current = null;
let standing = null; // the row one stands on, as lines.js says
document.addEventListener("stand", (event) => (standing = event.detail));
document.addEventListener("leave", () => (standing = null));

// Where one went to, until one scrolls: the last files are too short to be brought under the heads.
let gone = null;

// The file under the heads of the pane. Only what is seen is asked for its place.
export function fileInView() {
  const top = pane.scrollTop + 72;
  if (gone && pane.scrollTop !== gone.top) gone = null;
  if (gone?.article.isConnected) return gone.article;
  const block = lastAbove(blocks, top, ({ element }) => element);
  if (!block?.isReach) return block?.element ?? null;
  return lastAbove(block.articles, top - block.element.offsetTop, (article) => article);
}

// Offsets grow downwards, so halves are enough to find it.
function lastAbove(all, top, elementOf) {
  let low = 0;
  let high = all.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (elementOf(all[middle]).offsetTop <= top) low = middle;
    else high = middle - 1;
  }
  return all[low];
}

// The file of the line one stands on while that is seen, else the one under the heads.
export function fileHere() {
  const row = standing?.isConnected ? standing : null;
  const box = row?.getBoundingClientRect();
  const room = pane.getBoundingClientRect();
  return box && box.bottom > room.top && box.top < room.bottom ? row.closest(".file-diff") : fileInView();
}

function showWhere() {
  const now = fileInView();
  if (now === current) return;
  current = now;
  document.querySelector("tr.file.now")?.classList.remove("now");
  document.querySelector("tr.file a[aria-current]")?.removeAttribute("aria-current");
  const row = listed.get(now?.dataset.file);
  row?.classList.add("now");
  row?.querySelector("a").setAttribute("aria-current", "true");
  if (row && !row.matches(":hover")) row.scrollIntoView({ block: "nearest" });
}
// The whole list is painted anew: not at every turn of the wheel.
let showing = 0;
pane.addEventListener("scroll", () => {
  showing ||= setTimeout(() => {
    showing = 0;
    requestAnimationFrame(showWhere);
  }, 100);
});

// --- The list: a filter hides rows of the list, never files ------------------------------------------------------------

const words = document.querySelector("#filter");
const kind = document.querySelector("#kind");

// A folder with many files is several bodies of the table.
const folders = [];
for (const body of document.querySelectorAll(".files tbody")) {
  const head = body.querySelector("tr.dir");
  if (head) folders.push({ head, bodies: [] });
  folders.at(-1).bodies.push({ body, rows: [...body.querySelectorAll("tr.file")] });
}

function filter() {
  const wanted = words.value.trim().toLowerCase();
  for (const row of listed.values()) row.hidden = !pathOf(row).toLowerCase().includes(wanted) || !isOfKind(row);
  for (const { head, bodies } of folders) {
    const shown = bodies.map(({ rows }) => rows.filter((row) => !row.hidden).length);
    head.hidden = sum(shown) === 0;
    for (const [place, { body }] of bodies.entries()) {
      const lines = shown[place] + (place === 0 && !head.hidden ? 1 : 0);
      body.style.containIntrinsicBlockSize = `${lines * LINE}px`;
    }
  }
}

function isOfKind(row) {
  if (kind.value === "unread") return !row.classList.contains("read");
  return !kind.value || isOf(row, kind.value);
}
words.addEventListener("input", filter);
kind.addEventListener("change", filter);

// The signs of the list say to the pointer what they say to those who listen.
document.querySelector(".files table").addEventListener("mouseover", (event) => {
  const cell = event.target.closest(".rel");
  if (cell && !cell.title) cell.title = cell.querySelector(".sr-only")?.textContent.trim() ?? "";
});

// --- Keys -----------------------------------------------------------------------------------------------------------------

export function step(count) {
  const next = articles[articles.indexOf(fileHere()) + count];
  if (!next) return announce(count > 0 ? "This is the last file." : "This is the first file.");
  go(next);
  announce(next.querySelector("h3").textContent);
}

function readAndNext() {
  const here = fileHere();
  if (!here) return;
  if (!isRead(here)) mark(here, true);
  const after = articles.slice(articles.indexOf(here) + 1);
  const next = after.find((article) => !isRead(article));
  if (next) return toFile(next);
  announce(articles.every(isRead) ? "All files are read." : "No unread file below this one.");
}

function toggleFiles() {
  const shut = document.body.classList.toggle("files-closed");
  document.querySelector("#toggle-files")?.setAttribute("aria-expanded", String(!shut));
}
document.querySelector("#toggle-files")?.addEventListener("click", toggleFiles);

bind({
  "]": () => step(1),
  "[": () => step(-1),
  v: readAndNext,
  x: () => fileHere() && fold(fileHere(), !isFolded(fileHere())),
  f: () => words.focus(),
  b: toggleFiles,
  o: readOtherwise,
});

document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "look" && begin());
document.addEventListener(
  "load",
  ({ target }) => {
    if (!target.matches?.(".images img")) return;
    const size = `${target.naturalWidth} × ${target.naturalHeight}`;
    target.closest("figure").querySelector(".size").textContent = size;
  },
  true,
);
// When htmx begins it looks at every attribute that there is, and the browser keeps an object for each: what is made
// here comes after that.
document.addEventListener("DOMContentLoaded", () => {
  begin();
  showWhere();
  const asked = /^#file-(\d+)$/.exec(location.hash);
  if (asked && fileNumbered(asked[1])) toFile(fileNumbered(asked[1]));
});
