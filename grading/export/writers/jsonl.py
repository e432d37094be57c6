"""JSON Lines: the whole record, canonical, one a line. https://jsonlines.org"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from grading.export.records import as_line

NAME = "preferences.jsonl"


def write(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for record in records:
        yield as_line(record).encode() + b"\n"
