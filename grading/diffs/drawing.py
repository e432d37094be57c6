"""Draws the files of one comparison as finished HTML, and as values for those who ask."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from grading.diffs import escape, kinds, markup, rows
from grading.diffs.align import Cell, Row
from grading.diffs.caps import Caps
from grading.diffs.facts import facts_of
from grading.diffs.highlight import Highlighter
from grading.diffs.images import kind_of
from grading.diffs.listing import Listed, Relation, SideFile, mirrored, relation, side_file
from grading.diffs.markup import MOST_LINE
from grading.diffs.notebooks import as_cells
from grading.diffs.rows import ToldCell, ToldRow
from grading.diffs.sheets import Column, Sheet, sheet_of
from grading.diffs.tables import Alternatives, BaseCells, SideCells, Table
from grading.diffs.tally import Tally, tally_of
from grading.diffs.views import VIEWS, View, is_unchanged
from grading.diffs.warnings import warnings_of
from grading.diffs.words import words

_CLOSED = "Unchanged lines of this file cannot be opened here: there are too many of them."
_TOKEN = 60  # characters of HTML for one odd character


@dataclass(frozen=True)
class Drawn:
    """One view of a file: its table, and the hidden rows in pieces, each compressed as it is stored and sent."""

    body: bytes
    pieces: tuple[bytes, ...]
    #: That stand on the page before anything is opened.
    rows: int

    @property
    def html(self) -> str:
        return gzip.decompress(self.body).decode()

    @property
    def gaps(self) -> tuple[str, ...]:
        return tuple(gzip.decompress(piece).decode() for piece in self.pieces)


def packed(html: str) -> bytes:
    # No time in the header: equal rows are equal bytes.
    return gzip.compress(html.encode(), compresslevel=6, mtime=0)


@dataclass(frozen=True)
class FileView:
    """One file that at least one side touched."""

    path: str
    left: SideFile | None
    right: SideFile | None
    relation: Relation
    group: kinds.Group
    #: Why the file counts as generated, in words; "" for others.
    generated: str
    warnings: tuple[str, ...]
    degraded: tuple[str, ...]
    folded: bool
    views: Mapping[str, Drawn]
    tally: Tally
    #: Which of base, left and right a browser could show as an image, and of which type.
    images: Mapping[str, str] = field(default_factory=dict)
    #: For the search; see grading.diffs.words.
    words: str = ""
    words_cut: bool = False
    #: The rows as values, where they were asked for.
    told: tuple[ToldRow, ...] = ()

    def as_entry(self) -> dict[str, Any]:
        return {
            "path": escape.plain(self.path),
            "left": _entry(self.left),
            "right": _entry(self.right),
            "relation": self.relation,
            "group": self.group,
            "generated": self.generated,
            "warnings": list(self.warnings),
            "degraded": list(self.degraded),
            "folded": self.folded,
            "rows": {name: drawn.rows for name, drawn in self.views.items()},
            "gaps": {name: len(drawn.pieces) for name, drawn in self.views.items()},
            "sizes": {name: len(drawn.body) for name, drawn in self.views.items()},
            **self.tally.as_entry(),
            "images": dict(self.images),
            "words_cut": self.words_cut,
        }


def _entry(side: SideFile | None) -> dict[str, Any] | None:
    if side is None:
        return None
    old_path = None if side.old_path is None else escape.plain(side.old_path)
    return asdict(replace(side, path=escape.plain(side.path), old_path=old_path))


class Drawing:
    """Draws one file after the other, within the caps of all of them."""

    def __init__(self, caps: Caps, *, tell: bool = False) -> None:
        self.caps = caps
        self.highlighter = Highlighter(colours=caps.colours)
        self.tell = tell
        self.rows = 0
        self.gap_rows = 0
        self.apart_bytes = 0

    def draw(self, number: int, file: Listed) -> FileView:
        """The file that stands at this place of the page."""
        return next(self._orientations(number, file))

    def draw_both(self, number: int, file: Listed) -> tuple[FileView, FileView]:
        """The same, and its mirror image, for which every cell is there already."""
        forward, backward = self._orientations(number, file)
        return forward, backward

    def _orientations(self, number: int, file: Listed) -> Iterator[FileView]:
        self._save(file)
        sheet = sheet_of(file, self.caps, self.highlighter)
        self.highlighter.forget()
        plan = self._plan(sheet)
        base = BaseCells(sheet.base)
        cells = SideCells(base, sheet.left), SideCells(base, sheet.right)
        alternatives = Alternatives(words=self.caps.words)
        notebook = self._notebook(number, file)
        for side, (shown, aligned, planned, ordered) in enumerate(
            [
                (file, sheet, plan, cells),
                (mirrored(file), sheet.mirrored(), plan.mirrored(), (cells[1], cells[0])),
            ]
        ):
            view = self._view(number, shown, aligned, planned, ordered, alternatives)
            yield replace(view, views={**view.views, "cells": notebook[side]}) if notebook else view

    def _save(self, file: Listed) -> None:
        """A tree of dependencies must not take from the work what it costs to draw: it comes last, and plain."""
        if file.group == "apart":
            self.apart_bytes += sum(len(result or b"") for result in _results(file))
        if self.apart_bytes > self.caps.apart_bytes:
            self.caps = replace(self.caps, colours=False, words=False)
            self.highlighter = Highlighter(colours=False)

    def _notebook(self, number: int, file: Listed) -> tuple[Drawn, Drawn] | None:
        """A notebook's cells as a fourth view in both orientations, drawn as A | B; None for other files."""
        readable = as_cells(file) if self.caps.lines else None
        if readable is None:
            return None
        sheet = sheet_of(readable, self.caps, self.highlighter)
        self.highlighter.forget()
        plan = self._plan(sheet)
        base = BaseCells(sheet.base)
        left, right = SideCells(base, sheet.left), SideCells(base, sheet.right)
        alternatives = Alternatives(words=self.caps.words)
        forward, backward = (
            _drawn(
                file,
                aligned,
                Table(number, "pair", aligned, cells, alternatives),
                planned.aligned["pair"],
                planned.parts["pair"],
            )
            for aligned, planned, cells in (
                (sheet, plan, (left, right)),
                (sheet.mirrored(), plan.mirrored(), (right, left)),
            )
        )
        return forward, backward

    def _view(
        self,
        number: int,
        file: Listed,
        sheet: Sheet,
        plan: _Plan,
        cells: tuple[SideCells, SideCells],
        alternatives: Alternatives,
    ) -> FileView:
        views: dict[str, Drawn] = {}
        for view in VIEWS:
            table = Table(number, view, sheet, cells, alternatives)
            views[view] = _drawn(file, sheet, table, plan.aligned[view], plan.parts[view])
        said, is_cut = words(sheet, plan.parts["pair"])
        generated = kinds.generated_reason(file.path, file.base, *_results(file))
        return FileView(
            path=file.path,
            left=side_file(file.left),
            right=side_file(file.right),
            relation=relation(file.left, file.right),
            group=file.group,
            generated=generated,
            warnings=tuple(warnings_of(file, sheet)),
            degraded=(*sheet.degraded, *plan.cut),
            folded=file.group in kinds.FOLDED,
            views=views,
            tally=plan.tally,
            images=_images(file),
            words=said,
            words_cut=is_cut,
            told=tuple(_told(sheet, plan.parts["pair"])) if self.tell else (),
        )

    def _plan(self, sheet: Sheet) -> _Plan:
        """What stands on the page, what can be opened, and a sentence on what had to be cut."""
        most = max(0, min(self.caps.file_rows, self.caps.all_rows - self.rows))
        # Rows made from hunks have no gaps, and so nothing that has to be found around them.
        headings = rows.Headings(() if sheet.sparse else sheet.base.lines)  # type: ignore[arg-type]
        aligned: dict[View, Sequence[Row]] = {
            "pair": sheet.rows,
            "three": sheet.three(),
            "direct": sheet.direct(),
        }
        parts: dict[View, list[rows.Shown | rows.Gap]] = {}
        cut: list[str] = []
        for view, lines in aligned.items():
            whole = [rows.Shown(0, len(lines))] if sheet.sparse else rows.fold(lines, headings)
            open_to_readers, opened, is_closed = _closed(
                sheet, lines, whole, self.caps.gap_rows - self.gap_rows, self.caps.file_characters
            )
            fitting = _writable(sheet, lines, open_to_readers, most, self.caps.file_characters)
            parts[view], left_out = _bounded(open_to_readers, lines, fitting)
            if view == "pair":
                self.gap_rows += opened
            if left_out and not cut:
                cut = [f"{left_out:,} more changed lines of this file are not drawn."]
            if is_closed and _CLOSED not in cut:
                cut = [*cut, _CLOSED]
        self.rows += sum(part.high - part.low for part in parts["pair"] if isinstance(part, rows.Shown))
        return _Plan(aligned, parts, tuple(cut), tally_of(sheet))


