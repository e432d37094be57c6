"""Two patches on one base, file by file, as finished HTML and an index of it. Plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grading.diffs.caps import CAPS, Caps
from grading.diffs.drawing import Drawing, FileView
from grading.diffs.listing import Contents, Listed, Rules, Totals, totals, union
from grading.diffs.parse import parse
from grading.diffs.version import VERSION


@dataclass(frozen=True)
class Side:
    """What one candidate did: git's canonical diff, and the whole text of its files by path."""

    patch: bytes
    #: None: the file is gone, or its text is not to be had.
    results: Contents
    #: Files of the patch that are listed and shown, and no part of what is graded.
    apart: Rules = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Both patches as a page shows them: left is A, right is B."""

    files: tuple[FileView, ...]
    left_totals: Totals
    right_totals: Totals

    @property
    def alike(self) -> float:
        """The share of the changed lines that both sides changed alike, from 0 to 1."""
        tallies = [file.tally for file in self.files if file.group != "apart"]
        changed = sum(tally.changed for tally in tallies)
        return round(sum(tally.alike for tally in tallies) / changed, 4) if changed else 0.0

    def as_index(self) -> dict[str, Any]:
        """All but the HTML, fit for JSON and for a database that knows neither NUL nor lone surrogates."""
        return {
            "version": VERSION,
            "files": [file.as_entry() for file in self.files],
            "left_totals": self.left_totals._asdict(),
            "right_totals": self.right_totals._asdict(),
            "alike": self.alike,
        }


@dataclass(frozen=True)
class Work:
    """Two patches read and their files listed, before anything is drawn."""

    listed: tuple[Listed, ...]
    left_totals: Totals
    right_totals: Totals
    caps: Caps

    def files(self) -> Iterator[tuple[FileView, FileView]]:
        """Each file in both orientations, one at a time: nothing has to be whole in memory."""
        drawing = Drawing(self.caps)
        for number, file in enumerate(self.listed):
            yield drawing.draw_both(number, file)

    def files_as_values(self) -> Iterator[FileView]:
        """Each file in one orientation, with its rows as values."""
        drawing = Drawing(self.caps, tell=True)
        return (drawing.draw(number, file) for number, file in enumerate(self.listed))


def prepared(left: Side, right: Side, base: Contents, *, caps: Caps = CAPS) -> Work:
    """Contents decide what is shown; they are compared with git's hunks first. Does not raise for any content.

    `base` holds the texts before either patch, by the path they had then.
    """
    lefts, rights = parse(left.patch, hunks=caps.lines), parse(right.patch, hunks=caps.lines)
    files = union(lefts, rights, (left.results, right.results), base, (left.apart, right.apart))
    return Work(tuple(files), totals(lefts, left.apart), totals(rights, right.apart), caps)


def compare_both(
    first: Side, second: Side, base: Contents, *, caps: Caps = CAPS
) -> tuple[Comparison, Comparison]:
    """(first as A, second as B) and the mirror image; what they share is worked out once."""
    work = prepared(first, second, base, caps=caps)
    forward, backward = zip(*work.files(), strict=True) if work.listed else ((), ())
    return (
        Comparison(forward, work.left_totals, work.right_totals),
        Comparison(backward, work.right_totals, work.left_totals),
    )


def compare(left: Side, right: Side, base: Contents, *, caps: Caps = CAPS) -> Comparison:
    """Left is drawn as A, right as B, with the rows as values too."""
    work = prepared(left, right, base, caps=caps)
    return Comparison(tuple(work.files_as_values()), work.left_totals, work.right_totals)
