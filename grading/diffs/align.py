"""Puts two results of one base side by side: a row is a base line, or a line that A, B or both added."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal, NamedTuple, TypeVar

from grading.diffs import intraline
from grading.diffs.parse import Hunk

MOST_MATCHES = 10_000  # pairs of equal lines that difflib may look at in one place

#: "kept" stands in A against B alone: a line as it is in the base, which the other side does not have.
Kind = Literal["same", "add", "del", "kept"]
_Line = TypeVar("_Line", bound=Hashable)
#: Lines by their zero-based number: a whole text, or those that a patch tells of.
Lines = Sequence[bytes] | Mapping[int, bytes]


#: Places in the lines of A and of B; None where a side has no line for the other's.
Beside = tuple[int | None, int | None]


class Block(NamedTuple):
    """Base lines low:high became result lines result_low:result_high; zero-based, the ends not included."""

    low: int
    high: int
    result_low: int
    result_high: int


class Cell(NamedTuple):
    """One side of a row. `number` counts from one: the result's line, for "del" the base's."""

    kind: Kind
    number: int


class Row(NamedTuple):
    """`base` counts from one, None for an added line. A cell is None where its side has nothing to show."""

    base: int | None
    left: Cell | None
    right: Cell | None
    alike: bool


def lines_of(content: bytes) -> list[bytes]:
    """Lines with their terminators, cut where git cuts: at the line feed alone."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def blocks_of_hunks(hunks: Iterable[Hunk]) -> list[Block]:
    """The changes that git's own hunks tell."""
    blocks: list[Block] = []
    for hunk in hunks:
        base, result = hunk.base_start, hunk.result_start
        for line in hunk.lines:
            step = Block(base, base + (line.kind != "+"), result, result + (line.kind != "-"))
            base, result = step.high, step.result_high
            if line.kind != " ":
                _extend(blocks, step)
    return blocks


def _extend(blocks: list[Block], step: Block) -> None:
    if blocks and blocks[-1].high == step.low and blocks[-1].result_high == step.result_low:
        last = blocks.pop()
        step = Block(last.low, step.high, last.result_low, step.result_high)
    blocks.append(step)


def reproduces(blocks: Sequence[Block], base: Sequence[bytes], result: Sequence[bytes]) -> bool:
    """Whether base and result are equal outside the blocks, so that rows made of them tell the truth."""
    low = result_low = 0
    for block in [*blocks, Block(len(base), len(base), len(result), len(result))]:
        if block.low < low or block.result_low < result_low:
            return False
        if base[low : block.low] != result[result_low : block.result_low]:
            return False
        low, result_low = block.high, block.result_high
    return low <= len(base) and result_low <= len(result)


def blocks_of_contents(base: Sequence[bytes], result: Sequence[bytes]) -> list[Block]:
    """The changes between two texts, found by ourselves: for a diff whose hunks do not fit its contents."""
    blocks = []
    low = result_low = 0
    for i, j in [*matches(base, result), (len(base), len(result))]:
        if (low, result_low) != (i, j):
            blocks.append(Block(low, i, result_low, j))
        low, result_low = i + 1, j + 1
    return blocks


def align(
    base: Sequence[int],
    left: Sequence[Block],
    right: Sequence[Block],
    lefts: Lines,
    rights: Lines,
    effort: intraline.Effort | None = None,
) -> list[Row]:
    """Rows for these base lines (ascending, from zero), usually all. Swapping the sides only swaps the cells."""
    rows: list[Row] = []
    one, other = _Side(left), _Side(right)
    for line in base:
        rows.extend(added_rows(one.added_before(line), other.added_before(line), lefts, rights, effort))
        first, second = one.cell(line), other.cell(line)
        rows.append(Row(line + 1, first, second, first.kind == second.kind == "del"))
    end = base[-1] + 1 if base else 0
    rows.extend(added_rows(one.added_before(end), other.added_before(end), lefts, rights, effort))
    return rows


