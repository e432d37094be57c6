"""What a reader has to be told of a file before trusting their eyes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grading.diffs import escape
from grading.diffs.align import Lines
from grading.diffs.highlight import Text
from grading.diffs.listing import Listed
from grading.diffs.markup import Version
from grading.diffs.sheets import Sheet, line_end


def warnings_of(file: Listed, sheet: Sheet) -> Iterable[str]:
    """Sentences on odd characters, encodings and line ends."""
    if found := escape.ODD.search(file.path):
        yield f"The file's name holds an odd character, {_named(found.group())}."
    for letter, touch in (("A", file.left), ("B", file.right)):
        if touch is not None and touch.apart and file.group != "apart":
            yield f"{letter}'s is set apart as {touch.apart}: it was neither tested nor continued from."
    for letter, touch, column in (("A", file.left, sheet.left), ("B", file.right, sheet.right)):
        if touch is not None:
            added = [cell for row in sheet.rows if (cell := row.left if letter == "A" else row.right)]
            yield from _odd_lines(letter, [c.number for c in added if c.kind == "add"], column.version)
    if sheet.read:
        yield from _encodings(sheet.read)
        yield from _line_ends((sheet.raw, sheet.left.raw, sheet.right.raw), file)


def _odd_lines(letter: str, added: Sequence[int], version: Version) -> Iterable[str]:
    found = [(number, odd) for number in added if (odd := escape.ODD.search(version.lines[number - 1]))]
    if found:
        number, odd = found[0]
        where = f"in line {number}" if len(found) == 1 else f"in {len(found):,} lines, first in line {number}"
        yield f"{letter} adds an odd character {where}: {_named(odd.group())}."


def _named(character: str) -> str:
    return f"{escape.name(character)}, shown as {escape.codepoint(character)}"


def _encodings(read: Sequence[Text]) -> Iterable[str]:
    names = ("The base", "A", "B")
    other = [name for name, text in zip(names, read, strict=True) if text.encoding != "UTF-8"]
    if other:
        yield f"Not UTF-8, read as Latin-1: {', '.join(other)}."


def _line_ends(raw: Sequence[Lines], file: Listed) -> Iterable[str]:
    ends = [line_end(lines) if lines else "" for lines in raw if isinstance(lines, list)]
    if {"CRLF"} == set(ends) - {""}:
        yield "Every line of this file ends in CR LF."
    for letter, end, touch in (("A", ends[1], file.left), ("B", ends[2], file.right)):
        if touch is not None and end and ends[0] and end != ends[0]:
            yield f"{letter} changes how lines end: {_end_words(ends[0])} before, {_end_words(end)} after."


def _end_words(end: str) -> str:
    return {"LF": "LF", "CRLF": "CR LF", "mixed": "LF and CR LF"}[end]
