"""Two patches on one base, file by file, as finished HTML and an index of it. Plain values in, plain values out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grading.diffs.caps import CAPS, Caps
from grading.diffs.drawing import Drawing, FileView
from grading.diffs.highlight import Highlighter
from grading.diffs.listing import Contents, Totals, totals, union
from grading.diffs.markup import Pen
from grading.diffs.parse import parse
from grading.diffs.version import VERSION


@dataclass(frozen=True)
class Side:
    """What one candidate did: git's canonical diff, and the whole text of its files by path."""

    patch: bytes
    #: None: the file is gone, or its text is not to be had.
    results: Contents


@dataclass(frozen=True)
class Comparison:
    """Both patches as a page shows them: left is A, right is B."""

    files: tuple[FileView, ...]
    left_totals: Totals
    right_totals: Totals

    def as_index(self) -> dict[str, Any]:
        """All but the HTML, fit for JSON and for a database that knows neither NUL nor lone surrogates.

        `size` of a file is its compressed HTML in bytes.
        """
        return {
            "version": VERSION,
            "files": [file.as_entry() for file in self.files],
            "left_totals": self.left_totals._asdict(),
            "right_totals": self.right_totals._asdict(),
        }


def compare_both(
    first: Side, second: Side, base: Contents, *, caps: Caps = CAPS
) -> tuple[Comparison, Comparison]:
    """(first as A, second as B) and the mirror image; what they share is worked out once."""
    highlighter, pen = Highlighter(colours=caps.colours), Pen()
    return (
        compare(first, second, base, caps=caps, highlighter=highlighter, pen=pen),
        compare(second, first, base, caps=caps, highlighter=highlighter, pen=pen),
    )


def compare(
    left: Side,
    right: Side,
    base: Contents,
    *,
    caps: Caps = CAPS,
    highlighter: Highlighter | None = None,
    pen: Pen | None = None,
    tell: bool = False,
) -> Comparison:
    """Left is drawn as A, right as B. Contents decide what is shown; they are compared with git's hunks first.

    `base` holds the texts before either patch, by the path they had then; `tell` asks for the rows as values too.
    Does not raise for any content.
    """
    lefts, rights = parse(left.patch, hunks=caps.lines), parse(right.patch, hunks=caps.lines)
    drawing = Drawing(caps, highlighter or Highlighter(colours=caps.colours), pen or Pen(), tell=tell)
    files = union(lefts, rights, (left.results, right.results), base)
    return Comparison(
        files=tuple(drawing.draw(number, file) for number, file in enumerate(files)),
        left_totals=totals(lefts),
        right_totals=totals(rights),
    )
