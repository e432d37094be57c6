"""What is kept how long, and what goes with the last row that names it."""

import hashlib
import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from marlin.sources import now
from tasks.agents.base import Memory
from tasks.generation import places, retention, snapshots
from tasks.models import Holding, Run, RunLog, Snapshot, Task
from tests import factories

LONG_AGO = time.time() - 400 * retention.DAY


@pytest.fixture
def candidates(db, bells):
    made = factories.make_ready_task().turns.get().candidates.order_by("pk")
    return [*made]


def aged(name):
    path = default_storage.path(snapshots.path_of(name))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_an_archive_that_serves_two_goes_with_the_second(candidates):
    state = os.urandom(64)
    kept = [snapshots.keep(candidate, Memory("session", state)) for candidate in candidates]
    name = hashlib.sha256(state).hexdigest()

    for snapshot, is_there in zip(kept, (True, False), strict=True):
        snapshot.delete()
        aged(name)
        retention.tidy()
        assert default_storage.exists(snapshots.path_of(name)) is is_there


def test_an_archive_whose_row_is_about_to_be_written_is_left_alone(db):
    name = snapshots._stored(os.urandom(64))

    retention.tidy()

    assert default_storage.exists(snapshots.path_of(name))


def test_what_agents_remember_is_forgotten_once_the_task_is_long_over(candidates):
    snapshot = snapshots.keep(candidates[0], Memory("session", os.urandom(64)))
    Snapshot.objects.update(taken_at=now() - timedelta(days=400))
    retention.tidy()
    assert Snapshot.objects.get().archive == snapshot.archive

    Task.objects.get().close()
    aged(snapshot.archive)
    retention.tidy()

    assert Snapshot.objects.get().archive == ""
    assert not default_storage.exists(snapshots.path_of(snapshot.archive))


def test_logs_go_after_their_time_and_the_sentence_stays(candidates, settings):
    run = candidates[0].runs.get()
    RunLog.objects.create(run=run, stdout=b"x" * 100)
    retention.tidy()
    assert RunLog.objects.count() == 1

    Run.objects.update(ended_at=now() - timedelta(days=400))
    settings.KEEP_LOGS = 0
    retention.tidy()
    assert RunLog.objects.count() == 1
    settings.KEEP_LOGS = 180
    retention.tidy()

    assert RunLog.objects.count() == 0
    assert Run.objects.filter(pk=run.pk).exists()


def test_a_base_goes_when_it_was_not_used_for_long_and_a_mirror_with_its_repository(candidates):
    repository = candidates[0].turn.task.scenario.repository
    unused, base = (places.base_of(repository, factories.BASE_COMMIT) for _ in range(2))
    stray = places.area("mirrors") / "00000000-0000-4000-8000-000000000000.git"
    stray.mkdir()
    os.utime(unused, (LONG_AGO, LONG_AGO))
    places.base_of(repository, factories.BASE_COMMIT)  # in use again
    retention.tidy()
    assert base.exists()
    assert not stray.exists()

    os.utime(base, (LONG_AGO, LONG_AGO))
    retention.tidy()

    assert not base.exists()
    assert places.mirror_of(repository).exists()
    assert places.base_of(repository, factories.BASE_COMMIT).exists()  # made again


def test_what_set_up_made_goes_when_it_was_not_used_for_long(db):
    old, used = (places.area("templates") / name for name in ("old", "used"))
    for folder in (old, used):
        folder.mkdir()
    os.utime(old, (LONG_AGO, LONG_AGO))

    assert retention.tidy()["templates"] == 1
    assert [old.exists(), used.exists()] == [False, True]
    used.rmdir()


def test_sizes_are_reported(candidates):
    RunLog.objects.create(run=candidates[0].runs.get(), stdout=b"x" * 2000, stderr=b"y" * 500)
    told = StringIO()

    call_command("report_sizes", "--tidy", stdout=told)

    assert "2.5 kB  database" in told.getvalue()
    assert Holding.objects.get(kind="mirrors").size > 1000
