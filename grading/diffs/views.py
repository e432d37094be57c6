"""The rows of the three views of a file. A and B against the base come first; the other two are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from grading.diffs import intraline
from grading.diffs.align import Block, Cell, Lines, Row, added_rows, beside

#: A and B each against the base; base, A and B; A against B.
View = Literal["pair", "three", "direct"]
VIEWS: tuple[View, ...] = ("pair", "three", "direct")


def is_unchanged(row: Row) -> bool:
    return bool(row.left and row.right and row.left.kind == row.right.kind == "same")


def replaced(blocks: Iterable[Block], paired: Mapping[int, int]) -> tuple[dict[int, int], dict[int, range]]:
    """Where one side's added lines stand in base | A | B, all from zero: beside the base line that each replaces,
    or, where there are more of them, in rows of their own before a base line."""
    besides: dict[int, int] = {}
    before: dict[int, range] = {}
    for block in blocks:
        low, result_low = block.low, block.result_low
        pairs = [(old, paired[old]) for old in range(block.low, block.high) if old in paired]
        for old, new in [*pairs, (block.high, block.result_high)]:
            both = min(old - low, new - result_low)
            besides.update((low + step, result_low + step) for step in range(both))
            if result_low + both < new:
                before[old] = range(result_low + both, new)
            if old < block.high:
                besides[old] = new
            low, result_low = old + 1, new + 1
    return besides, before


class Three:
    """base | A | B: a row is a base line with what each side made of it. A cell is None where a side has no line."""

    def __init__(self, lefts: Lines, rights: Lines, effort: intraline.Effort | None) -> None:
        self.texts = (lefts, rights)
        self.effort = effort

    def rows(
        self,
        pair: Sequence[Row],
        left: tuple[dict[int, int], dict[int, range]],
        right: tuple[dict[int, int], dict[int, range]],
    ) -> list[Row]:
        """`pair` are the rows of A | B; `left` and `right` what `replaced` gives."""
        rows: list[Row] = []
        waiting = sorted({*left[1], *right[1]}, reverse=True)
        for row in pair:
            if row.base is None:
                continue
            while waiting and waiting[-1] < row.base:
                rows.extend(self._added(waiting.pop(), left[1], right[1]))
            rows.append(self._base(row, left[0], right[0]))
        while waiting:
            rows.extend(self._added(waiting.pop(), left[1], right[1]))
        return rows

    def _added(self, anchor: int, left: Mapping[int, range], right: Mapping[int, range]) -> Iterator[Row]:
        nothing = range(0)
        return added_rows(left.get(anchor, nothing), right.get(anchor, nothing), *self.texts, self.effort)

    def _base(self, row: Row, left: Mapping[int, int], right: Mapping[int, int]) -> Row:
        assert row.base is not None
        one, other = _instead(row.left, row.base, left), _instead(row.right, row.base, right)
        alike = row.alike and self._text(0, one) == self._text(1, other)
        return Row(row.base, one, other, alike)

    def _text(self, side: int, cell: Cell | None) -> bytes | None:
        return None if cell is None else self.texts[side][cell.number - 1]


def _instead(cell: Cell | None, base: int, besides: Mapping[int, int]) -> Cell | None:
    if cell is None or cell.kind != "del":
        return cell
    new = besides.get(base - 1)
    return None if new is None else Cell("add", new + 1)


def direct(pair: Sequence[Row], lefts: Lines, rights: Lines, effort: intraline.Effort | None) -> list[Row]:
    """A against B. Where neither changed the base they are equal; only what lies between is compared.

    `alike` are equal lines that both wrote.
    """
    rows: list[Row] = []
    ours: list[Cell] = []
    theirs: list[Cell] = []
    for row in pair:
        if is_unchanged(row):
            rows.extend(_against(ours, theirs, lefts, rights, effort))
            rows.append(row)
            ours, theirs = [], []
        else:
            ours.extend(cell for cell in (row.left,) if cell is not None and cell.kind != "del")
            theirs.extend(cell for cell in (row.right,) if cell is not None and cell.kind != "del")
    rows.extend(_against(ours, theirs, lefts, rights, effort))
    return rows


def _against(
    ours: Sequence[Cell], theirs: Sequence[Cell], lefts: Lines, rights: Lines, effort: intraline.Effort | None
) -> Iterator[Row]:
    one, other = [lefts[cell.number - 1] for cell in ours], [rights[cell.number - 1] for cell in theirs]
    for i, j in beside(one, other, effort):
        if i is not None and j is not None and one[i] == other[j]:
            alike = ours[i].kind == theirs[j].kind == "add"
            yield Row(None, Cell("same", ours[i].number), Cell("same", theirs[j].number), alike)
        else:
            yield Row(None, _only(ours, i), _only(theirs, j), False)


def _only(cells: Sequence[Cell], place: int | None) -> Cell | None:
    if place is None:
        return None
    cell = cells[place]
    return cell if cell.kind == "add" else Cell("kept", cell.number)
