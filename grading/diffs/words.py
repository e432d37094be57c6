"""The changed lines of both patches and what stands around them as plain text, for a search over all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grading.diffs import escape
from grading.diffs.align import Cell, Row
from grading.diffs.markup import MOST_LINE
from grading.diffs.rows import Gap, Shown
from grading.diffs.sheets import Column, Sheet

MOST_CHARACTERS = 400_000  # of one file
_SIGNS = {"same": " ", "add": "+", "del": "-"}


def words(sheet: Sheet, parts: Sequence[Shown | Gap]) -> tuple[str, bool]:
    """A line for each line shown, `side<TAB>number<TAB>kind<TAB>text`, and whether some had to be left out.

    Side is A, B, or = for what both have; the number is that of the side (of A for =), of the base for what is removed.
    """
    found: list[str] = []
    left = MOST_CHARACTERS
    for part in parts:
        if isinstance(part, Gap):
            continue
        for row in sheet.rows[part.low : part.high]:
            for line in _lines(sheet, row):
                left -= len(line) + 1
                if left < 0:
                    return "\n".join(found), True
                found.append(line)
    return "\n".join(found), False


def _lines(sheet: Sheet, row: Row) -> Iterator[str]:
    ours, theirs = row.left, row.right
    if ours and theirs and (row.alike or ours.kind == theirs.kind == "same"):
        yield _line("=", sheet, sheet.left, ours)
        return
    for letter, column, cell in (("A", sheet.left, ours), ("B", sheet.right, theirs)):
        if cell is not None and cell.kind != "same":
            yield _line(letter, sheet, column, cell)


def _line(letter: str, sheet: Sheet, column: Column, cell: Cell) -> str:
    version = sheet.base if cell.kind == "del" else column.version
    text = escape.visible(version.lines[cell.number - 1][:MOST_LINE])
    return f"{letter}\t{cell.number}\t{_SIGNS[cell.kind]}\t{text}"