@dataclass(frozen=True)
class _Plan:
    """The rows of each view and the parts of them that are drawn."""

    aligned: Mapping[View, Sequence[Row]]
    parts: Mapping[View, Sequence[rows.Shown | rows.Gap]]
    cut: tuple[str, ...]
    tally: Tally

    def mirrored(self) -> _Plan:
        swapped = {
            view: [Row(row.base, row.right, row.left, row.alike) for row in lines]
            for view, lines in self.aligned.items()
        }
        return replace(self, aligned=swapped)


def _drawn(
    file: Listed, sheet: Sheet, table: Table, lines: Sequence[Row], parts: Sequence[rows.Shown | rows.Gap]
) -> Drawn:
    """The table of a view, whole."""
    facts = facts_of(file, table.view)
    body = (
        table.sparse(lines[: parts[-1].high] if parts else []) if sheet.sparse else table.folded(lines, parts)
    )
    highest = max((len(text) for text in (sheet.base.lines, sheet.left.version.lines)), default=0)
    opening = markup.opening(file.path, table.view, max(highest, len(sheet.right.version.lines)))
    shown = [part for part in parts if isinstance(part, rows.Shown)]
    return Drawn(
        packed("".join((opening, *facts, *body, markup.CLOSING))),
        tuple(packed(piece) for piece in table.gaps(lines, parts)),
        len(facts) + sum(part.high - part.low for part in shown) + len(parts) - len(shown),
    )


