// Selecting and copying code: one side's lines, as they stand in the file. Numbers and signs are drawn by the style
// sheet, so they are no text; what is said for screen readers alone is left out here.

let selecting = null;

// Whoever begins in one column stays in it.
document.addEventListener("pointerdown", (event) => {
  const cell = event.target.closest?.(".diff td");
  if (selecting) delete selecting.dataset.selects;
  selecting = cell && !cell.closest(".fold, .fact") ? cell.closest(".diff") : null;
  if (!selecting) return;
  const place = String([...cell.parentElement.children].indexOf(cell) + 1);
  for (const table of cell.closest(".rows").querySelectorAll(".diff")) table.dataset.selects = place;
});

document.addEventListener("copy", (event) => {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  const start = cellAt(range.startContainer);
  if (!start || start === cellAt(range.endContainer)) return;
  const place = [...start.parentElement.children].indexOf(start);
  // The first row is cut off before the cell in which the selection begins.
  const rows = [...range.cloneContents().querySelectorAll("tr")];
  const lines = rows.map((row, number) => lineOf(row, number ? place : 0)).filter((line) => line !== null);
  if (!lines.length) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", lines.join("\n"));
});

const cellAt = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(".diff td") ?? null;

function lineOf(row, place) {
  if (row.matches(".fold, .fact")) return null;
  const cell = row.children[place];
  if (!cell || cell.matches(".g")) return null;
  for (const spoken of cell.querySelectorAll("small, .m")) spoken.remove();
  return cell.textContent;
}
