"""Draws the files of one comparison as finished HTML, and as values for those who ask."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from grading.diffs import escape, kinds, rows
from grading.diffs.align import Cell, Lines, Row
from grading.diffs.caps import Caps
from grading.diffs.facts import facts_of
from grading.diffs.highlight import Highlighter
from grading.diffs.listing import Listed, Relation, SideFile, relation, side_file
from grading.diffs.markup import MOST_LINE, Column, Pen, Table
from grading.diffs.rows import ToldCell, ToldRow
from grading.diffs.sheets import Sheet, sheet_of
from grading.diffs.warnings import warnings_of

_TOKEN = 60  # characters of HTML for one odd character


@dataclass(frozen=True)
class FileView:
    """One file that at least one side touched. `html` is its table, `gaps` the rows that the table hides."""

    path: str
    left: SideFile | None
    right: SideFile | None
    relation: Relation
    group: kinds.Group
    warnings: tuple[str, ...]
    degraded: tuple[str, ...]
    folded: bool
    html: str
    gaps: tuple[str, ...]
    #: The rows as values, where they were asked for.
    told: tuple[ToldRow, ...] = ()

    def as_entry(self) -> dict[str, Any]:
        return {
            "path": escape.plain(self.path),
            "left": _entry(self.left),
            "right": _entry(self.right),
            "relation": self.relation,
            "group": self.group,
            "warnings": list(self.warnings),
            "degraded": list(self.degraded),
            "folded": self.folded,
            "gaps": len(self.gaps),
            "size": len(gzip.compress(self.html.encode(), compresslevel=6, mtime=0)),
        }


def _entry(side: SideFile | None) -> dict[str, Any] | None:
    if side is None:
        return None
    old_path = None if side.old_path is None else escape.plain(side.old_path)
    return asdict(replace(side, path=escape.plain(side.path), old_path=old_path))


class Drawing:
    """Draws one file after the other, within the caps of all of them."""

    def __init__(self, caps: Caps, highlighter: Highlighter, pen: Pen, *, tell: bool) -> None:
        self.caps = caps
        self.highlighter = highlighter
        self.pen = pen
        self.tell = tell
        self.rows = 0

    def draw(self, number: int, file: Listed) -> FileView:
        """The file that stands at this place of the page."""
        sheet = sheet_of(file, self.caps, self.highlighter)
        table = Table(number, file.path, sheet.base, sheet.left, sheet.right, self.pen)
        parts, cut = self._parts(sheet)
        shown, gaps = _body(table, sheet, parts)
        left, right = side_file(file.left), side_file(file.right)
        return FileView(
            path=file.path,
            left=left,
            right=right,
            relation=relation(file.left, file.right),
            group=file.group,
            warnings=tuple(warnings_of(file, sheet)),
            degraded=(*sheet.degraded, *cut),
            folded=file.group == "generated",
            html=table.html(facts_of(file), shown),
            gaps=tuple(gaps),
            told=tuple(_told(sheet, parts)) if self.tell else (),
        )

    def _parts(self, sheet: Sheet) -> tuple[list[rows.Shown | rows.Gap], list[str]]:
        """What stands on the page, what can be opened, and a sentence on what had to be cut."""
        if sheet.sparse:
            parts: list[rows.Shown | rows.Gap] = [rows.Shown(0, len(sheet.rows))]
        else:
            parts = rows.fold(sheet.rows, rows.Headings(sheet.base.lines))  # type: ignore[arg-type]
        most = max(0, min(self.caps.file_rows, self.caps.all_rows - self.rows))
        most = _writable(sheet, most, self.caps.file_characters)
        kept, left_out = _bounded(parts, sheet.rows, most)
        self.rows += sum(part.high - part.low for part in kept)
        return kept, [f"{left_out:,} more changed lines of this file are not drawn."] if left_out else []


def _bounded(
    parts: Sequence[rows.Shown | rows.Gap], aligned: Sequence[Row], most: int
) -> tuple[list[rows.Shown | rows.Gap], int]:
    """The parts that fit, and how many changed rows do not."""
    kept: list[rows.Shown | rows.Gap] = []
    used = 0
    for part in parts:
        length = part.high - part.low
        if used + length > most:
            end = part.low
            if isinstance(part, rows.Shown) and used < most:
                end = part.low + most - used
                kept.append(part._replace(high=end))
            return kept, sum(not rows.is_unchanged(row) for row in aligned[end:])
        used += length
        kept.append(part)
    return kept, 0


def _writable(sheet: Sheet, most: int, characters: int) -> int:
    """How many of the rows, `most` at most, stay below so many characters when they are written."""
    for number, row in enumerate(sheet.rows[:most]):
        for column, cell in ((sheet.left, row.left), (sheet.right, row.right)):
            if cell is not None:
                version = sheet.base if cell.kind == "del" else column.version
                characters -= _written(version.lines[cell.number - 1][:MOST_LINE])
        if characters < 0:
            return number
    return most


def _written(line: str) -> int:
    return len(line) + _TOKEN * len(escape.ODD.findall(line))


def _body(table: Table, sheet: Sheet, parts: Sequence[rows.Shown | rows.Gap]) -> tuple[list[str], list[str]]:
    """Visible HTML, and that of each gap."""
    if sheet.sparse:
        return table.sparse(sheet.rows[: parts[-1].high] if parts else []), []
    gaps = [table.rows(sheet.rows[part.low : part.high]) for part in parts if isinstance(part, rows.Gap)]
    return table.folded(sheet.rows, parts), gaps


def _told(sheet: Sheet, parts: Sequence[rows.Shown | rows.Gap]) -> Iterator[ToldRow]:
    for part in parts:
        gap = part.number if isinstance(part, rows.Gap) else 0
        for row in sheet.rows[part.low : part.high]:
            left = _told_cell(sheet, sheet.left, sheet.raw[1], row.left)
            yield ToldRow(
                row.base, row.alike, gap, left, _told_cell(sheet, sheet.right, sheet.raw[2], row.right)
            )


def _told_cell(sheet: Sheet, column: Column, raw: Lines, cell: Cell | None) -> ToldCell | None:
    if cell is None:
        return None
    index = cell.number - 1
    version, marked = (sheet.base, column.removed) if cell.kind == "del" else (column.version, column.added)
    line = (sheet.raw[0] if cell.kind == "del" else raw)[index]
    text = version.lines[index]
    marks = () if cell.kind == "same" else marked.get(index, ())
    ending = _ending(line)
    encoding = "UTF-8" if (text + ending).encode() == line else "Latin-1"
    return ToldCell(cell.kind, cell.number, text, ending, encoding, marks)


def _ending(line: bytes) -> str:
    feed = "\n" if line.endswith(b"\n") else ""
    return "\r" + feed if line.removesuffix(b"\n").endswith(b"\r") else feed
