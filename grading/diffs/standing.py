"""A comparison as one page that opens from disk: no script, nothing fetched, hidden lines behind a check box."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from grading.diffs import escape, telling
from grading.diffs.compare import Comparison
from grading.diffs.drawing import FileView

_STYLE = Path(__file__).with_name("standing.css").read_text(encoding="utf-8")
_BUTTON = re.compile(r'<button type="button" class="unfold" aria-label="([^"]*)">[^<]*</button>')


def page(comparison: Comparison, notes: Sequence[str], *, sides: int) -> Iterator[str]:
    """The page in parts. Text of the patches goes through `escape` alone; the policy forbids what gets past it."""
    style = b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")
    title = "Patch A" if sides == 1 else "Patches A and B"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'\">"
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f'<body class="{"one" if sides == 1 else "two"}"><main><h1>{title}</h1>'
    )
    yield from (f'<p class="note">{escape.text(note)}</p>' for note in notes)
    yield from _totals(comparison, sides=sides)
    yield from _contents(comparison.files, sides=sides)
    for number, file in enumerate(comparison.files):
        yield from _file(number, file, sides=sides)
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


def _file(number: int, file: FileView, *, sides: int) -> Iterator[str]:
    closed = "" if file.folded else " open"
    yield (
        f'<details id="f{number}"{closed}><summary><h2><bdi>{escape.text(file.path)}</bdi></h2>'
        f'<span class="quiet">{escape.text(_words(file, sides=sides))}</span></summary>'
    )
    yield from (f'<p class="note">{escape.text(said)}</p>' for said in (*file.warnings, *file.degraded))
    yield _with_gaps(number, file)
    yield "</details>"


def _with_gaps(number: int, file: FileView) -> str:
    """The table with its hidden rows in it, each behind the check box that stands where the page has a button."""
    written, rest = [], file.html
    for gap, rows in enumerate(file.gaps, start=1):
        before, opened, rest = rest.partition(f'<tr class="fold" id="f{number}-g{gap}"')
        row, closed, rest = rest.partition("</tr>")
        box = _BUTTON.sub(r'<input type="checkbox" class="unfold" aria-label="\1">', opened + row + closed)
        written.append(
            f'{before}</tbody><tbody class="lid">{box}</tbody><tbody class="more">{rows}</tbody><tbody>'
        )
    return "".join([*written, rest])
