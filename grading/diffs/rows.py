"""Folds what nobody changed: three lines of context stay, a gap says how much it hides and where it lies."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from grading.diffs.align import Kind, Row
from grading.diffs.intraline import Span
from grading.diffs.views import is_unchanged

MOST_OPENED = 400  # rows that are fetched at once; a longer gap comes in pieces
CONTEXT = 3  # rows on each side of a change
LEAST_HIDDEN = 4  # fewer rows than this are cheaper to read than to open

_DEFINITION = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]+\))?"
    r"|unsafe|override|virtual|inline|open|data|sealed)\s+)*"
    r"(?:class|def|defp|defmodule|fn|func|fun|function|impl|interface|struct|enum|trait|module|namespace|object"
    r"|type|sub|proc|record|union)\b[^=;]*$"
    r"|\s*(?:class|def|fn|func|function|impl)\s+[\w<].*[{:]$"
)
_NOT_DEFINITIONS = re.compile(r"\s*(?:if|for|while|switch|return|else|catch|elif|with|do|try)\b")
_HEADING_LENGTH = 100  # characters


class Shown(NamedTuple):
    """Rows low:high stand on the page."""

    low: int
    high: int


class Heading(NamedTuple):
    """The definition around a line, and its own line, from zero."""

    line: int
    text: str


class Gap(NamedTuple):
    """Rows low:high are hidden, in pieces number:number + pieces (from one). `heading` is the definition that encloses
    what follows; it is the first of the last `reach` rows, or lies before the gap (0)."""

    low: int
    high: int
    number: int
    pieces: int
    heading: str
    reach: int


class ToldCell(NamedTuple):
    """One side of a row as values. Marks are changed words, as character offsets into the text."""

    kind: Kind
    number: int
    text: str
    #: What ends the line in the file: "\n", "\r\n", "\r" or "".
    ending: str
    encoding: str
    marks: tuple[Span, ...]


class ToldRow(NamedTuple):
    """A row as values: all texts of a file can be put together again from its rows. `gap` is 0 for a visible one."""

    base: int | None
    alike: bool
    gap: int
    left: ToldCell | None
    right: ToldCell | None


def fold(
    rows: Sequence[Row],
    heading: Callable[[int], Heading | None] = lambda line: None,
    line: Callable[[Row], int | None] = lambda row: row.base and row.base - 1,
) -> list[Shown | Gap]:
    """The parts of a file in order; `heading` gives the definition around a line (from zero), `line` that of a row."""
    parts: list[Shown | Gap] = []
    end, number = 0, 1
    for low, high in [*_visible(rows), (len(rows), len(rows))]:
        if low - end >= LEAST_HIDDEN:
            gap = _gap(end, low, number, heading, line(rows[low]) if low < len(rows) else None)
            number += gap.pieces
            parts.append(gap)
        else:
            low = end
        _show(parts, Shown(low, high))
        end = high
    return parts


def _gap(
    low: int, high: int, number: int, heading: Callable[[int], Heading | None], following: int | None
) -> Gap:
    pieces = -(-(high - low) // MOST_OPENED)
    found = None if following is None else heading(following)
    if found is None or following is None:
        return Gap(low, high, number, pieces, "", 0)
    reach = following - found.line
    return Gap(low, high, number, pieces, found.text, reach if reach <= high - low else 0)


def pieces(gap: Gap) -> list[Shown]:
    """The gap as rows that are fetched at once."""
    if not gap.pieces:
        return []
    return [Shown(low, min(low + MOST_OPENED, gap.high)) for low in range(gap.low, gap.high, MOST_OPENED)]


def _show(parts: list[Shown | Gap], shown: Shown) -> None:
    if shown.low == shown.high:
        return
    last = parts[-1] if parts else None
    if isinstance(last, Shown):
        parts[-1] = Shown(last.low, shown.high)
    else:
        parts.append(shown)


def _visible(rows: Sequence[Row]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number, row in enumerate(rows):
        if is_unchanged(row):
            continue
        low, high = max(0, number - CONTEXT), min(len(rows), number + CONTEXT + 1)
        if ranges and low <= ranges[-1][1]:
            low = ranges.pop()[0]
        ranges.append((low, high))
    return ranges


class Headings:
    """Finds the definition around a line by the indentation of lines that look like one, in any language."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._numbers: list[int] | None = None
        self._depths: list[int] = []

    def __call__(self, line: int) -> Heading | None:
        if self._numbers is None:  # most files have no gap that asks
            self._numbers = [number for number, text in enumerate(self._lines) if _is_definition(text)]
            self._depths = [_indentation(self._lines[number]) for number in self._numbers]
        depth = self._depth(line)
        last = bisect_left(self._numbers, line)
        for place in reversed(range(max(0, last - 200), last)):
            if self._depths[place] < depth:
                number = self._numbers[place]
                return Heading(number, self._lines[number].strip()[:_HEADING_LENGTH])
        return None

    def _depth(self, line: int) -> int:
        """Of the first line from here on that is not blank."""
        for text in self._lines[line : line + 50]:
            if text.strip():
                return _indentation(text)
        return 0


def _is_definition(text: str) -> bool:
    if len(text) > 300 or not (text := text.rstrip()) or _NOT_DEFINITIONS.match(text):
        return False
    return _DEFINITION.match(text) is not None or _opens_function(text)


def _opens_function(text: str) -> bool:
    """`int main(void) {`: C and its children name no keyword. Read without a regular expression, to stay linear."""
    return text[0].isalpha() and text.endswith("{") and "(" in text and not {"=", ";"} & set(text)


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip())
