"""Reads the rows of a file one by one: JSON Lines, a JSON array or object of objects, Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_LINE = 64 * 1024 * 1024  # bytes
MOST_WHOLE = 512 * 1024 * 1024  # bytes of a JSON file that is not one object a line


class Refused(Exception):
    """A row, or a whole file, that cannot be used; the sentence says why."""


#: The line (or number) of a row, from one, and the row or why it cannot be read.
NumberedRow = tuple[int, dict[str, Any] | Refused]


def rows_of(path: Path) -> Iterator[NumberedRow]:
    """The rows of a file, by what its name ends in. Raises Refused for a file that cannot be read at all."""
    if not path.is_file():
        raise Refused(f"{path.name}: there is no such file.")
    readers = {".json": _json, ".parquet": _parquet}
    return readers.get(path.suffix.lower(), _json_lines)(path)


def _json_lines(path: Path) -> Iterator[NumberedRow]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise Refused(f"{path.name}: line {number} is longer than {MOST_LINE:,} bytes.")
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> dict[str, Any] | Refused:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as why:
        return Refused(f"This is not JSON: {why}.")
    return row if isinstance(row, dict) else Refused("This is not a JSON object.")


def _json(path: Path) -> Iterator[NumberedRow]:
    """An array of objects, or objects by their instance id, as some tools write predictions."""
    if path.stat().st_size > MOST_WHOLE:
        raise Refused(f"{path.name} is larger than {MOST_WHOLE:,} bytes; write one object a line (.jsonl).")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as why:
        raise Refused(f"{path.name} is not JSON: {why}.") from why
    if isinstance(content, dict):
        content = [
            {"instance_id": name, **row} if isinstance(row, dict) else row for name, row in content.items()
        ]
    if not isinstance(content, list):
        raise Refused(f"{path.name} holds neither a list nor an object of rows.")
    for number, row in enumerate(content, start=1):
        yield number, row if isinstance(row, dict) else Refused("This is not a JSON object.")


def _parquet(path: Path) -> Iterator[NumberedRow]:
    # Large, and only the commands and jobs that import ever come here.
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=200):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (arrow.ArrowException, OSError) as why:
        raise Refused(f"{path.name} is not a Parquet file that can be read: {why}.") from why
