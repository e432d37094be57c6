"""CSV after RFC 4180: the flat columns. Cells that a spreadsheet would run as a formula are quoted with '."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from grading.export.writers.pieces import TRAIN, Block, Piece

NAME = "preferences.csv"

#: What OWASP ASVS 1.2.10 names as the beginnings of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")

#: Name of the column -> where it stands in the record. The axes come between the two.
BEFORE = {
    "preference": "preference",
    "experiment": "experiment.name",
    "task": "task",
    "turn": "turn",
    "attempt": "attempt",
    "rater": "rater",
    "model_a": "model_a",
    "model_b": "model_b",
    "side": "side",
    "rating": "rating",
}
AFTER = {
    "points": "rubric.points",
    "not_applicable": "not_applicable",
    "key_axis": "key_axis",
    "category": "scenario.category",
    "repository": "scenario.repository",
    "language": "scenario.language",
    "base_commit": "scenario.base_commit",
    "method": "draw.method",
    "probability": "draw.probability",
    "submitted_at": "submitted_at",
    "guess": "blinding.guess",
    "is_gold": "is_gold",
    "is_practice": "is_practice",
    "justification": "texts.justification",
    "strengths_a": "texts.strengths_a",
    "weaknesses_a": "texts.weaknesses_a",
    "strengths_b": "texts.strengths_b",
    "weaknesses_b": "texts.weaknesses_b",
    "row_hash": "row_hash",
}


def header(axes: list[str]) -> bytes:
    """`axes` are the keys of the experiment's rubric; each becomes a column of its own."""
    return _line([*BEFORE, *axes, *AFTER])


def write(block: Block, axes: list[str]) -> Iterator[Piece]:
    places = [
        path.split(".") for path in (*BEFORE.values(), *(f"axes.{axis}" for axis in axes), *AFTER.values())
    ]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    for record in block.records:
        rows.writerow([safe(_cell(record, place)) for place in places])
    yield Piece(TRAIN, text.getvalue().encode(), len(block))


def safe(cell: object) -> object:
    """Numbers stay numbers; text that begins like a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell


def _cell(record: object, place: list[str]) -> object:
    for name in place:
        record = record.get(name) if isinstance(record, dict) else None
    return " ".join(record) if isinstance(record, list) else record


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return text.getvalue().encode()
