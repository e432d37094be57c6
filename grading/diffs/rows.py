"""Folds what nobody changed: three lines of context stay, a gap says how much it hides and where it lies."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from grading.diffs.align import Kind, Row
from grading.diffs.intraline import Span

CONTEXT = 3  # rows on each side of a change
LEAST_HIDDEN = 3  # fewer rows than this are cheaper to read than to open

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


class Gap(NamedTuple):
    """Rows low:high are hidden; `number` counts from one, `heading` is the definition that encloses what follows."""

    low: int
    high: int
    number: int
    heading: str


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


def fold(rows: Sequence[Row], heading: Callable[[int], str]) -> list[Shown | Gap]:
    """The parts of a file in order; `heading` gives the definition around a base line (from zero)."""
    parts: list[Shown | Gap] = []
    end = gaps = 0
    for low, high in _visible(rows):
        if low - end >= LEAST_HIDDEN:
            gaps += 1
            base = rows[low].base
            parts.append(Gap(end, low, gaps, heading(base - 1) if base else ""))
        else:
            low = end
        _show(parts, Shown(low, high))
        end = high
    if len(rows) - end >= LEAST_HIDDEN:
        parts.append(Gap(end, len(rows), gaps + 1, ""))
    elif end < len(rows):
        _show(parts, Shown(end, len(rows)))
    return parts


def _show(parts: list[Shown | Gap], shown: Shown) -> None:
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


def is_unchanged(row: Row) -> bool:
    return bool(row.left and row.right and row.left.kind == row.right.kind == "same")


class Headings:
    """Finds the definition around a line by the indentation of lines that look like one, in any language."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._numbers: list[int] | None = None
        self._depths: list[int] = []

    def __call__(self, line: int) -> str:
        if self._numbers is None:  # most files have no gap that asks
            self._numbers = [number for number, text in enumerate(self._lines) if _is_definition(text)]
            self._depths = [_indentation(self._lines[number]) for number in self._numbers]
        depth = self._depth(line)
        last = bisect_left(self._numbers, line)
        for place in reversed(range(max(0, last - 200), last)):
            if self._depths[place] < depth:
                return self._lines[self._numbers[place]].strip()[:_HEADING_LENGTH]
        return ""

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
