"""CSV after RFC 4180: the flat columns. Cells that a spreadsheet would run as a formula are quoted with '."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

NAME = "preferences.csv"

#: What OWASP ASVS 1.2.10 names as the beginnings of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")

COLUMNS = (
    "preference",
    "experiment",
    "task",
    "turn",
    "attempt",
    "rater",
    "model_a",
    "model_b",
    "side",
    "rating",
)
AFTER = ("points", "key_axis", "category", "repository", "method", "probability", "justification")


def write(records: Iterable[dict[str, Any]], axes: list[str]) -> Iterator[bytes]:
    """`axes` are the keys of the experiment's rubric; each becomes a column of its own."""
    yield _line([*COLUMNS, *axes, *AFTER])
    for record in records:
        yield _line(
            [
                record["preference"],
                record["experiment"]["name"],
                *(record[name] for name in COLUMNS[2:]),
                *(record["axes"].get(axis) for axis in axes),
                record["rubric"]["points"],
                record["key_axis"],
                record["scenario"]["category"],
                record["scenario"]["repository"],
                record["draw"]["method"],
                record["draw"]["probability"],
                record["texts"]["justification"],
            ]
        )


def safe(cell: object) -> object:
    """Numbers stay numbers; text that begins like a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell


def _line(cells: list[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return text.getvalue().encode()
