"""A million votes against logistic regression with a bootstrap on their rows, both in processor time of one run."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from grading.analysis.report import of_tables
from grading.analysis.sections import DEFAULT, MODELS, Study, bootstrap
from grading.analysis.votes import Votes
from tests.benchmarks.regression import regression
from tests.benchmarks.report import QUICK, Report, rounds
from tests.grading.analysis.worlds import crowd

VOTES = 20_000 if QUICK else 1_000_000
MODELS_COMPARED = 20
DRAWS = 10  # of the regression on rows, against 1,000 of ours


def test_ratings_of_a_million_votes(report: Report) -> None:
    ours, rows = (min((_alone(work) for _ in range(rounds(3))), key=_cpu) for work in (_ratings, _on_rows))
    for step, seconds in ours["steps"].items():
        report.figure(step, seconds, "s CPU")
    report.figure(
        "all of it",
        ours["cpu"],
        "s CPU",
        beside=(f"regression on rows, {DRAWS} draws", rows["cpu"]),
        at_most=1,
        ratio_at_most=0.1,
    )
    report.figure("all of it, by the clock", ours["wall"], "s", beside=("on rows", rows["wall"]))
    report.figure(
        "memory beyond the votes", ours["extra"], "MB", beside=("on rows", rows["extra"]), at_most=50
    )
    report.note(f"{VOTES:,} votes, {MODELS_COMPARED} models, 3 votes a task, each row a cell of its own.")
    report.note("Ours: five ratings, the headline's errors by task and rater, 1,000 bootstraps over tasks.")
    report.note(
        f"On rows: Bradley-Terry by Newton's method, one fit and {DRAWS} bootstraps; 1,000 would be 91 times that."
    )


def test_the_page_of_a_million_votes(report: Report) -> None:
    page = _alone(_page)

    report.figure("of_tables, everything", page["cpu"], "s CPU")
    report.figure("memory beyond the votes", page["extra"], "MB")
    report.note(
        "Also win rates, agreement of all raters with kappas and intervals, and the decision over 190 pairs."
    )


def _ratings(votes: Votes, steps: dict[str, float]) -> None:
    study = Study(votes, DEFAULT)
    _timed(steps, "counts", lambda: votes.tally)
    for name in MODELS:
        _timed(steps, f"fit {name}", lambda name=name: study.spread(name))  # type: ignore[misc]
    for name in ("by_task", "two_way"):
        _timed(steps, f"errors {name}", lambda name=name: getattr(study.headline, name))  # type: ignore[misc]
    _timed(steps, "1,000 bootstraps", lambda: bootstrap(study))


def _page(votes: Votes, steps: dict[str, float]) -> None:
    of_tables({"overall": votes})


def _on_rows(votes: Votes, steps: dict[str, float]) -> None:
    """What one would write first: a design of N rows, and tasks drawn with replacement as weights."""
    random = np.random.default_rng(1)
    rows, tasks = np.arange(len(votes)), len(votes.tasks)
    design = np.zeros((len(votes), len(votes.models)))
    design[rows, votes.first] = 1
    design[rows, votes.second] = -1
    won = (np.sign(votes.rating) + 1) / 2
    regression(design, won, np.ones(len(votes)))
    for _ in range(DRAWS):
        drawn = np.bincount(random.integers(tasks, size=tasks), minlength=tasks)
        regression(design, won, drawn[votes.task].astype(float))


def _timed(steps: dict[str, float], name: str, work: Callable[[], object]) -> None:
    began = time.process_time()
    work()
    steps[name] = time.process_time() - began


def _cpu(found: dict[str, Any]) -> float:
    return float(found["cpu"])


def _alone(work: Callable[[Votes, dict[str, float]], None]) -> dict[str, Any]:
    """In a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work,))


def _measured(work: Callable[[Votes, dict[str, float]], None]) -> dict[str, Any]:
    votes = crowd(VOTES, models=MODELS_COMPARED)
    work(crowd(3000, models=4), {})  # what is loaded at first use is not this work's
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before = _megabytes("VmRSS")
    steps: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    work(votes, steps)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "extra": _megabytes("VmHWM") - before,
        "steps": steps,
    }


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
