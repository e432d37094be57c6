// The grammar of a table of code, as grading/diffs writes it and docs/diffs.md tells it: which row begins a change or
// a difference between A and B, and the number that a line has in the base, in A and in B.

export const SIDES = ["A", "B"];

// All rows of one file in order, in whatever pieces the table arrived.
export const rowsOf = (article) => [...article.querySelectorAll(".diff tbody tr")];

export const isFold = (row) => row.classList.contains("fold");
const isLine = (row) => !row.matches(".fold, .fact");

// The last cell is B's, the one before A's; the base, where it is shown, stands first.
function cellOf(row, of) {
  const cells = row.children;
  if (of === "B") return cells[cells.length - 1];
  if (of === "A") return cells[cells.length - 2];
  return cells.length === 3 ? cells[0] : null;
}

// The cell of a side's code; null where the side has no line.
export function codeOf(row, side) {
  if (!isLine(row)) return null;
  const cell = cellOf(row, side);
  return cell && !cell.classList.contains("g") && getComputedStyle(cell).display !== "none" ? cell : null;
}

const KINDS = { a: "add", d: "del", o: "only" };

// What a side did to its line of this row: added it, removed it, kept what the other has not ("only"), or "".
export function kindOf(row, side) {
  if (!isLine(row)) return "";
  const classes = cellOf(row, side).classList;
  for (const [letter, kind] of Object.entries(KINDS)) if (classes.contains(letter)) return kind;
  // In base | A | B a removed line is a hole in the side that removed it.
  return classes.contains("g") && cellOf(row, "base")?.matches(`.d, .d${side.toLowerCase()}`) ? "del" : "";
}

export const isAlike = (row) => row.classList.contains("e");

const begins = (row, what) => row.dataset.at?.split(" ").includes(what) ?? false;
const hides = (row, what) => what && row.closest(".look").matches(what) && row.classList.contains("w");

// Where a change begins. Of one side alone the other's changes are none; hidden white space is none either.
export function beginsChange(row) {
  if (hides(row, ".hides-blank")) return false;
  const look = row.closest(".look");
  const side = look?.dataset.view.toUpperCase();
  if (!SIDES.includes(side)) return begins(row, "c");
  const before = row.previousElementSibling;
  return kindOf(row, side) !== "" && !(before && kindOf(before, side) !== "");
}

// Where A and B part.
export const beginsDifference = (row) => begins(row, "d") && !hides(row, ".hides-blank");

// The line's number in the "base", in A or in B; null where it has none.
export function numberOf(row, of) {
  if (!isLine(row)) return null;
  const number = cellOf(row, of)?.dataset.n;
  return number === undefined ? null : Number(number);
}

// What a line is called in an address: its own number where it has one, that of the base where it is gone.
export function nameOf(row, side) {
  if (kindOf(row, side) !== "del" && numberOf(row, side) !== null) return `${side}${numberOf(row, side)}`;
  const base = numberOf(row, "base");
  return base === null ? null : `base${base}`;
}

export function rowNamed(article, of, number) {
  const fits = (row) => numberOf(row, of) === number && (of === "base" || kindOf(row, of) !== "del");
  return rowsOf(article).find(fits) ?? null;
}

// The fold that hides this line: the last one before the first line with a greater number.
export function foldAround(article, of, number) {
  let fold = null;
  for (const row of rowsOf(article)) {
    if (isFold(row)) {
      fold = row.dataset.gap ? row : fold;
      continue;
    }
    const own = numberOf(row, of);
    if (own !== null && own > number) return fold;
    if (own !== null) fold = null;
  }
  return fold;
}
