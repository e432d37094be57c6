"""Importing ten thousand rows, and the desk's search for near repeats among fifty thousand scenarios."""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from grading.models import Assignment
from marlin.models import Role, User
from marlin.sources import now
from tasks import scenarios as desk
from tasks.importing.instances import Instances
from tasks.importing.predictions import Predictions
from tasks.models import Experiment, Repository, Scenario, Task
from tasks.repeats import BANDS
from tests import factories
from tests.benchmarks.report import QUICK, Report
from tests.benchmarks.served import PRODUCTION, Served
from tests.browser.site import Person
from tests.stack import running_stack

ROWS = 500 if QUICK else 10_000
SCENARIOS = 2_000 if QUICK else 50_000
#: Real prompts have many words; two thousand made ones keep chance repeats as rare as theirs.
WORDS = [f"{head}{tail}" for head in ("tide", "cache", "clock", "query") for tail in range(500)]
PATCH = """diff --git a/src/tide.py b/src/tide.py
--- a/src/tide.py
+++ b/src/tide.py
@@ -10,2 +10,3 @@
     def high(self):
+        moon = self.moon({number})
         return self.moon
"""


def test_importing(report: Report, db: None, tmp_path: Path) -> None:
    chance = random.Random(20261123)
    keys = [f"octocat__tides-{number}" for number in range(ROWS)]
    tasks = _write(
        tmp_path / "tasks.jsonl",
        [
            {
                "instance_id": key,
                "repo": f"octocat/tides{number % 12}",
                "base_commit": f"{number:040x}",
                "problem_statement": _prompt(chance),
            }
            for number, key in enumerate(keys)
        ],
    )
    outputs = _write(
        tmp_path / "outputs.jsonl",
        [
            {
                "instance_id": key,
                "model_name_or_path": "some-model",
                "model_patch": PATCH.format(number=number),
            }
            for number, key in enumerate(keys)
        ],
    )
    before = _peak(begins=True)
    for what, reader, file in (
        ("tasks", Instances("bench").reader, tasks),
        ("recorded outputs", Predictions("bench").reader, outputs),
        ("the same outputs again", Predictions("bench").reader, outputs),
    ):
        began = time.perf_counter()
        tally = reader.read(file)
        report.figure(what, tally.rows / (time.perf_counter() - began), "rows/s")
    report.figure("memory at its peak, beside what was there", (_peak() - before) / 1024, "MB")
    report.note(f"{ROWS:,} rows each, in batches that stand for themselves.")


@pytest.fixture
def served(django_db_blocker: Any) -> Iterator[Served]:
    """Production's web server over a database that keeps what is written, which is what vacuum asks for."""
    with running_stack(**PRODUCTION) as stack:
        served = Served(stack, django_db_blocker)
        served.start_web()
        yield served


def test_the_desk(report: Report, served: Served) -> None:
    chance = random.Random(20261123)
    riley, robin, ada = (
        served.person(name, role)
        for name, role in (("Riley", Role.RATER), ("Robin", Role.REVIEWER), ("Ada", Role.ADMIN))
    )
    mine = served.do(lambda: _fill(riley, chance))
    similar = served.do(lambda: _middle(lambda: desk.near_duplicate(mine, _prompt(chance))))
    report.figure("near repeats of a prompt", similar, "ms", at_most=50)
    experiment = f"/experiments/{served.do(_experiment).public_id}"
    for person, path in (
        *((riley, f"/scenarios/{query}") for query in ("", "?page=5", "?q=Scenario+77&sort=title")),
        *((robin, f"/approvals/{query}") for query in ("", "?page=90", "?q=Scenario+77&sort=-title")),
        *((robin, f"/review/{query}") for query in ("", "?page=90", "?q=Scenario+77&sort=-task")),
        *((ada, f"{experiment}/scenarios{query}") for query in ("", "?in=yes", "?q=Scenario+77&sort=title")),
        *((ada, f"{experiment}/{page}") for page in ("tasks", "")),
        (ada, "/repositories/"),
    ):
        seconds = [answer.seconds for answer in served.asked(path, person, 15).answers]
        shown = path.replace(experiment, "/experiments/…")
        report.figure(shown, 1000 * statistics.median(seconds), "ms", at_most=50)
    report.note(
        f"{SCENARIOS:,} scenarios of 100 people; medians of 15 requests, one at a time, through gunicorn."
    )


def _fill(begins: Person, chance: random.Random) -> Scenario:
    """So many scenarios of a hundred people; the draft of the one who asks."""
    repository = factories.make_repository()
    riley = User.objects.get(pk=begins.pk)
    authors = [riley, *(factories.make_person("Rosa", Role.RATER) for _ in range(99))]
    _write_scenarios(authors, repository, chance)
    return factories.make_draft(riley, repository=repository)


def _experiment() -> Experiment:
    """With a task for a tenth of all scenarios, each handed in once and waiting for a reviewer."""
    scenarios = list(Scenario.objects.filter(state="approved")[: SCENARIOS // 10])
    experiment = factories.make_experiment(scenarios=scenarios)
    tasks = Task.objects.bulk_create(
        Task(experiment=experiment, scenario=one, state="open") for one in scenarios
    )
    rater = factories.make_person("Riley", Role.RATER)
    Assignment.objects.bulk_create(
        Assignment(task=task, rater=rater, seat=0, state="submitted", submitted_at=now()) for task in tasks
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return experiment


def _write_scenarios(authors: list[User], repository: Repository, chance: random.Random) -> None:
    texts = [_prompt(chance) for _ in range(SCENARIOS)]
    Scenario.objects.bulk_create(
        (
            Scenario(
                repository=repository,
                author=authors[number % len(authors)],
                base_commit=factories.BASE_COMMIT,
                category="bug fix",
                state="in_review" if number % 10 == 0 else "approved",
                title=f"Scenario {number}",
                prompt=text,
                # As good as real ones, which no two strangers share, and made in no time.
                bands=[chance.getrandbits(62) for _ in range(BANDS)],
                proposed_at=now(),
            )
            for number, text in enumerate(texts)
        ),
        batch_size=2_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE tasks_scenario")  # as autovacuum does by itself


def _peak(*, begins: bool = False) -> int:
    """The most memory that this process has held, in kB, since `begins` (Linux: proc_pid_clear_refs)."""
    if begins:
        Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def _prompt(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(120))


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def _middle(work: Callable[[], object]) -> float:
    work()  # the first one fills caches
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
