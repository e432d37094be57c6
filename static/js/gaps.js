// Lines between the changes, opened where they are wanted. htmx is off inside of what strangers wrote, so this fetches.

import { addressOfFile, changed } from "./files.js";

const STEP = 20; // rows
const fetched = new WeakMap(); // fold -> promise of its rows

document.addEventListener("click", (event) => {
  const button = event.target.closest(".unfold");
  if (button) open(button.closest("tr"), button.dataset.opens ?? "all").catch(() => {});
});

// `how`: all, the first or the last rows, or those back to the definition around the code below.
export async function open(fold, how) {
  const article = fold.closest(".file-diff");
  let rows;
  try {
    if (!fetched.has(fold)) fetched.set(fold, fetchRows(fold, addressOfFile(article)));
    rows = await fetched.get(fold);
  } catch (why) {
    fetched.delete(fold);
    fold.querySelector(".quiet").textContent = "These lines did not arrive. Try again.";
    throw why;
  }
  if (!fold.isConnected || !rows.length) return; // pressed twice
  const opened = take(rows, how, Number(fold.dataset.reach ?? 0));
  if (how === "first") fold.before(...opened);
  else fold.after(...opened);
  if (how === "last") fold.dataset.reach = Number(fold.dataset.reach ?? 0) - opened.length;
  const focused = fold.contains(document.activeElement);
  if (rows.length) shrink(fold, rows.length);
  else fold.remove();
  if (focused && !fold.contains(document.activeElement)) goOn(opened[0]);
  changed(article);
}

function take(rows, how, reach) {
  if (how === "first") return rows.splice(0, STEP);
  if (how === "last") return rows.splice(-STEP);
  if (how === "definition" && reach > 0) return rows.splice(-reach);
  return rows.splice(0);
}

async function fetchRows(fold, address) {
  const [path, query] = address.split("?");
  const numbers = [];
  for (let gap = Number(fold.dataset.gap); gap <= Number(fold.dataset.to ?? fold.dataset.gap); gap++) numbers.push(gap);
  const parts = await Promise.all(numbers.map((gap) => fetchPart(`${path}/gaps/${gap}${query ? `?${query}` : ""}`)));
  return parts.flat();
}

async function fetchPart(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
  const holder = document.createElement("template");
  holder.innerHTML = `<table><tbody>${await answer.text()}</table>`;
  return [...holder.content.querySelectorAll("tr")];
}

function shrink(fold, left) {
  fold.querySelector(".quiet").textContent = `${left.toLocaleString("en")} unchanged ${left === 1 ? "line" : "lines"}`;
  if (left > 2 * STEP) return;
  for (const button of fold.querySelectorAll('[data-opens="first"], [data-opens="last"], [data-opens="definition"]')) {
    button.remove();
  }
}

// The button is gone; who pressed it goes on at the first of the lines.
function goOn(row) {
  if (!row) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
}