def _results(file: Listed) -> tuple[bytes | None, ...]:
    return tuple(touch.result for touch in (file.left, file.right) if touch is not None)


def _images(file: Listed) -> dict[str, str]:
    contents = {
        "base": file.base,
        "left": file.left and file.left.result,
        "right": file.right and file.right.result,
    }
    return {name: found for name, content in contents.items() if (found := kind_of(content))}


def _bounded(
    parts: Sequence[rows.Shown | rows.Gap], aligned: Sequence[Row], most: int
) -> tuple[list[rows.Shown | rows.Gap], int]:
    """The parts that fit, and how many changed rows do not. Hidden rows take no room from what was changed."""
    kept: list[rows.Shown | rows.Gap] = []
    used = 0
    for part in parts:
        length = part.high - part.low if isinstance(part, rows.Shown) else 0
        if used + length > most:
            end = part.low + most - used
            if end > part.low:
                kept.append(part._replace(high=end))
            return kept, sum(not is_unchanged(row) for row in aligned[end:])
        used += length
        kept.append(part)
    return kept, 0


def _closed(
    sheet: Sheet,
    lines: Sequence[Row],
    parts: Sequence[rows.Shown | rows.Gap],
    most: int,
    characters: int,
) -> tuple[list[rows.Shown | rows.Gap], int, bool]:
    """The parts, gaps that are too many no longer to be opened; how many rows can be, and whether some cannot."""
    kept: list[rows.Shown | rows.Gap] = []
    used, is_closed = 0, False
    for part in parts:
        if isinstance(part, rows.Gap):
            characters -= sum(_cost(sheet, row) for row in lines[part.low : part.high])
            is_closed = is_closed or characters < 0 or used + part.high - part.low > most
            used += 0 if is_closed else part.high - part.low
            part = part._replace(pieces=0) if is_closed else part
        kept.append(part)
    return kept, used, is_closed


def _writable(
    sheet: Sheet,
    lines: Sequence[Row],
    parts: Sequence[rows.Shown | rows.Gap],
    most: int,
    characters: int,
) -> int:
    """How many of the rows that stand on the page, `most` at most, stay below so many characters when written."""
    number = 0
    for part in parts:
        if isinstance(part, rows.Gap):
            continue
        for row in lines[part.low : part.high]:
            if number == most:
                return most
            characters -= _cost(sheet, row)
            if characters < 0:
                return number
            number += 1
    return most


def _cost(sheet: Sheet, row: Row) -> int:
    cost = 0
    for column, cell in ((sheet.left, row.left), (sheet.right, row.right)):
        if cell is not None:
            version = sheet.base if cell.kind == "del" else column.version
            cost += _written(version.lines[cell.number - 1][:MOST_LINE])
    return cost


def _written(line: str) -> int:
    return len(line) + _TOKEN * len(escape.ODD.findall(line))


def _told(sheet: Sheet, parts: Sequence[rows.Shown | rows.Gap]) -> Iterator[ToldRow]:
    for part in parts:
        gap = part.number if isinstance(part, rows.Gap) else 0
        for row in sheet.rows[part.low : part.high]:
            left, right = _told_cell(sheet, sheet.left, row.left), _told_cell(sheet, sheet.right, row.right)
            yield ToldRow(row.base, row.alike, gap, left, right)


def _told_cell(sheet: Sheet, column: Column, cell: Cell | None) -> ToldCell | None:
    if cell is None:
        return None
    index = cell.number - 1
    changes, is_gone = column.changes, cell.kind == "del"
    version, marked = (sheet.base, changes.removed) if is_gone else (column.version, changes.added)
    line = (sheet.raw if is_gone else column.raw)[index]
    text = version.lines[index]
    marks = () if cell.kind == "same" else marked.get(index, ())
    ending = _ending(line)
    encoding = "UTF-8" if (text + ending).encode() == line else "Latin-1"
    return ToldCell(cell.kind, cell.number, text, ending, encoding, marks)


def _ending(line: bytes) -> str:
    feed = "\n" if line.endswith(b"\n") else ""
    return "\r" + feed if line.removesuffix(b"\n").endswith(b"\r") else feed
