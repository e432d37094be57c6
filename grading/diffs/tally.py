"""Counts over the rows of a file that the page tells in words: how much is alike, moved, or only blanks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grading.diffs.align import Cell, Row
from grading.diffs.sheets import Column, Sheet
from grading.diffs.views import is_unchanged


@dataclass(frozen=True)
class Tally:
    """Rows of A | B against the base."""

    #: By at least one side, and by both alike.
    changed: int = 0
    alike: int = 0
    #: Places, each of one row or more, where A and B part.
    differences: int = 0
    #: Added lines that were removed elsewhere in the file.
    moved: int = 0
    #: Lines in which nothing but blanks changed, each counted where it was added.
    blank: int = 0
    #: Where nothing else was changed in the file: "moved" or "blank".
    only: str = ""

    def as_entry(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "alike": round(self.alike / self.changed, 4) if self.changed else 0.0,
            "differences": self.differences,
            "moved": self.moved,
            "blank": self.blank,
            "only": self.only,
        }


def tally_of(sheet: Sheet) -> Tally:
    changed = alike = differences = moved = blank = 0
    parted = False
    anew = [set(column.changes.blank.values()) for column in (sheet.left, sheet.right)]
    for row in sheet.rows:
        if is_unchanged(row):
            parted = False
            continue
        changed += 1
        alike += row.alike
        differences += not row.alike and not parted
        parted = not row.alike
        if row.base is None:
            moved += _is_moved(sheet, row)
            blank += any(
                cell is not None and cell.number - 1 in lines
                for cell, lines in zip((row.left, row.right), anew, strict=True)
            )
    return Tally(changed, alike, differences, moved, blank, _only(sheet))


def _only(sheet: Sheet) -> str:
    """The one kind that all changed lines of both sides have; "" where there are several, or other changes."""
    kinds = _Kinds(sheet.left), _Kinds(sheet.right)
    found = ""
    for row in sheet.rows:
        for side, cell in zip(kinds, (row.left, row.right), strict=True):
            if cell is None or cell.kind == "same":
                continue
            kind = side.kind(cell)
            if not kind or (found and kind != found):
                return ""
            found = kind
    return found


class _Kinds:
    """What became of the changed lines of one side."""

    def __init__(self, column: Column) -> None:
        changes = column.changes
        self.blank = {"del": set(changes.blank), "add": set(changes.blank.values())}
        self.moved = {"del": set(changes.moved.values()), "add": set(changes.moved)}

    def kind(self, cell: Cell) -> str:
        if cell.number - 1 in self.blank[cell.kind]:
            return "blank"
        return "moved" if cell.number - 1 in self.moved[cell.kind] else ""


def _is_moved(sheet: Sheet, row: Row) -> bool:
    return any(
        cell is not None and cell.number - 1 in column.changes.moved
        for column, cell in ((sheet.left, row.left), (sheet.right, row.right))
    )
