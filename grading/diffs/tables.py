"""Puts the cells of a file together as the tables of its views, for both orientations: a cell is written once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grading.diffs import intraline, markup
from grading.diffs.align import Cell, Row
from grading.diffs.changes import squeezed
from grading.diffs.markup import Version, inside, marks_of, marks_of_both
from grading.diffs.rows import Gap, Shown, pieces
from grading.diffs.sheets import Column, Sheet
from grading.diffs.views import View, is_unchanged

MOST_STEPS = 60_000  # of comparing words of A with those of B, for one file
_SPOKEN = {"add": "added", "del": "removed", "kept": "as in the base"}


class BaseCells:
    """What stands in the base, line by line."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._insides: dict[int, str] = {}
        self._cells: dict[int, str] = {}

    def inside(self, number: int) -> str:
        if number not in self._insides:
            self._insides[number] = inside(self.version, number - 1)
        return self._insides[number]

    def cell(self, number: int) -> str:
        """Of base | A | B, where nobody changed the line."""
        if number not in self._cells:
            line = self.version.lines[number - 1]
            self._cells[number] = markup.cell("", number, line, self.inside(number))
        return self._cells[number]

    def changed(self, number: int, removed: tuple[bool, bool], left: Column, right: Column) -> str:
        """The same where A, B or both removed the line."""
        index = number - 1
        ours, theirs = (
            column.changes.removed.get(index, ()) if is_gone else ()
            for column, is_gone in ((left, removed[0]), (right, removed[1]))
        )
        marks = marks_of(ours) if removed == (True, True) and ours == theirs else marks_of_both(ours, theirs)
        classes = "d" if all(removed) else "da" if removed[0] else "db"
        blank = all(
            index in column.changes.blank
            for column, is_gone in zip((left, right), removed, strict=True)
            if is_gone
        )
        line = self.version.lines[index]
        return markup.cell(classes + "w" * blank, number, line, inside(self.version, index, marks))


class SideCells:
    """What one side shows, line by line; not a word in it tells whether the side is called A or B."""

    def __init__(self, base: BaseCells, column: Column) -> None:
        self.base = base
        self.column = column
        self.gone = {old: new for new, old in column.changes.moved.items()}
        self.anew = set(column.changes.blank.values())
        self._same: dict[int, str] = {}
        self._known: dict[Cell, str] = {}

    def same(self, number: int, base: int | None) -> str:
        """A line that nobody changed, `base` in the base; without that, one which both sides have."""
        found = self._same.get(number)
        if found is None:
            version = self.column.version
            line = version.lines[number - 1]
            written = self._shared(number - 1, base) or inside(version, number - 1)
            found = self._same[number] = markup.cell("", number, line, written)
        return found

    def _shared(self, index: int, base: int | None) -> str | None:
        """The base's own writing, where the texts before it gave the line the same colours."""
        if base is None:
            return None
        before, version = self.base.version, self.column.version
        is_same: bool = (
            version.pieces[index] == before.pieces[base - 1]
            and version.lines[index] == before.lines[base - 1]
            and version.endings.get(index) == before.endings.get(base - 1)
        )
        return self.base.inside(base) if is_same else None

    def cell(self, cell: Cell | None, base: int | None) -> str:
        if cell is None:
            return markup.HATCHED
        if cell.kind == "same":
            return self.same(cell.number, base)
        found = self._known.get(cell)
        if found is None:
            found = self._known[cell] = (
                self._removed(cell.number) if cell.kind == "del" else self._added(cell)
            )
        return found

    def _added(self, cell: Cell) -> str:
        index, version, changes = cell.number - 1, self.column.version, self.column.changes
        classes = "a" + "v" * (index in changes.moved) + "w" * (index in self.anew)
        written = inside(version, index, marks_of(changes.added.get(index, ())))
        return markup.cell(classes, cell.number, version.lines[index], written)

    def _removed(self, number: int) -> str:
        index, version, changes = number - 1, self.base.version, self.column.changes
        classes = "d" + "v" * (index in self.gone) + "w" * (index in changes.blank)
        written = inside(version, index, marks_of(changes.removed.get(index, ())))
        # Where changes of blanks are hidden, the line stands for the one that it became.
        became = changes.blank.get(index)
        return markup.cell(classes, None if became is None else became + 1, version.lines[index], written)

    def is_blank(self, cell: Cell) -> bool:
        blank = self.column.changes.blank if cell.kind == "del" else self.anew
        return cell.number - 1 in blank

    def moved(self, cell: Cell) -> int | None:
        """The line where it went or came from, from one: the result's for a removed line, else the base's."""
        place = cell.number - 1
        other = self.gone.get(place) if cell.kind == "del" else self.column.changes.moved.get(place)
        return None if other is None else other + 1


