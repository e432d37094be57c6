"""A comparison for a terminal and for programs: the same rows as on the page, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from grading.diffs import escape
from grading.diffs.compare import Comparison
from grading.diffs.drawing import FileView
from grading.diffs.listing import SideFile, Totals
from grading.diffs.markup import MOST_LINE
from grading.diffs.rows import ToldCell, ToldRow
from grading.diffs.version import VERSION

_SIGNS = {"same": "", "add": "+", "del": "−"}
_RELATIONS = {
    "left only": "only in A",
    "right only": "only in B",
    "same": "the same in A and B",
    "differ": "A and B differ",
}
_WIDTH = 6  # columns for a line number


def as_json(comparison: Comparison, notes: Sequence[str], *, sides: int) -> Iterator[str]:
    """One object in parts, a file at a time: nothing has to be whole in memory twice.

    Pure ASCII, so that no terminal is moved by what a patch holds. For one patch, `b` is null, and what the patch
    did stands in the file itself too.
    """
    totals = {
        "a": _totals(comparison.left_totals),
        "b": _totals(comparison.right_totals) if sides == 2 else None,
    }
    head = json.dumps({"version": VERSION, "notes": list(notes), "totals": totals})
    yield f'{head[:-1]}, "files": ['
    for number, file in enumerate(comparison.files):
        yield (",\n" if number else "\n") + json.dumps(_file(file, sides=sides))
    yield "\n]}\n"


def _totals(totals: Totals) -> dict[str, int]:
    return totals._asdict()


def _file(file: FileView, *, sides: int) -> dict[str, Any]:
    alone = {} if sides == 2 or file.left is None else _side(file.left)
    return {
        **alone,
        "path": file.path,
        "a": file.left and _side(file.left),
        "b": file.right and _side(file.right),
        "relation": file.relation,
        "group": file.group,
        "folded": file.folded,
        "warnings": list(file.warnings),
        "degraded": list(file.degraded),
        "rows": [_row(row, sides=sides) for row in file.told],
    }


def _side(side: SideFile) -> dict[str, Any]:
    """Nothing is set apart here: that goes by what a repository holds, and by both patches."""
    told = asdict(side)
    del told["apart"]
    return told


def _row(row: ToldRow, *, sides: int) -> dict[str, Any]:
    return {
        "base": row.base,
        "alike": row.alike,
        "gap": row.gap,
        "a": row.left and row.left._asdict(),
        "b": row.right and row.right._asdict() if sides == 2 else None,
    }


def as_text(comparison: Comparison, notes: Sequence[str], *, sides: int) -> Iterator[str]:
    """What a person reads: who did what to each file, then its rows. Nothing in it moves a terminal."""
    yield from (f"{note}\n" for note in notes)
    for letter, totals in zip("AB"[:sides], (comparison.left_totals, comparison.right_totals), strict=False):
        yield f"{letter}: {_plural(totals.files, 'file')}, {totals.added:,} added, {totals.removed:,} removed\n"
    for file in comparison.files:
        yield "\n" + "".join(_heading(file, sides=sides))
        yield from _rows(file.told, sides=sides)


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _heading(file: FileView, *, sides: int) -> Iterator[str]:
    said = [side_words(letter, side) for letter, side in (("A", file.left), ("B", file.right)) if side]
    relation = [relation_words(file)] if sides == 2 else []
    group = [] if file.group == "source" else [file.group]
    yield f"=== {escape.plain(file.path)} ({'; '.join([*said, *relation, *group])})\n"
    yield from (f"  ! {escape.plain(warning)}\n" for warning in (*file.warnings, *file.degraded))


def relation_words(file: FileView) -> str:
    return _RELATIONS[file.relation]


def side_words(letter: str, side: SideFile) -> str:
    """What one side did to a file: `A modified, +3 −1`."""
    what = f"renamed from {escape.plain(side.old_path)}" if side.old_path else side.status
    if side.binary:
        return f"{letter} {what}, binary" if what != "binary" else f"{letter} binary"
    return f"{letter} {what}, +{side.added:,} −{side.removed:,}"


def _rows(told: Sequence[ToldRow], *, sides: int) -> Iterator[str]:
    if told:
        heads = ["base", *"AB"[:sides]]
        yield "".join(f"{head:>{_WIDTH}}" for head in heads) + "\n"
    gap, hidden, expected = 0, 0, 1
    later: list[str] = []  # B's lines beside A's: each side is read in one piece
    for row in told:
        if later and not _stand_apart(row, sides):
            yield from later
            later = []
        if hidden and row.gap != gap:
            yield _unchanged(hidden)
            hidden = 0
        if row.base is not None:
            if row.base > expected:
                yield _unchanged(row.base - expected)
            expected = row.base + 1
        gap = row.gap
        hidden += bool(gap)
        if gap:
            continue
        if _stand_apart(row, sides):
            yield from (_line([("A", row.left)], row.base, sides) for _ in "A" if row.left)
            later += [_line([("B", row.right)], row.base, sides)] if row.right else []
        else:
            yield _line([("A", row.left), ("B", row.right)][:sides], row.base, sides)
    yield from later
    if hidden:
        yield _unchanged(hidden)


def _stand_apart(row: ToldRow, sides: int) -> bool:
    """Additions at one place that are not the same."""
    return row.base is None and not row.alike and sides == 2


def _unchanged(count: int) -> str:
    return f"{'…':>{_WIDTH}} {_plural(count, 'unchanged line')}\n"


def _line(cells: Sequence[tuple[str, ToldCell | None]], base: int | None, sides: int) -> str:
    """One line for what is one line of text: a base line that a side keeps or both remove, an addition."""
    changed = [(letter, cell) for letter, cell in cells if cell is not None and cell.kind != "same"]
    shown = next(cell for _, cell in changed or cells if cell is not None)
    sign = "".join(letter for letter, _ in changed) + _SIGNS[shown.kind]
    found = dict(cells)
    numbers = [base, *(_number(found.get(letter)) for letter in "AB"[:sides])]
    columns = "".join(f"{'·' if number is None else number:>{_WIDTH}}" for number in numbers)
    return f"{columns} {sign:>3} {_text(shown)}\n"


def _number(cell: ToldCell | None) -> int | None:
    return cell.number if cell and cell.kind != "del" else None


def _text(cell: ToldCell) -> str:
    text = escape.visible(cell.text[:MOST_LINE])
    if len(cell.text) > MOST_LINE:
        text += f" … {len(cell.text) - MOST_LINE:,} more characters"
    if "\r" in cell.ending:
        text += "[U+000D]"
    return text if "\n" in cell.ending else text + "[no newline]"
