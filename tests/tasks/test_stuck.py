"""The sweep: silent runs are ended, what waits is rung again, left directories are removed."""

from datetime import timedelta

import pytest
from django.conf import settings

import tasks.jobs
from marlin.sources import now
from tasks.generation import places, stuck
from tasks.models import Candidate, Environment, Repository, Run
from tests import factories

GENERATE = "tasks.jobs.generate_candidate"


@pytest.fixture
def candidate(db: None, bells: list[tuple[object, ...]]) -> Candidate:
    candidate = factories.make_task().turns.get().candidates.order_by("pk")[0]
    bells.clear()
    return candidate


def go_silent(candidate: Candidate) -> Run:
    run = factories.start_run(candidate)
    Run.objects.filter(pk=run.pk).update(lease_until=now() - timedelta(minutes=1))
    return run


def test_a_silent_run_is_lost_and_its_candidate_rung_for_again(candidate, bells):
    run = go_silent(candidate)

    assert stuck.requeue_silent_runs() == 1

    candidate.refresh_from_db()
    run.refresh_from_db()
    assert candidate.state == "queued"
    assert (run.state, run.sentence) == ("lost", "The worker went silent.")
    assert bells == [(GENERATE, candidate.pk)]


def test_a_run_that_beats_is_left_alone(candidate):
    factories.start_run(candidate)
    Run.objects.update(lease_until=now() + timedelta(minutes=1))

    assert stuck.requeue_silent_runs() == 0
    assert Candidate.objects.get(pk=candidate.pk).state == "running"


def test_a_run_that_finishes_in_this_very_moment_wins(candidate, monkeypatch):
    run = go_silent(candidate)
    lose = stuck.lose

    def a_moment_later(silent: Run, sentence: str) -> None:
        Run.objects.filter(pk=run.pk).update(state="succeeded")
        lose(silent, sentence)

    monkeypatch.setattr(stuck, "lose", a_moment_later)

    assert stuck.requeue_silent_runs() == 0
    assert Run.objects.get().state == "succeeded"


def test_after_some_silent_workers_the_machinery_is_blamed(candidate, settings):
    settings.RUN_ATTEMPTS = 3
    for _ in range(3):
        candidate.refresh_from_db()
        go_silent(candidate)
        stuck.requeue_silent_runs()

    candidate.refresh_from_db()
    assert (candidate.state, candidate.failure) == ("failed", "machine")


def test_a_candidate_that_was_cancelled_meanwhile_stays_so(candidate):
    go_silent(candidate)
    candidate.cancel()

    assert stuck.requeue_silent_runs() == 1
    assert Candidate.objects.get(pk=candidate.pk).state == "cancelled"


def test_what_could_start_is_rung_for_again_oldest_first(candidate, bells):
    other = Candidate.objects.exclude(pk=candidate.pk).get()

    assert stuck.ring_again() == 2

    assert bells == [(GENERATE, candidate.pk), (GENERATE, other.pk)]


def test_candidates_that_cannot_start_do_not_crowd_out_the_others(candidate, bells, monkeypatch):
    Environment.objects.update(state="broken", failure="Its tests fail.")
    later = factories.make_task()
    monkeypatch.setattr(stuck, "MOST_BELLS", 2)
    bells.clear()

    stuck.ring_again()

    assert {pk for _, pk in bells} == set(
        Candidate.objects.filter(turn__task=later).values_list("pk", flat=True)
    )


def test_repositories_and_environments_that_wait_are_rung_for(db, bells):
    waiting = Repository.objects.create(name="waits", url="https://example.org/waits.git")
    environment = Environment.objects.create(repository=waiting, base_commit=factories.BASE_COMMIT)
    held = Repository.objects.create(name="is held", url="https://example.org/held.git")
    held.take_lease("cloning", 60)
    silent = Repository.objects.create(name="went silent", url="https://example.org/silent.git")
    silent.take_lease("cloning", -1)

    assert tasks.jobs.requeue_preparations() == 3

    assert set(bells) == {
        ("tasks.jobs.clone_repository", waiting.pk),
        ("tasks.jobs.clone_repository", silent.pk),
        ("tasks.jobs.prepare_environment", environment.pk),
    }


def test_the_sweep_does_all_of_it(candidate, bells):
    go_silent(candidate)
    with places.run_directory("held"):
        left = settings.WORK_AREA / "runs" / "left"
        (left / "worktree").mkdir(parents=True)

        assert tasks.jobs.requeue_stuck_candidates() == 1

        assert not left.exists()
        assert (settings.WORK_AREA / "runs" / "held").is_dir()
    assert len(bells) == 3  # one for the candidate that was freed, two for all that wait