class Alternatives:
    """The words in which lines of A and B differ that stand beside each other. Which of them is A does not matter."""

    def __init__(self, *, words: bool) -> None:
        self.words = words
        self._known: dict[tuple[str, str], intraline.Marks] = {}
        self._effort = intraline.Effort(MOST_STEPS)

    def marks(self, one: str, other: str) -> intraline.Marks:
        """Nothing for lines that have little in common: they only happen to stand here."""
        if other < one:
            new, old = self.marks(other, one)
            return intraline.Marks(old, new)
        if (one, other) not in self._known:
            similar = self.words and intraline.pairs([one], [other], self._effort)
            found = intraline.marks(one, other, self._effort) if similar else intraline.NOTHING
            self._known[one, other] = found
        return self._known[one, other]


class _Before(NamedTuple):
    """What the row above was, so that the first of a block can say so."""

    changed: bool = False
    differs: bool = False
    blank: bool = False
    #: Of the base, A and B: kind, and where a moved line belongs.
    base: str = ""
    left: tuple[str, int | None] = ("", None)
    right: tuple[str, int | None] = ("", None)


_NOTHING_BEFORE = _Before()


class Table:
    """One view of one orientation; `number` is the file's place on the page, which links to its lines name."""

    def __init__(
        self,
        number: int,
        view: View,
        sheet: Sheet,
        cells: tuple[SideCells, SideCells],
        alternatives: Alternatives,
    ) -> None:
        self.number = number
        self.view = view
        self.sheet = sheet
        self.left, self.right = cells
        self.base = self.left.base
        self.alternatives = alternatives

    def rows(self, rows: Sequence[Row]) -> str:
        """Rows that stand together, in full."""
        written: list[str] = []
        before = _NOTHING_BEFORE
        for row in rows:
            if is_unchanged(row):
                written.append(self._unchanged(row))
                before = _NOTHING_BEFORE
            else:
                text, before = self._changed(row, before)
                written.append(text)
        return "".join(written)

    def folded(self, rows: Sequence[Row], parts: Sequence[Shown | Gap]) -> Iterator[str]:
        """What stands on the page."""
        for part in parts:
            if isinstance(part, Gap):
                yield markup.fold(self.view, part)
            else:
                yield self.rows(rows[part.low : part.high])

    def gaps(self, rows: Sequence[Row], parts: Sequence[Shown | Gap]) -> Iterator[str]:
        """The pieces of each gap."""
        for part in parts:
            if isinstance(part, Gap):
                yield from (self.rows(rows[piece.low : piece.high]) for piece in pieces(part))

    def sparse(self, rows: Sequence[Row]) -> Iterator[str]:
        """Rows made from hunks: where numbers jump there are lines that nobody can open."""
        start, expected = 0, 1
        for place, row in enumerate(rows):
            number = self._told_number(row)
            if number is None:
                continue
            if number > expected:
                yield self.rows(rows[start:place])
                yield markup.unseen_gap(self.view, number - expected)
                start = place
            expected = number + 1
        yield self.rows(rows[start:])

    def _told_number(self, row: Row) -> int | None:
        """The base's; between A and B, which shows no base, A's. What no hunk holds is missing from all of them."""
        if self.view != "direct":
            return row.base
        return row.left.number if row.left else None

    def _unchanged(self, row: Row) -> str:
        assert row.left is not None
        assert row.right is not None
        ours, theirs = self.left.same(row.left.number, row.base), self.right.same(row.right.number, row.base)
        if self.view == "pair":
            return f"<tr><th data-n={row.base}>{ours}{theirs}"
        if self.view == "three":
            assert row.base is not None
            return f"<tr>{self.base.cell(row.base)}{ours}{theirs}"
        return f"<tr class=e>{ours}{theirs}" if row.alike else f"<tr>{ours}{theirs}"

    def _changed(self, row: Row, before: _Before) -> tuple[str, _Before]:
        blank = self._is_blank(row)
        starts_anew = not before.changed or before.blank != blank
        at = ["c"] if starts_anew else []
        if not row.alike and (starts_anew or not before.differs):
            at.append("d")
        now = _Before(
            changed=True,
            differs=not row.alike,
            blank=blank,
            base=self._removed_by(row),
            left=_told(self.left, row.left),
            right=_told(self.right, row.right),
        )
        return (
            f"<tr{_row_attributes(self._classes(row, blank=blank), at)}>{self._cells(row, before, now)}",
            now,
        )

    def _classes(self, row: Row, *, blank: bool) -> list[str]:
        alone = row.base is None or self.view == "direct"
        letters = {
            "l": alone and row.right is None,
            "r": alone and row.left is None,
            "e": row.alike,
            "w": blank,
        }
        return [letter for letter, holds in letters.items() if holds]

    def _is_blank(self, row: Row) -> bool:
        """Whether nothing but blanks changed here."""
        if self.view == "direct":
            if row.left is None or row.right is None:
                return False
            one, other = self._line(self.left, row.left), self._line(self.right, row.right)
            return squeezed(one) == squeezed(other) != ""
        changed = [
            (side, cell)
            for side, cell in ((self.left, row.left), (self.right, row.right))
            if cell is None or cell.kind != "same"
        ]
        if self.view == "three" and row.base is not None:
            return all(row.base - 1 in side.column.changes.blank for side, _ in changed)
        return all(side.is_blank(cell) for side, cell in changed if cell is not None)

    @staticmethod
    def _line(side: SideCells, cell: Cell) -> str:
        return side.column.version.lines[cell.number - 1]

    def _removed_by(self, row: Row) -> str:
        if self.view != "three" or row.base is None:
            return ""
        ours, theirs = (cell is None or cell.kind != "same" for cell in (row.left, row.right))
        return "both" if ours and theirs else "A" if ours else "B"

    def _cells(self, row: Row, before: _Before, now: _Before) -> str:
        if self.view == "direct":
            ours, theirs = self._against(row)
            first = ""
        else:
            ours, theirs = self.left.cell(row.left, row.base), self.right.cell(row.right, row.base)
            first = self._first(row, before, now)
        ours = self._with_word(ours, "A", self.left, before.left, now.left)
        theirs = self._with_word(theirs, "B", self.right, before.right, now.right)
        return f"{first}{ours}{theirs}"

    def _first(self, row: Row, before: _Before, now: _Before) -> str:
        if self.view == "pair":
            return "<th>" if row.base is None else f"<th data-n={row.base}>"
        if row.base is None:
            return markup.HATCHED
        removed = (now.base in ("A", "both"), now.base in ("B", "both"))
        written = self.base.changed(row.base, removed, self.left.column, self.right.column)
        if now.base == before.base:
            return written
        return markup.with_word(written, markup.spoken(f"removed by {now.base}"))

    def _with_word(
        self,
        written: str,
        letter: str,
        side: SideCells,
        before: tuple[str, int | None],
        now: tuple[str, int | None],
    ) -> str:
        kind, place = now
        if kind in ("", "same"):
            return written
        if place is not None and self.view != "direct":
            if before == (kind, place - 1):
                return written
            return markup.with_word(written, markup.moved(self.number, letter, kind == "del", place))
        if kind == before[0] and before[1] is None:
            return written
        said = f"only in {letter}, {_SPOKEN[kind]}" if self.view == "direct" else _SPOKEN[kind]
        return markup.with_word(written, markup.spoken(said))

    def _against(self, row: Row) -> tuple[str, str]:
        if row.left is None or row.right is None:
            return self._only(self.left, row.left, ()), self._only(self.right, row.right, ())
        one, other = self._line(self.left, row.left), self._line(self.right, row.right)
        ours, theirs = self.alternatives.marks(one, other)
        blank = "w" if self._is_blank(row) else ""
        return self._only(self.left, row.left, ours, blank), self._only(self.right, row.right, theirs, blank)

    def _only(
        self, side: SideCells, cell: Cell | None, spans: Sequence[intraline.Span], blank: str = ""
    ) -> str:
        if cell is None:
            return markup.HATCHED
        version, index = side.column.version, cell.number - 1
        letter = "a" if cell.kind == "add" else "o"
        written = inside(version, index, marks_of(spans))
        return markup.cell(letter + blank, cell.number, version.lines[index], written)


def _told(side: SideCells, cell: Cell | None) -> tuple[str, int | None]:
    return ("", None) if cell is None else (cell.kind, None if cell.kind == "same" else side.moved(cell))


def _row_attributes(classes: Sequence[str], at: Sequence[str]) -> str:
    found = ""
    for name, values in (("class", classes), ("data-at", at)):
        if values:
            joined = " ".join(values)
            found += f' {name}="{joined}"' if len(values) > 1 else f" {name}={joined}"
    return found
