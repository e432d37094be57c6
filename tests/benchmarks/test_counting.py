"""From a million votes in PostgreSQL to what the page of an experiment shows, beside a regression on their rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests import databases
from tests.benchmarks import counting
from tests.benchmarks.report import QUICK, ROOT, Report, rounds

VOTES = int(os.environ.get("MARLIN_BENCH_ROWS", 20_000 if QUICK else 1_000_000))
WAYS = ("headline", "on_rows", "whole")


def test_the_result_of_a_million_votes(report: Report) -> None:
    with databases.clone(f"marlin_bench_counting_{os.getpid()}") as name:
        number = counting.fill(databases.url_of("OWNER", name), VOTES)
        best: dict[str, dict[str, Any]] = {}
        for _ in range(rounds(2)):
            for way in WAYS:
                told = _run(way, name, number)
                best[way] = min(told, best.get(way, told), key=lambda each: float(each["cpu"]))
    ours, rows, whole = (best[way] for way in WAYS)
    for step, seconds in ours["steps"].items():
        report.figure(step, seconds, "s CPU")
    draw = rows["steps"]["regressions"] / (1 + counting.DRAWS)
    beside = "on rows, 1,000 draws", rows["cpu"] + (1000 - counting.DRAWS) * draw
    report.figure("all of it", ours["cpu"], "s CPU", beside=beside, at_most=1, ratio_at_most=0.1)
    report.figure("all of it, by the clock", ours["wall"], "s")
    report.figure("memory", ours["extra"], "MB", beside=("on rows", rows["extra"]), at_most=50)
    report.figure("everything a stored result holds", whole["cpu"], "s CPU")
    report.figure("memory of that", whole["extra"], "MB")
    report.note(
        f"{VOTES:,} votes, {counting.ARMS} arms, {counting.READERS} votes a task, {counting.RATERS} raters."
    )
    report.note(
        "All of it: counted by PostgreSQL, whose time is in it; five ratings, errors, 1,000 bootstraps."
    )
    report.note(
        f"On rows: one regression and {counting.DRAWS} draws measured, {rows['cpu']:.1f} s; 990 more at their pace."
    )


def _run(way: str, database: str, number: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.counting", way, str(number)],
        cwd=ROOT,
        env={
            **os.environ,
            **databases.urls_of(database),
            "MARLIN_PROCESS": "worker",
            "OPENBLAS_NUM_THREADS": "1",  # as the settings say, which come too late here
            "DJANGO_SETTINGS_MODULE": "marlin.settings",
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told
