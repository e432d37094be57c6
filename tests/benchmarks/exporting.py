"""A million stored records in a database of their own, and one way of writing them out, in a process of its own.

`python -m tests.benchmarks.exporting WAY FOLDER EXPORT` writes them and prints seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.contestants.asking import peak

AXES = ["clarity", "correctness", "efficiency", "scope"]
#: The same columns in a plain table, as PostgreSQL stores it: so many that it puts some of each row elsewhere. And in
#: one that is told to keep each row in one piece, as nobody would by default.
FLAT, PACKED = "flat_records", "packed_records"
#: COPY takes its time by the row, so of more records this many tell how fast it is.
COPIED = 100_000
PART = 50_000
#: Stands where each record differs from the others.
MARK = "0123456789abcdef0123456789abcdef"
PATCH = "".join(f"+    entries[{number}] = clock.now() + ttl  # kept for {number} s\n" for number in range(5))


def sample() -> dict[str, Any]:
    """A record with every column, of about 3 kB."""
    from grading.export.schema import columns_for

    values = {"patch": PATCH, "prompt": "Entries must not come back when the clock is set back. " * 3}
    return _filled(columns_for(AXES), values)


def _filled(columns: tuple[Any, ...], values: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Callable[[Any], Any]] = {
        "text": lambda column: values.get(column.name, MARK),
        "whole": lambda column: 3,
        "real": lambda column: 0.5,
        "truth": lambda column: True,
        "time": lambda column: datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC).isoformat(),
        "texts": lambda column: ["test_one", "test_two"],
        "group": lambda column: _filled(column.columns, values),
    }
    return {column.name: made[column.kind](column) for column in columns}


def fill(owner: str, rows: int, record: dict[str, Any]) -> None:
    """The judgements with their canonical lines; beside them a plain table with the same columns."""
    from grading.export.schema import columns_for, paths
    from grading.models.judgement import as_line

    with psycopg.connect(owner, autocommit=True) as connection:
        for constraint in _foreign_keys(connection):
            connection.execute(f"ALTER TABLE grading_judgement DROP CONSTRAINT IF EXISTS {constraint}")
        connection.execute(
            """
            INSERT INTO grading_judgement
                (public_id, preference_id, revision_id, record, format, digest, written_at)
            SELECT gen_random_uuid(), n, n, replace(%s, %s, md5(n::text))::json, 2, md5(n::text), now()
            FROM generate_series(1, %s) AS n
            """,
            [as_line(record), MARK, rows],
        )
        columns = ", ".join(
            f'{_value(record, path, column.kind)} AS "{path.replace(".", "_")}"'
            for path, column in paths(columns_for(AXES))
        )
        marked = (
            f"(SELECT md5(n::text) AS mark FROM generate_series(1, {copied(rows)}) AS n OFFSET 0) AS marked"
        )
        for table, stored in ((FLAT, ""), (PACKED, "WITH (toast_tuple_target = 8160)")):
            connection.execute(f"CREATE TABLE {table} {stored} AS SELECT {columns} FROM {marked}")
            connection.execute(f"GRANT SELECT ON {table} TO PUBLIC")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT") if _may_checkpoint(connection) else None


def copied(rows: int) -> int:
    return min(rows, COPIED)


def freeze(owner: str, export: int, rows: int) -> None:
    """In an order of its own, as public ids have."""
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO grading_exportpart (export_id, number, preferences, revisions)
            SELECT %s, place / %s, array_agg(n ORDER BY place), array_agg(n ORDER BY place)
            FROM (
                SELECT n, row_number() OVER (ORDER BY md5(n::text)) - 1 AS place FROM generate_series(1, %s) AS n
            ) AS listed
            GROUP BY 2
            """,
            [export, PART, rows],
        )


def _foreign_keys(connection: psycopg.Connection) -> list[str]:
    found = connection.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'grading_judgement'::regclass"
    )
    return [f'"{name}"' for (name,) in found]


def _may_checkpoint(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_has_role(current_user, 'pg_checkpoint', 'MEMBER')").fetchone()
    return bool(row and row[0])


def _value(record: dict[str, Any], path: str, kind: str) -> str:
    value: Any = record
    for name in path.split("."):
        value = value[name]
    if kind == "text" and value == MARK:
        return "mark"
    types = {"text": "text", "whole": "bigint", "real": "float8", "truth": "bool", "time": "timestamptz"}
    if kind == "texts":
        return "ARRAY['test_one', 'test_two']"
    literal = str(value).replace("'", "''")
    return f"'{literal}'::{types[kind]}"


# --- One way of writing, in its own process ---------------------------------------------------------------------


def copy(query: str, folder: Path) -> None:
    """What PostgreSQL itself can: rows as they come, straight into a file."""
    with (
        psycopg.connect(os.environ["DATABASE_URL_WORKER"]) as connection,
        connection.cursor().copy(query) as copied,
        (folder / "copied").open("wb") as file,
    ):
        for data in copied:
            file.write(data)


def export(key: str, folder: Path, number: int) -> None:
    """The export's own writer with one format, checkpoints and sums and all."""
    import django

    django.setup()
    from grading.export import snapshot, writing
    from grading.models import Export

    snapshot.PART = PART
    found = Export.objects.select_related("experiment__rubric").get(pk=number)
    Export.objects.filter(pk=number).update(state="writing", token=key, formats=[key], progress={})
    found.refresh_from_db()
    with writing.Sheets(folder, {}) as sheets:
        writing._write_parts(found, key, sheets)


def main(way: str, folder: str, number: str) -> None:
    ways: dict[str, Callable[[], None]] = {
        "row_to_json": lambda: copy(f"COPY (SELECT row_to_json(r) FROM {FLAT} AS r) TO STDOUT", Path(folder)),
        "csv": lambda: copy(f"COPY {FLAT} TO STDOUT (FORMAT csv)", Path(folder)),
        "packed csv": lambda: copy(f"COPY {PACKED} TO STDOUT (FORMAT csv)", Path(folder)),
        "jsonl": lambda: export("jsonl", Path(folder), int(number)),
        "parquet": lambda: export("parquet", Path(folder), int(number)),
    }
    began = time.monotonic()
    ways[way]()
    told = {
        "seconds": time.monotonic() - began,
        "megabytes": peak() / 2**20,
        "written": sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
