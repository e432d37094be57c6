"""Writes rows as tables. Tags come from here, text only through `escape`; no template, no style, no script.

A page holds ten thousands of these rows, so that a byte in each counts: end tags that HTML lets go are left out, and
what can be told from the place of a cell is told by the style sheet. docs/diffs.md, "Markup", is the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from grading.diffs import escape
from grading.diffs.highlight import Pieces
from grading.diffs.intraline import Span
from grading.diffs.rows import Gap
from grading.diffs.views import View

MOST_LINE = 20_000  # characters of one line that are shown
MOST_ODD = 1_000  # odd characters among them: each is an element, and a browser lays out a line as a whole
_LONG_LINE = 60  # characters; from here on a line may break after . ( and ,
_BREAK = re.compile(r"(?<=\S{10}[.(,])(?=\w)")  # where no blank is near that it could break at
_WRAPPED = 40  # characters; shorter lines need no place for a second row
_STEP, _MOST_STEPS = 4, 5  # columns of indentation that the style sheet knows: i1 to i5
_TAB = 4  # columns
_SPECIAL = re.compile("[&<>]")
#: The colours that most words have are elements of one letter; the others are classes of <i>.
_TAGS = {
    "k": ("<b>", "</b>"),
    "s": ("<u>", "</u>"),
    "n": ("<i>", "</i>"),
    "c": ("<i class=c>", "</i>"),
    "f": ("<i class=f>", "</i>"),
}

HATCHED = "<td class=g>"
CLOSING = "</table>"
#: The row that stands for hidden ones, as `fold` writes it.
FOLD = re.compile(
    r"<tr class=fold data-gap=(?P<first>\d+)(?: data-to=(?P<last>\d+))?[^>]*>.*?</tr>", re.DOTALL
)
NO_LINE_FEED = '<span class=odd title="no line feed at the end of the file">no newline</span>'
CARRIAGE_RETURN = escape.token("\r")


@dataclass(frozen=True)
class Version:
    """One text of a file (base, A's or B's) by zero-based line number, as it is written to the page."""

    lines: Sequence[str] | Mapping[int, str]
    pieces: Sequence[Pieces] | Mapping[int, Pieces]
    #: What a line ends in that has to be seen: a carriage return, or no line feed at all.
    endings: Mapping[int, str]


@dataclass(frozen=True)
class Mark:
    """Characters low:high of a line are changed; `side` ("a", "b") where only one side changed them."""

    low: int
    high: int
    side: str = ""


def marks_of(spans: Sequence[Span]) -> tuple[Mark, ...]:
    return tuple(Mark(low, high) for low, high in spans)


def marks_of_both(left: Sequence[Span], right: Sequence[Span]) -> tuple[Mark, ...]:
    """The changed words of a line of which A and B made different ones."""
    ends = sorted({end for span in (*left, *right) for end in span})
    found = []
    for low, high in pairwise(ends):
        one, other = (any(start <= low and high <= end for start, end in side) for side in (left, right))
        if one or other:
            found.append(Mark(low, high, "" if one and other else "a" if one else "b"))
    return tuple(found)


def inside(version: Version, index: int, marks: Sequence[Mark] = ()) -> str:
    """A line as the inside of its cell."""
    return _inside(version.lines[index], version.pieces[index], marks) + version.endings.get(index, "")


def _inside(line: str, pieces: Pieces, marks: Sequence[Mark]) -> str:
    shown = _shown(line)
    if shown < len(line):
        more = f"{len(line) - shown:,} more characters"
        return f"{escape.text(line[:shown])}<span class=quiet> … {more}</span>"
    if not pieces and not marks:
        return _text(line, breaks=len(line) > _LONG_LINE)
    # Most lines hold nothing that HTML would read as its own, and are written as they stand.
    plain = len(line) <= _LONG_LINE and not _SPECIAL.search(line) and not escape.ODD.search(line)
    if not marks:
        return _coloured(line, pieces, 0, len(line), plain=plain)
    written, position = [], 0
    for mark in marks:
        written.append(_coloured(line, pieces, position, mark.low, plain=plain))
        side = f" class={mark.side}" if mark.side else ""
        written.append(f"<mark{side}>{_coloured(line, pieces, mark.low, mark.high, plain=plain)}</mark>")
        position = mark.high
    written.append(_coloured(line, pieces, position, len(line), plain=plain))
    return "".join(written)


def _shown(line: str) -> int:
    """How many characters of a line are shown."""
    if len(line) <= MOST_ODD:
        return len(line)
    beyond = next(islice(escape.ODD.finditer(line, 0, MOST_LINE), MOST_ODD, None), None)
    return beyond.start() if beyond else min(len(line), MOST_LINE)


def _coloured(line: str, pieces: Pieces, low: int, high: int, *, plain: bool) -> str:
    if low >= high:
        return ""
    written, breaks = [], len(line) > _LONG_LINE
    for start, end, css in pieces:
        if end <= low:
            continue
        if start >= high:
            break
        start, end = max(start, low), min(end, high)
        before, within = line[low:start], line[start:end]
        if not plain:
            before, within = _text(before, breaks=breaks), _text(within, breaks=breaks)
        opening, closing = _TAGS[css]
        written.append(f"{before}{opening}{within}{closing}")
        low = end
    rest = line[low:high]
    written.append(rest if plain else _text(rest, breaks=breaks))
    return "".join(written)


def _text(part: str, *, breaks: bool) -> str:
    if not breaks or len(part) < 3:
        return escape.text(part)
    return "<wbr>".join(escape.text(piece) for piece in _BREAK.split(part))


def cell(classes: str, number: int | None, line: str, written: str) -> str:
    """A cell of code. `classes` are letters, each one class; `line` is its text before it was written."""
    if len(line) > _WRAPPED and line[0] in " \t":
        return f"<td{_attributes(f'{classes}{_depth(line)}', number)}>{written}"
    return f"<td{_attributes(classes, number)}>{written}"


def _attributes(classes: str, number: int | None) -> str:
    named = _named(classes)
    return named if number is None else f"{named} data-n={number}"


@lru_cache(maxsize=256)
def _named(classes: str) -> str:
    names = re.findall(r"i\d|d[ab]|[a-z]", classes)
    return f' class="{" ".join(names)}"' if len(names) > 1 else f" class={classes}" if classes else ""


def _depth(line: str) -> str:
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    steps = min(len(indentation.expandtabs(_TAB)) // _STEP, _MOST_STEPS)
    return f"i{steps}" if steps else ""


def with_word(written: str, word: str) -> str:
    """A cell that begins a block: what it says is read aloud before the line, and is never copied."""
    tag, end, rest = written.partition(">")
    return f"{tag}{end}{word}{rest}"


def spoken(word: str) -> str:
    return f"<small>{word}: </small>"


def moved(file: int, letter: str, gone: bool, line: int) -> str:
    """The link to the other end of a moved block."""
    place, way = (letter, "to") if gone else ("base", "from")
    return f'<a class=m href="#f{file}-{place}{line}">moved {way} {line}</a>'


_COLUMNS: dict[View, tuple[str, str, str]] = {
    "pair": ("base line, A, B", "<col class=w-base><col><col>", "<th>Base line<th>A<th>B"),
    "three": ("base, A, B", "<col><col><col>", "<th>Base<th>A<th>B"),
    "direct": ("A against B", "<col><col>", "<th>A<th>B"),
}


def opening(path: str, view: View, lines: int) -> str:
    """`lines` is the highest line number, which says how wide the numbers are."""
    what, columns, heads = _COLUMNS[view]
    digits = max(3, len(str(lines)))
    return (
        f'<table class="diff {view}" data-digits={digits}><caption class=sr-only>{escape.text(path)}: {what}</caption>'
        f"<colgroup>{columns}</colgroup><thead class=sr-only><tr>{heads}</thead><tbody>"
    )


def fact(view: View, left: str, right: str) -> str:
    """A row that tells of the file rather than of a line: renamed, another mode, binary. "" where nothing is."""
    first = {"pair": "<th>", "three": "<td>", "direct": ""}[view]
    return f"<tr class=fact>{first}{_fact_cell(left)}{_fact_cell(right)}"


def _fact_cell(said: str) -> str:
    return f"<td><span class=quiet>{escape.text(said)}</span>" if said else HATCHED


def fold(view: View, gap: Gap) -> str:
    """The row that stands for hidden ones, with a button for each way to open it."""
    count = gap.high - gap.low
    if not gap.pieces:
        return unseen_gap(view, count)
    what = {"direct": "equal"}.get(view, "unchanged")
    heading = f"<code>{escape.text(gap.heading)}</code>" if gap.heading else ""
    last = f" data-to={gap.number + gap.pieces - 1}" if gap.pieces > 1 else ""
    reach = f" data-reach={gap.reach}" if gap.reach else ""
    return (
        f"<tr class=fold data-gap={gap.number}{last} data-rows={count}{reach}>{_ACROSS[view]}{''.join(_buttons(gap))}"
        f"<span class=quiet>{count:,} {what} {'line' if count == 1 else 'lines'}</span>{heading}</tr>"
    )


_ACROSS: dict[View, str] = {
    "pair": "<th><td colspan=2>",
    "three": "<td colspan=3>",
    "direct": "<td colspan=2>",
}
_STEP_ROWS = 20  # opened at once at either end of a gap
_SMALL = 10  # rows that are opened as one


def _buttons(gap: Gap) -> Iterator[str]:
    count = gap.high - gap.low
    yield _button("all", "↕", f"Show {count:,} hidden lines")
    if count > 2 * _STEP_ROWS:
        yield _button("first", "↓", f"Show the next {_STEP_ROWS} lines")
        yield _button("last", "↑", f"Show the {_STEP_ROWS} lines before")
    if count > _SMALL and 0 < gap.reach < count:
        yield _button("definition", "⌃", "Show the lines up to the definition around")


def _button(opens: str, sign: str, label: str) -> str:
    return f'<button type=button class=unfold data-opens={opens} aria-label="{label}">{sign}</button>'


def unseen_gap(view: View, count: int) -> str:
    """Unchanged lines that nobody can open, because the page was made from hunks alone."""
    return f"<tr class=fold>{_ACROSS[view]}<span class=quiet>{count:,} unchanged lines, not shown</span></tr>"
