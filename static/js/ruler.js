// The whole of both patches at the right edge: where A and where B change something, what is seen now, what is not
// loaded. A picture for the eye and the mouse; j, k and the list say the same in words.

import { files, places as placesOf, touches } from "./files.js";
import { isAlike, kindOf, rowsOf } from "./rows.js";

const pane = document.querySelector(".code-pane");
const canvas = document.querySelector("#ruler");
const context = canvas.getContext("2d");
const HEAD = 36;
const LEAST = 4; // pixels of a file in which runs can be told apart
const LANES = { A: 0, B: 1 };

const sketches = new WeakMap(); // article -> runs of equal rows
const unsketched = new Set();
let colours = {};
let places = []; // [article, top, height] in the pane
// Asked for when they change and not while drawing, which would have the browser lay out the page once more.
let box = { width: 0, height: 0 };
let whole = 1; // heights of all that the pane holds, of what is seen of it, and of what lies above that
let seen = 0;
let above = 0;
let waiting = 0;
const picture = document.createElement("canvas"); // all but what is seen now, drawn when something has changed
let isStale = true;

function draw() {
  waiting = 0;
  const { width, height } = box;
  if (!width) return;
  const scale = window.devicePixelRatio;
  for (const one of [canvas, picture]) {
    if (one.width === Math.round(width * scale) && one.height === Math.round(height * scale)) continue;
    one.width = Math.round(width * scale);
    one.height = Math.round(height * scale);
    isStale = true;
  }
  const ratio = height / whole;
  if (isStale) drawAll(picture.getContext("2d"), width, height, ratio, scale);
  isStale = false;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = colours.seen;
  context.fillRect(0, above * ratio * scale, canvas.width, Math.max(8, seen * ratio) * scale);
  context.drawImage(picture, 0, 0);
}

function drawAll(on, width, height, ratio, scale) {
  on.setTransform(scale, 0, 0, scale, 0, 0);
  on.clearRect(0, 0, width, height);
  const lane = (width - 4) / 2;
  for (const [article, top, tall] of places) drawFile(on, article, top * ratio, tall * ratio, HEAD * ratio, lane);
}

function drawFile(on, article, top, tall, head, lane) {
  on.fillStyle = colours.edge;
  if (tall > 3) on.fillRect(0, top, lane * 2 + 4, 0.5);
  const { rows, runs, gist } = sketch(article);
  const step = Math.max(0, tall - head) / Math.max(rows, 1);
  for (const [side, kind, low, high] of tall < LEAST ? gist : runs) {
    on.fillStyle = colours[kind];
    on.fillRect(1 + LANES[side] * (lane + 2), top + head + low * step, lane, Math.max(1, (high - low) * step));
  }
}

// Runs of rows in which a side adds, removes, or does what the other does. What is not loaded, or has just arrived, is
// told by its counts.
function sketch(article) {
  const known = sketches.get(article);
  if (known) return known;
  if (!unsketched.size) sketchSoon();
  unsketched.add(article);
  const runs = [...unloaded(article)];
  return { rows: 1, runs, gist: runs };
}

// Thousands of rows may have arrived: one file after the other, while nobody waits.
function sketchSoon() {
  const later = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  later(() => {
    const [article] = unsketched;
    unsketched.delete(article);
    const rows = rowsOf(article);
    const runs = rows.length ? [...runsOf(rows)] : [...unloaded(article)];
    sketches.set(article, { rows: rows.length || 1, runs, gist: [...gistOf(runs, rows.length || 1)] });
    if (unsketched.size) return sketchSoon();
    isStale = true;
    soon();
  });
}

function* runsOf(rows) {
  for (const side of Object.keys(LANES)) {
    let kind = "";
    let low = 0;
    for (const [place, row] of [...rows, null].entries()) {
      const now = row ? kindHere(row, side) : "";
      if (now === kind) continue;
      if (kind) yield [side, kind, low, place];
      [kind, low] = [now, place];
    }
  }
}

// One run for each side, of the kind that most of its rows are: a file of a thousand is a line of the picture.
function* gistOf(runs, rows) {
  for (const side of Object.keys(LANES)) {
    const lengths = {};
    for (const [whose, kind, low, high] of runs) {
      if (whose === side) lengths[kind] = (lengths[kind] ?? 0) + high - low;
    }
    const [most] = Object.entries(lengths).sort(([, one], [, other]) => other - one);
    if (most) yield [side, most[0], 0, rows];
  }
}

function kindHere(row, side) {
  const kind = kindOf(row, side);
  if (!kind) return "";
  if (isAlike(row)) return "alike";
  return isDirect() ? side : kind;
}

function* unloaded(article) {
  for (const side of Object.keys(LANES)) {
    if (touches(article, side)) yield [side, "unloaded", 0, 1];
  }
}

// A against B: neither is the older one, so that each line has its side's colour.
const isDirect = () => document.querySelector("#look").dataset.view === "direct";

// --- When to draw again ------------------------------------------------------------------------------------------

function soon() {
  waiting ||= requestAnimationFrame(draw);
}

function measure() {
  places = placesOf();
  box = canvas.getBoundingClientRect();
  whole = Math.max(pane.scrollHeight, 1);
  seen = pane.clientHeight;
  above = pane.scrollTop;
  isStale = true;
  soon();
}

// A thousand files have a thousand places to measure: not at every turn of the wheel.
let measuring = 0;
function measureSoon() {
  measuring ||= setTimeout(() => {
    measuring = 0;
    requestAnimationFrame(measure);
  }, 250);
}

function colour() {
  const style = getComputedStyle(document.body);
  const of = (name) => style.getPropertyValue(name).trim();
  colours = {
    add: of("--fgColor-success"),
    del: of("--fgColor-danger"),
    A: of("--a-solid"),
    B: of("--b-solid"),
    alike: of("--fgColor-muted"),
    unloaded: of("--borderColor-muted"),
    edge: of("--borderColor-muted"),
    seen: of("--bgColor-neutral-muted"),
  };
  isStale = true;
  soon();
}

document.addEventListener("rows", (event) => {
  if (event.detail) sketches.delete(event.detail);
  else for (const article of files()) sketches.delete(article);
  measureSoon();
});
pane.addEventListener(
  "scroll",
  () => {
    above = pane.scrollTop;
    soon();
  },
  { passive: true },
);
const watch = new ResizeObserver(measureSoon);
function begin() {
  watch.disconnect();
  watch.observe(pane);
  watch.observe(canvas);
  watch.observe(document.querySelector("#look"));
  measureSoon();
}
document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "look" && begin());
new MutationObserver(colour).observe(document.documentElement, { attributes: true });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);

// --- The mouse -----------------------------------------------------------------------------------------------------

function scrollTo(event) {
  const { top, height } = canvas.getBoundingClientRect();
  pane.scrollTop = ((event.clientY - top) / height) * pane.scrollHeight - pane.clientHeight / 2;
}
canvas.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  scrollTo(event);
  canvas.onpointermove = scrollTo;
});
canvas.addEventListener("pointerup", () => (canvas.onpointermove = null));

colour();
begin();
