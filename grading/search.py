"""Searches all lines of both patches, those that are not loaded too; and those of the files of a commit."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TextIO

from grading.diffs import escape
from grading.models import PageWords, TreeWords

#: So many lines are shown; all are counted.
MOST_SHOWN = 200
MOST_QUERY = 200  # characters
_SHOWN_LINE = 240  # characters of a long line
_BEFORE = 60  # of them before what was found
_BLOCK = 500_000  # characters that are searched at once


@dataclass(frozen=True)
class FoundLine:
    """A line with what was found in it: `parts` are (text, whether it was looked for)."""

    side: str
    number: int
    kind: str
    parts: tuple[tuple[str, bool], ...]
    anchor: str


@dataclass
class FoundFile:
    """The lines of one file."""

    number: int
    path: str
    lines: list[FoundLine] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """The answer to one search."""

    query: str
    files: list[FoundFile]
    total: int
    cut: bool = False

    @property
    def shown(self) -> int:
        return min(self.total, MOST_SHOWN)

    @property
    def is_partial(self) -> bool:
        return self.total > MOST_SHOWN


def packed(words: Iterable[str]) -> tuple[bytes, bytes]:
    """(places, lines) of `PageWords`, from what the engine tells of each file in its order."""
    places, lines = [], []
    for number, told in enumerate(words):
        for line in told.split("\n") if told else ():
            side, position, kind, text = line.split("\t", 3)
            places.append(f"{number}\t{side}\t{position}\t{kind}")
            lines.append(text)
    return _packed(places), _packed(lines)


def _packed(lines: Sequence[str]) -> bytes:
    text = "\n".join(lines).encode("utf-8", "backslashreplace")
    return gzip.compress(text, compresslevel=6, mtime=0)


def search(words: PageWords | TreeWords | None, query: str, paths: Sequence[str]) -> Found:
    """Plain words, alike in capitals and small letters unless there is a capital among them."""
    query = query.replace("\r", "").replace("\n", " ")[:MOST_QUERY]
    if words is None or not query.strip():
        return Found(query, [], 0)
    exact = query != query.lower()
    hits, total = _hits(bytes(words.lines), query, exact)
    return Found(query, _files(words, query, hits, paths, exact), total, words.cut)


def _hits(lines: bytes, query: str, exact: bool) -> tuple[list[tuple[int, str]], int]:
    """(number, line) of those that are shown, and how many there are.

    Block by block: the lines of a huge pair, decoded and taken apart, would be hundreds of megabytes.
    """
    hits: list[tuple[int, str]] = []
    total = first = 0
    with _opened(lines) as text:
        while block := text.read(_BLOCK) + text.readline():
            # Lower-casing moves no line end, so lines keep their numbers.
            looked_at = block if exact else block.lower()
            if query in looked_at:
                found = [number for number, line in enumerate(looked_at.split("\n")) if query in line]
                total += len(found)
                if shown := found[: MOST_SHOWN - len(hits)]:
                    told = block.split("\n")
                    hits += [(first + number, told[number]) for number in shown]
            first += block.count("\n")
    return hits, total


def _opened(packed: bytes) -> TextIO:
    # Only a line feed ends a line here, whatever else the line holds.
    return io.TextIOWrapper(gzip.open(io.BytesIO(packed)), encoding="utf-8", newline="\n")


def _files(
    words: PageWords | TreeWords,
    query: str,
    hits: Sequence[tuple[int, str]],
    paths: Sequence[str],
    exact: bool,
) -> list[FoundFile]:
    files: dict[int, FoundFile] = {}
    for (_, line), place in zip(
        hits, _places(bytes(words.places), [number for number, _ in hits]), strict=True
    ):
        number, side, position, kind = place.rstrip("\n").split("\t")
        file = files.setdefault(int(number), FoundFile(int(number), paths[int(number)]))
        # What is removed stands at its number in the base, what is alike in both at A's.
        column = "base" if kind == "-" else "A" if side == "=" else side
        anchor = f"#f{number}-{column}{position}"
        file.lines.append(FoundLine(side, int(position), kind, _parts(line, query, exact), anchor))
    return list(files.values())


def _places(packed: bytes, numbers: Iterable[int]) -> Iterator[str]:
    """The lines of these numbers, which rise."""
    with _opened(packed) as lines:
        at = 0
        for number in numbers:
            yield next(islice(lines, number - at, None))
            at = number + 1


def _parts(line: str, query: str, exact: bool) -> tuple[tuple[str, bool], ...]:
    """The line around the first hit, in pieces; what does not show is written out."""
    folded = line if exact else line.lower()
    if len(folded) != len(line):  # a letter whose small form is longer: places do not carry over
        return ((escape.plain(line[:_SHOWN_LINE]), False),)
    low = max(0, folded.index(query) - _BEFORE) if len(line) > _SHOWN_LINE else 0
    line, folded = line[low : low + _SHOWN_LINE], folded[low : low + _SHOWN_LINE]
    parts, position = [("…", False)] if low else [], 0
    while (start := folded.find(query, position)) >= 0:
        end = start + len(query)
        parts += [(escape.visible(line[position:start]), False), (escape.visible(line[start:end]), True)]
        position = end
    parts.append((escape.visible(line[position:]), False))
    return tuple(part for part in parts if part[0])
