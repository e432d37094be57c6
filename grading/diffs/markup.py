"""Writes rows as a table. Tags come from here, text only through `escape`; no template, no style, no script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grading.diffs import escape
from grading.diffs.align import Cell, Kind, Row
from grading.diffs.highlight import Pieces
from grading.diffs.intraline import Span
from grading.diffs.rows import Gap, Shown

MOST_LINE = 20_000  # characters of one line that are shown
_LONG_LINE = 60  # characters; from here on a line may break after . ( and ,
_BREAK = re.compile(r"(?<=[.(,])(?=\w)")
_DEEPEST = 20  # columns of indentation for which the style sheet has a class
_TAB = 4  # columns

_SIGNS = {
    "same": "",
    "add": '<span class="sign" role="img" aria-label="added">+</span>',
    "del": '<span class="sign" role="img" aria-label="removed">−</span>',
}
_HATCHED = '<td class="gap" colspan="2"></td>'


@dataclass(frozen=True)
class Version:
    """One text of a file (base, A's or B's) by zero-based line number, as it is written to the page."""

    lines: Sequence[str] | Mapping[int, str]
    pieces: Sequence[Pieces] | Mapping[int, Pieces]
    #: What a line ends in that has to be seen: a carriage return, or no line feed at all.
    endings: Mapping[int, str]


@dataclass(frozen=True)
class Column:
    """One side: its text, and the changed words of lines it removed (base numbers) and added (its own)."""

    letter: str
    version: Version
    removed: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    added: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)


class Pen:
    """Writes the inside of a line and remembers it: A and B share most lines, and so do both orientations."""

    _MOST = 200_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, Pieces, tuple[Span, ...]], str] = {}

    def inside(self, line: str, pieces: Pieces, marks: tuple[Span, ...]) -> str:
        key = (line, pieces, marks)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._MOST:
                self._known.clear()
            known = self._known[key] = _inside(line, pieces, marks)
        return known


def _inside(line: str, pieces: Pieces, marks: tuple[Span, ...]) -> str:
    if len(line) > MOST_LINE:
        more = f"{len(line) - MOST_LINE:,} more characters"
        return f'{escape.text(line[:MOST_LINE])}<span class="quiet"> … {more}</span>'
    written, position = [], 0
    for low, high in marks:
        written.append(_coloured(line, pieces, position, low))
        written.append(f"<mark>{_coloured(line, pieces, low, high)}</mark>")
        position = high
    written.append(_coloured(line, pieces, position, len(line)))
    return "".join(written)


def _coloured(line: str, pieces: Pieces, low: int, high: int) -> str:
    written, breaks = [], len(line) > _LONG_LINE
    for start, end, css in pieces:
        if end <= low or start >= high:
            continue
        start, end = max(start, low), min(end, high)
        written.append(_text(line[low:start], breaks=breaks))
        written.append(f'<span class="{css}">{_text(line[start:end], breaks=breaks)}</span>')
        low = end
    written.append(_text(line[low:high], breaks=breaks))
    return "".join(written)


def _text(part: str, *, breaks: bool) -> str:
    if not breaks or len(part) < 3:
        return escape.text(part)
    return "<wbr>".join(escape.text(piece) for piece in _BREAK.split(part))


class Table:
    """The rows of one file; `number` is its place on the page and makes the ids of its rows."""

    def __init__(self, number: int, path: str, base: Version, left: Column, right: Column, pen: Pen) -> None:
        self.number = number
        self.path = path
        self.base = base
        self.left = left
        self.right = right
        self.pen = pen

    def html(self, facts: Sequence[str], body: Sequence[str]) -> str:
        """The table of the file. `facts` are finished rows that stand before the lines."""
        return "".join((opening(self.path), *facts, *body, CLOSING))

    def folded(self, rows: Sequence[Row], parts: Sequence[Shown | Gap]) -> list[str]:
        return [
            self._gap(part) if isinstance(part, Gap) else self.rows(rows[part.low : part.high])
            for part in parts
        ]

    def sparse(self, rows: Sequence[Row]) -> list[str]:
        """Rows made from hunks: where base numbers jump there are lines that nobody can open."""
        body, expected = [], 1
        for row in rows:
            if row.base is not None:
                if row.base > expected:
                    body.append(unseen_gap(row.base - expected))
                expected = row.base + 1
            body.append(self._row(row))
        return body

    def rows(self, rows: Sequence[Row]) -> str:
        return "".join([self._row(row) for row in rows])

    def _row(self, row: Row) -> str:
        if row.base is None:
            opened = '<tr class="alike">' if row.alike else "<tr>"
            head = f'{opened}<td class="base"></td>'
        else:
            css = ' class="alike"' if row.alike else ""
            head = f'<tr{css} id="f{self.number}-b{row.base}"><th scope="row">{row.base}</th>'
        mark = '<td class="mark">=</td>' if row.alike else '<td class="mark"></td>'
        return f"{head}{self._cell(self.left, row.left)}{mark}{self._cell(self.right, row.right)}</tr>"

    def _cell(self, column: Column, cell: Cell | None) -> str:
        if cell is None:
            return _HATCHED
        kind, number = cell
        css = "" if kind == "same" else f" {kind}"
        shown, anchor = ("", "") if kind == "del" else (str(number), "")
        if kind == "add":
            anchor = f' id="f{self.number}-{column.letter}{number}"'
        inside, depth = self._line(column, kind, number - 1)
        return f'<td class="no{css}"{anchor}>{shown}</td><td class="code{css}{depth}">{_SIGNS[kind]}{inside}</td>'

    def _line(self, column: Column, kind: Kind, index: int) -> tuple[str, str]:
        version = self.base if kind == "del" else column.version
        marks = {"same": {}, "add": column.added, "del": column.removed}[kind].get(index, ())
        line = version.lines[index]
        inside = self.pen.inside(line, version.pieces[index], marks) + version.endings.get(index, "")
        return inside, _depth(line)

    def _gap(self, gap: Gap) -> str:
        count = gap.high - gap.low
        lines = f"{count:,} unchanged {'line' if count == 1 else 'lines'}"
        heading = f"<code>{escape.text(gap.heading)}</code>" if gap.heading else ""
        return (
            f'<tr class="fold" id="f{self.number}-g{gap.number}" data-gap="{gap.number}"><th scope="row">'
            f'<button type="button" class="unfold" aria-label="Show {count:,} hidden lines">↕</button></th>'
            f'<td colspan="5"><span class="quiet">{lines}</span>{heading}</td></tr>'
        )


def _depth(line: str) -> str:
    if not line.startswith((" ", "\t")):
        return ""
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    columns = min(len(indentation.expandtabs(_TAB)) // 4 * 4, _DEEPEST)
    return f" in{columns}" if columns else ""


def opening(path: str) -> str:
    return (
        f'<table class="diff"><caption class="sr-only">{escape.text(path)}: base line, A, B</caption>'
        '<colgroup><col class="w-base"><col class="w-no"><col><col class="w-mark"><col class="w-no"><col></colgroup>'
        '<thead class="sr-only"><tr><th scope="col">Base line</th><th scope="col">A line</th><th scope="col">A</th>'
        '<th scope="col">Same in both</th><th scope="col">B line</th><th scope="col">B</th></tr></thead><tbody>'
    )


CLOSING = "</tbody></table>"


def fact(left: str, right: str) -> str:
    """A row that tells of the file rather than of a line: renamed, another mode, binary. "" where nothing is."""
    cells = '<td class="mark"></td>'.join(_fact_cell(said) for said in (left, right))
    return f'<tr class="fact"><td class="base"></td>{cells}</tr>'


def _fact_cell(said: str) -> str:
    if not said:
        return _HATCHED
    return f'<td class="no"></td><td class="code"><span class="quiet">{escape.text(said)}</span></td>'


def unseen_gap(count: int) -> str:
    """Unchanged lines that nobody can open, because the page was made from hunks alone."""
    return (
        '<tr class="fold"><th scope="row"></th>'
        f'<td colspan="5"><span class="quiet">{count:,} unchanged lines, not shown</span></td></tr>'
    )


NO_LINE_FEED = '<span class="odd" title="no line feed at the end of the file">no newline</span>'
CARRIAGE_RETURN = escape.token("\r")
