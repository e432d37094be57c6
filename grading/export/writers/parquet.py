"""Parquet: the same lines, read by Arrow against the record's columns. Only workers load this module."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow
import pyarrow.json
import pyarrow.parquet

from grading.export.schema import Column
from grading.export.writers.pieces import Block

#: Bytes of JSON that Arrow reads at once: of so many columns it spends a third more time on pieces of a quarter.
READ = 4 * 2**20
#: Bytes of JSON in one row group: its columns are what the writer holds in memory.
GROUP = 24 * 2**20

_TYPES = {
    "text": pyarrow.string(),
    "whole": pyarrow.int64(),
    "real": pyarrow.float64(),
    "truth": pyarrow.bool_(),
    "time": pyarrow.timestamp("us", "UTC"),
    "texts": pyarrow.list_(pyarrow.string()),
}


def name_of(stem: str, number: int, of: int) -> str:
    """As `datasets` names shards."""
    return f"{stem}-{number:05d}-of-{of:05d}.parquet"


def schema_of(columns: tuple[Column, ...]) -> pyarrow.Schema:
    return pyarrow.schema([_field(column) for column in columns])


class Shard:
    """One file of so many records. A context manager: the footer is written on the way out."""

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        self.schema = schema_of(columns)
        self.rows = 0
        self._lines: list[bytes] = []  # not read yet
        self._unread = 0
        self._waiting: list[pyarrow.Table] = []  # for the next row group
        self._bytes = 0
        # As `datasets` writes it: chunks by content, so that equal rows are equal pages in two exports.
        self._file = pyarrow.parquet.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            use_content_defined_chunking=True,
            write_page_index=True,
        )

    def __enter__(self) -> Shard:
        return self

    def __exit__(self, kind: type[BaseException] | None, *why: object) -> None:
        if kind is None:  # else nobody will count the file
            self._read()
            self._flush()
        self._file.close()

    def write(self, block: Block) -> None:
        """Raises ArrowInvalid for a record with a column that the schema does not know."""
        self._lines.append(block.lines)
        self._unread += len(block.lines)
        self.rows += len(block)
        if self._unread >= READ:
            self._read()
        if self._bytes >= GROUP:
            self._flush()

    def _table(self, lines: bytes) -> pyarrow.Table:
        table = pyarrow.json.read_json(
            io.BytesIO(lines),
            # One block, since a record may be longer than Arrow's own; one thread, since two copy twice.
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=self.schema, unexpected_field_behavior="error"
            ),
        )
        return table.select(self.schema.names)

    def _read(self) -> None:
        if self._lines:
            self._waiting.append(self._table(b"".join(self._lines)))
        self._bytes += self._unread
        self._lines, self._unread = [], 0

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_table(pyarrow.concat_tables(self._waiting))
        self._waiting, self._bytes = [], 0


def _field(column: Column) -> pyarrow.Field:
    about = {"says": column.says}
    if column.kind != "group":
        return pyarrow.field(column.name, _TYPES[column.kind], metadata=about)
    return pyarrow.field(column.name, pyarrow.struct(map(_field, column.columns)), metadata=about)
