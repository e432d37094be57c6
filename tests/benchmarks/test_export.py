"""Writing an export beside PostgreSQL's own COPY of the same columns: rows a second, and memory that does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import databases
from tests.benchmarks import exporting
from tests.benchmarks.counting import needed
from tests.benchmarks.report import ROOT, Report, rounds, sizes

ROWS = {"hundred thousand": 100_000, "million": 1_000_000}
if asked := os.environ.get("MARLIN_BENCH_ROWS"):
    ROWS = {f"{int(asked):,}": int(asked)}
#: Our way, COPY's way, the least share of its rows a second, the most memory in MB.
WAYS = [("jsonl", "row_to_json", 0.8, 150), ("parquet", "csv", 0.5, 300)]


@pytest.mark.parametrize("size", sizes(*ROWS))
def test_export(size: str, report: Report, tmp_path: Path) -> None:
    rows = ROWS[size]
    with databases.clone(f"marlin_bench_export_{os.getpid()}") as name:
        owner = databases.url_of("OWNER", name)
        record = exporting.sample()
        exporting.fill(owner, rows, record)
        number = _export(owner, rows)
        exporting.freeze(owner, number, rows)
        best: dict[str, dict[str, float]] = {}
        for _ in range(rounds(2 if rows <= exporting.COPIED else 1)):  # a million take long enough to say
            for way in ("row_to_json", "jsonl", "csv", "packed csv", "parquet"):
                told = _run(way, name, tmp_path, number)
                best[way] = min(told, best.get(way, told), key=lambda each: each["seconds"])
    for ours, theirs, share, memory in WAYS:
        speed = {
            ours: rows / best[ours]["seconds"],
            theirs: exporting.copied(rows) / best[theirs]["seconds"],
        }
        report.figure(
            f"{ours}: share of COPY's rows a second", speed[ours] / speed[theirs], "x", at_least=share
        )
        report.figure(f"{ours}: rows a second", speed[ours], "/s", beside=(f"COPY {theirs}", speed[theirs]))
        report.figure(f"{ours}: peak memory", best[ours]["megabytes"], "MB", at_most=memory)
    packed = exporting.copied(rows) / best["packed csv"]["seconds"]
    report.figure("COPY csv where each row is in one piece: rows a second", packed, "/s")
    report.note(f"{rows:,} records of {len(json.dumps(record)):,} bytes; best of the rounds, taken in turn.")
    report.note(f"COPY of {exporting.copied(rows):,} of them.")
    written = ", ".join(f"{way} {told['written']:,.0f} MB" for way, told in best.items())
    report.note(f"Written: {written}.")


def _run(way: str, database: str, folder: Path, number: int) -> dict[str, float]:
    with _emptied(folder / way) as place:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.exporting", way, str(place), str(number)],
            cwd=ROOT,
            env={
                **os.environ,
                **databases.urls_of(database),
                "MARLIN_PROCESS": "worker",
                "DJANGO_SETTINGS_MODULE": "marlin.settings",
            },
            stdout=subprocess.PIPE,
            check=True,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        yield folder
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _export(owner: str, rows: int) -> int:
    """An export of an experiment with the axes of the sample; nothing else of the world is needed to write it."""
    with psycopg.connect(owner, autocommit=True) as connection:

        def insert(table: str, **values: object) -> int:
            names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
            row = connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", [*values.values()]
            ).fetchone()
            assert row
            return int(row[0])

        rubric = insert("tasks_rubric", **needed(connection, "tasks_rubric") | {"points": 8})
        for position, key in enumerate(exporting.AXES):
            axis = {"rubric_id": rubric, "key": key, "name": key, "question": key, "position": position}
            insert("tasks_axis", **needed(connection, "tasks_axis") | axis)
        world = needed(connection, "tasks_experiment")
        experiment = insert("tasks_experiment", **{**world, "name": "bench", "rubric_id": rubric})
        told = needed(connection, "grading_export")
        counts = json.dumps({"written": rows})
        asked = {"experiment_id": experiment, "reason": "To measure it.", "counts": counts}
        return insert("grading_export", **{**told, **asked})
