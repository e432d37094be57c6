"""A worker that is killed half-way of an import: read again, nothing is there twice and nothing is missing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.base import ContentFile
from django.db import transaction

from tasks.importing.reading import BATCH
from tasks.models import Import, ImportFile, Scenario
from tests import factories
from tests.stack import Stack, eventually

SET = "halves"


def test_an_import_that_was_killed_is_gone_on_with(committed: Stack, long: bool) -> None:
    stack = committed
    rows, kills = (10_000, 8) if long else (BATCH + 100, 1)
    asked = _ask(rows)
    stack.start_beat()
    stops = sorted(random.sample(range(BATCH, rows), kills))

    for number in stops:
        with _stopped_at(stack, number):
            stack.start_worker()
            eventually(lambda: _waits(stack), why=stack.log_of("worker")[-2000:])
            stack.kill("worker")
        stored = Scenario.objects.filter(imported_as__startswith=f"{SET}:").count()
        assert stored == number // BATCH * BATCH  # whole batches, and never a part of one
    stack.start_worker()
    eventually(lambda: Import.objects.get(pk=asked.pk).state != Import.State.WAITING, within=300)

    names = list(Scenario.objects.values_list("imported_as", flat=True))
    assert sorted(names) == sorted(f"{SET}:n{number}" for number in range(rows))
    asked.refresh_from_db()
    known = stops[-1] // BATCH * BATCH
    assert asked.outcome == f"{rows:,} rows: {rows - known:,} new, {known:,} known, 0 refused."


def _ask(rows: int) -> Import:
    asked = Import.objects.create(
        kind=Import.Kind.TASKS, dataset=SET, by=factories.make_person("Ada", "admin")
    )
    lines = (
        json.dumps(
            {
                "instance_id": f"n{number}",
                "repo": "octocat/tides",
                "base_commit": f"{number:040x}",
                "problem_statement": f"Tide {number} comes an hour early.",
            }
        )
        for number in range(rows)
    )
    ImportFile.objects.create(asked=asked, name="rows.jsonl", content=ContentFile("\n".join(lines), "rows"))
    return asked


@contextmanager
def _stopped_at(stack: Stack, number: int) -> Iterator[None]:
    """Somebody else is about to store this row: whoever stores it too waits to see what comes of that. Nothing does."""
    with transaction.atomic():
        factories.make_scenario(imported_as=f"{SET}:n{number}")
        yield
        transaction.set_rollback(True)


def _waits(stack: Stack) -> bool:
    """Whether the worker stands before the row that is held."""
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND locktype = 'transactionid' AND datname = %s"
    )
    return bool(stack.value(waiting, stack.database))