class _Side:
    """What one side did, read line by line. Additions hang after the last line that their block removed."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = iter(blocks)
        self._block = next(self._blocks, None)
        self._shift = 0

    def added_before(self, line: int) -> range:
        block = self._block
        if block is None or block.high > line:
            return range(0)
        self._shift = block.result_high - block.high
        self._block = next(self._blocks, None)
        return range(block.result_low, block.result_high)

    def cell(self, line: int) -> Cell:
        if self._block is not None and self._block.low <= line:
            return Cell("del", line + 1)
        return Cell("same", line + self._shift + 1)


def added_rows(
    left: range, right: range, lefts: Lines, rights: Lines, effort: intraline.Effort | None
) -> Iterator[Row]:
    """Additions at one anchor; equal lines of both sides share a row, and so do those that are meant to be one."""
    if not left or not right:
        yield from (Row(None, Cell("add", number + 1), None, False) for number in left)
        yield from (Row(None, None, Cell("add", number + 1), False) for number in right)
        return
    one, other = [lefts[i] for i in left], [rights[j] for j in right]
    for i, j in beside(one, other, effort):
        first = None if i is None else Cell("add", left[i] + 1)
        second = None if j is None else Cell("add", right[j] + 1)
        yield Row(None, first, second, i is not None and j is not None and one[i] == other[j])


def beside(one: list[bytes], other: list[bytes], effort: intraline.Effort | None) -> list[Beside]:
    """Two runs of lines next to each other: equal ones on one height, then similar ones, the rest in order.

    Alternatives are read across. Does not depend on which side is called left, though difflib does.
    """
    if other < one:
        return [(i, j) for j, i in _beside(other, one, effort)]
    return _beside(one, other, effort)


def _beside(one: list[bytes], other: list[bytes], effort: intraline.Effort | None) -> list[Beside]:
    found: list[Beside] = []
    low = other_low = 0
    for i, j in [*matches(one, other), (len(one), len(other))]:
        found.extend(_similar(range(low, i), range(other_low, j), one, other, effort))
        if i < len(one):
            found.append((i, j))
        low, other_low = i + 1, j + 1
    return found


def _similar(
    left: range, right: range, one: list[bytes], other: list[bytes], effort: intraline.Effort | None
) -> Iterator[Beside]:
    similar: list[tuple[int, int]] = []
    if effort and left and right and len(left) * len(right) <= intraline.MOST_PAIRS:
        lines, others = [_readable(one[i]) for i in left], [_readable(other[j]) for j in right]
        similar = intraline.pairs(lines, others, effort)
    low = other_low = 0
    for i, j in [*similar, (len(left), len(right))]:
        yield from zip_longest(left[low:i], right[other_low:j])
        if i < len(left):
            yield left[i], right[j]
        low, other_low = i + 1, j + 1


def _readable(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def matches(one: Sequence[_Line], other: Sequence[_Line]) -> list[tuple[int, int]]:
    """Pairs of equal lines in order. Lines that are unique in both are anchors (patience); difflib goes between."""
    found: list[tuple[int, int]] = []
    low = other_low = 0
    for i, j in [*_anchors(one, other), (len(one), len(other))]:
        found.extend(_between(one, other, low, i, other_low, j))
        if i < len(one):
            found.append((i, j))
        low, other_low = i + 1, j + 1
    return found


def _anchors(one: Sequence[_Line], other: Sequence[_Line]) -> list[tuple[int, int]]:
    counts, other_counts = Counter(one), Counter(other)
    places = {line: number for number, line in enumerate(other) if other_counts[line] == 1}
    unique = [(i, places[line]) for i, line in enumerate(one) if counts[line] == 1 and line in places]
    return _increasing(unique)


def _increasing(candidates: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs that does not cross (patience sorting)."""
    tops: list[int] = []
    nodes: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(candidates):
        pile = bisect_left(tops, j)
        before.append(nodes[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(j)
            nodes.append(number)
        else:
            tops[pile], nodes[pile] = j, number
    chain = []
    number = nodes[-1] if nodes else -1
    while number >= 0:
        chain.append(candidates[number])
        number = before[number]
    return chain[::-1]


def _between(
    one: Sequence[_Line], other: Sequence[_Line], low: int, high: int, other_low: int, other_high: int
) -> list[tuple[int, int]]:
    head: list[tuple[int, int]] = []
    while low < high and other_low < other_high and one[low] == other[other_low]:
        head.append((low, other_low))
        low, other_low = low + 1, other_low + 1
    tail: list[tuple[int, int]] = []
    while low < high and other_low < other_high and one[high - 1] == other[other_high - 1]:
        high, other_high = high - 1, other_high - 1
        tail.append((high, other_high))
    middle = _by_difflib(one[low:high], other[other_low:other_high])
    return [*head, *((low + i, other_low + j) for i, j in middle), *reversed(tail)]


def _by_difflib(one: Sequence[_Line], other: Sequence[_Line]) -> list[tuple[int, int]]:
    counts, other_counts = Counter(one), Counter(other)
    work = sum(count * other_counts[line] for line, count in counts.items())
    if not work or work > MOST_MATCHES:
        return []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return [
        (block.a + offset, block.b + offset)
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    ]
