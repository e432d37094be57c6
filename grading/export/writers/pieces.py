"""What goes in and out of a writer: a block of whole lines, and pieces for the files of a format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Record = dict[str, Any]

#: The files of a format: undecided preferences stand apart, so that nobody trains on them unawares.
TRAIN = "train"
TIES = "ties"


@dataclass(frozen=True)
class Piece:
    """Bytes for one file of a format. Without bytes, `split` is the reason why `rows` were left out."""

    split: str
    data: bytes
    rows: int = 1


class Block:
    """Records as they are stored, one canonical line each; parsed once, and only if a format asks."""

    def __init__(self, lines: bytes) -> None:
        self.lines = lines

    @classmethod
    def of(cls, records: Iterable[Record]) -> Block:
        return cls(b"".join(line(record) for record in records))

    def __len__(self) -> int:
        return self.lines.count(b"\n")

    @cached_property
    def records(self) -> list[Record]:
        return [json.loads(line) for line in self.lines.split(b"\n") if line]


def line(value: object) -> bytes:
    """JSON Lines, compact, in the order of the value's own keys. https://jsonlines.org"""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def decided(records: Iterable[Record]) -> Iterator[tuple[Record, str, str, str]]:
    """(record, preferred side, other side, split). A tie keeps the record's order, which means nothing."""
    for record in records:
        if record["rating"] < 0:
            yield record, "b", "a", TRAIN
        else:
            yield record, "a", "b", TRAIN if record["rating"] else TIES
