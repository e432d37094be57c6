"""Searches all lines of both patches, those that are not loaded too."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from grading.diffs import escape
from grading.models import PageWords

#: So many lines are shown; all are counted.
MOST_SHOWN = 200
MOST_QUERY = 200  # characters
_SHOWN_LINE = 240  # characters of a long line
_BEFORE = 60  # of them before what was found


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


def search(words: PageWords | None, query: str, paths: Sequence[str]) -> Found:
    """Plain words, alike in capitals and small letters unless there is a capital among them."""
    query = query.replace("\r", "").replace("\n", " ")[:MOST_QUERY]
    if words is None or not query.strip():
        return Found(query, [], 0)
    text = gzip.decompress(words.lines).decode()
    exact = query != query.lower()
    # Lower-casing moves no line end, so lines keep their numbers.
    looked_at = text if exact else text.lower()
    if query not in looked_at:
        return Found(query, [], 0, words.cut)
    hits = [number for number, line in enumerate(looked_at.split("\n")) if query in line]
    return Found(query, _files(words, text, query, hits[:MOST_SHOWN], paths, exact), len(hits), words.cut)


def _files(
    words: PageWords, text: str, query: str, hits: Sequence[int], paths: Sequence[str], exact: bool
) -> list[FoundFile]:
    if not hits:
        return []
    last = hits[-1] + 1  # the lines behind the last one that is shown need not be told apart
    lines = text.split("\n", last)
    places = gzip.decompress(words.places).decode().split("\n", last)
    files: dict[int, FoundFile] = {}
    for hit in hits:
        number, side, position, kind = places[hit].split("\t")
        file = files.setdefault(int(number), FoundFile(int(number), paths[int(number)]))
        # What is removed stands at its number in the base, what is alike in both at A's.
        column = "base" if kind == "-" else "A" if side == "=" else side
        anchor = f"#f{number}-{column}{position}"
        file.lines.append(FoundLine(side, int(position), kind, _parts(lines[hit], query, exact), anchor))
    return list(files.values())


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
