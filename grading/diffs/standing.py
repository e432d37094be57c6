"""A comparison as one page that opens from disk: no script, nothing fetched, hidden lines behind a check box."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from grading.diffs import escape, markup, telling
from grading.diffs.compare import Comparison
from grading.diffs.drawing import Drawn, FileView

#: The page's own look of a table, over colours that stand in the sheet beside this module.
_SHEETS = (
    Path(__file__).with_name("standing.css"),
    Path(__file__).parents[2] / "static" / "css" / "diff.css",
)
_STYLE = "".join(sheet.read_text(encoding="utf-8") for sheet in _SHEETS)
#: The first button opens all; there is no script for the others.
_BUTTONS = re.compile(r'<button type=button class=unfold data-opens=all aria-label="([^"]*)">.*</button>')


#: What can be asked for: the view that is drawn, and the class by which the style sheet leaves one side.
SHOWN: dict[str, tuple[str, str]] = {
    "pair": ("pair", ""),
    "three": ("three", ""),
    "direct": ("direct", ""),
    "a": ("pair", "only-a"),
    "b": ("pair", "only-b"),
    "cells": ("cells", ""),
}


def page(comparison: Comparison, notes: Sequence[str], *, sides: int, view: str = "pair") -> Iterator[str]:
    """The page in parts. Text of the patches goes through `escape` alone; the policy forbids what gets past it.

    One patch alone is side A.
    """
    drawn, only = SHOWN["a" if sides == 1 and view != "cells" else view]
    style = b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")
    title = "Patch A" if sides == 1 else "Patches A and B"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'\">"
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f'<body class="{only}"><main><h1>{title}</h1>'
    )
    yield from (f'<p class="note">{escape.text(note)}</p>' for note in notes)
    yield from _totals(comparison, sides=sides)
    yield from _contents(comparison.files, sides=sides)
    for number, file in enumerate(comparison.files):
        yield from _file(number, file, drawn, sides=sides)
    yield "</main></body></html>\n"


def _totals(comparison: Comparison, *, sides: int) -> Iterator[str]:
    for letter, totals in zip("AB"[:sides], (comparison.left_totals, comparison.right_totals), strict=False):
        yield (
            f"<p><strong>{letter}</strong>: {totals.files:,} {'file' if totals.files == 1 else 'files'},"
            f" {totals.added:,} added, {totals.removed:,} removed</p>"
        )


def _contents(files: Sequence[FileView], *, sides: int) -> Iterator[str]:
    yield '<nav aria-label="Files"><ul>'
    for number, file in enumerate(files):
        yield (
            f'<li><a href="#f{number}"><bdi>{escape.text(file.path)}</bdi></a>'
            f' <span class="quiet">{escape.text(_words(file, sides=sides))}</span></li>'
        )
    yield "</ul></nav>"


def _words(file: FileView, *, sides: int) -> str:
    said = [
        telling.side_words(letter, side) for letter, side in (("A", file.left), ("B", file.right)) if side
    ]
    relation = [telling.relation_words(file)] if sides == 2 else []
    group = [] if file.group == "source" else [file.group]
    return "; ".join([*said, *relation, *group])


def _file(number: int, file: FileView, view: str, *, sides: int) -> Iterator[str]:
    closed = "" if file.folded else " open"
    yield (
        f'<details id="f{number}"{closed}><summary><h2><bdi>{escape.text(file.path)}</bdi></h2>'
        f'<span class="quiet">{escape.text(_words(file, sides=sides))}</span></summary>'
    )
    yield from (f'<p class="note">{escape.text(said)}</p>' for said in (*file.warnings, *file.degraded))
    yield _with_gaps(file.views.get(view, file.views["pair"]))
    yield "</details>"


def _with_gaps(drawn: Drawn) -> str:
    """The table with its hidden rows in it, each gap behind the check box that stands where the page has buttons."""
    pieces = drawn.gaps

    def opened(fold: re.Match[str]) -> str:
        first, last = int(fold["first"]), int(fold["last"] or fold["first"])
        box = _BUTTONS.sub(r'<input type=checkbox class=unfold aria-label="\1">', fold[0])
        rows = "".join(pieces[first - 1 : last])
        return f"</tbody><tbody class=lid>{box}</tbody><tbody class=more>{rows}</tbody><tbody>"

    return markup.FOLD.sub(opened, drawn.html)
