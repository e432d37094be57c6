"""What became of the lines that one side removed: another line, the same line elsewhere, or other blanks alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grading.diffs import intraline
from grading.diffs.align import Block, matches
from grading.diffs.intraline import Span
from grading.diffs.moves import moves

Texts = Sequence[str] | Mapping[int, str]


@dataclass(frozen=True)
class Changes:
    """All by zero-based line: removed lines by their number in the base, added ones by that in the result."""

    #: Which removed line became which added one; never crossing.
    paired: Mapping[int, int] = field(default_factory=dict)
    #: The changed words of both.
    removed: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    added: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    #: The pairs in which nothing but blanks, tabs and line ends changed.
    blank: Mapping[int, int] = field(default_factory=dict)
    #: Added lines that were removed elsewhere, and from where.
    moved: Mapping[int, int] = field(default_factory=dict)


NO_CHANGES = Changes()


def changes_of(
    blocks: Sequence[Block], base: Texts, result: Texts, effort: intraline.Effort, *, words: bool
) -> Changes:
    """`words` False leaves out what costs most: similar lines and the words that differ in them."""
    blank = {low: high for block in blocks for low, high in _blank(block, base, result)}
    anew = set(blank.values())
    moved = moves(
        [n for block in blocks for n in range(block.low, block.high) if n not in blank],
        [n for block in blocks for n in range(block.result_low, block.result_high) if n not in anew],
        base,
        result,
    )
    paired, removed, added = dict(blank), {}, {}
    if words:
        gone = set(moved.values())
        for block in blocks:
            paired.update(_similar(block, blank, gone, moved, base, result, effort))
        for old, new in paired.items():
            removed[old], added[new] = intraline.marks(base[old], result[new], effort)
    return Changes(paired, removed, added, blank, moved)


def squeezed(line: str) -> str:
    """A line without what `git diff -w` leaves out, as far as it is plain: other blanks of Unicode do count."""
    return line.replace(" ", "").replace("\t", "")


def _blank(block: Block, base: Texts, result: Texts) -> Iterator[tuple[int, int]]:
    if block.low == block.high or block.result_low == block.result_high:
        return
    old = [squeezed(base[number]) for number in range(block.low, block.high)]
    new = [squeezed(result[number]) for number in range(block.result_low, block.result_high)]
    for i, j in matches(old, new):
        if old[i]:
            yield block.low + i, block.result_low + j


def _similar(
    block: Block,
    blank: Mapping[int, int],
    gone: set[int],
    moved: Mapping[int, int],
    base: Texts,
    result: Texts,
    effort: intraline.Effort,
) -> Iterator[tuple[int, int]]:
    """Lines that share most of their words, between those that are equal but for blanks."""
    low, result_low = block.low, block.result_low
    ends = [(i, blank[i]) for i in range(block.low, block.high) if i in blank]
    for i, j in [*ends, (block.high, block.result_high)]:
        old = [number for number in range(low, i) if number not in gone]
        new = [number for number in range(result_low, j) if number not in moved]
        for one, other in intraline.pairs([base[n] for n in old], [result[n] for n in new], effort):
            yield old[one], new[other]
        low, result_low = i + 1, j + 1
