"""Candidates whose worker went silent, and bells that nobody heard."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from marlin.jobs import ring
from marlin.states import WrongState
from tasks.models import AgentCheck, Candidate, Environment, Experiment, Failure, Import, Repository, Run

logger = logging.getLogger(__name__)

#: Bells a sweep rings again at most: a broker that comes back must not drown.
MOST_BELLS = 100


def requeue_silent_runs() -> int:
    """End the runs whose lease has passed, by the database's clock, and queue their candidates again."""
    silent = Run.objects.filter(state=Run.State.STARTED, lease_until__lt=Now()).select_related("candidate")
    ended = 0
    for run in silent:
        try:
            lose(run, "The worker went silent.")
        except WrongState:
            continue  # it finished in this very moment
        ended += 1
    return ended


@transaction.atomic
def lose(run: Run, sentence: str, *, counted: bool = True) -> None:
    """Give the candidate back to the queue, or give it up when our machinery has failed too often."""
    run.end(Run.State.LOST, sentence=sentence, counted=counted)
    candidate = run.candidate
    if candidate.state != Candidate.State.RUNNING:
        return
    if candidate.runs.filter(state=Run.State.LOST, counted=True).count() >= settings.RUN_ATTEMPTS:
        candidate.fail(Failure.MACHINE, token=run.token)
        return
    candidate.give_back(token=run.token)
    ring("tasks.jobs.generate_candidate", candidate.pk)


def halt_runs() -> int:
    """End the runs of experiments that stand still, which counts as no failure; their candidates wait."""
    at_work = Run.objects.filter(state=Run.State.STARTED).exclude(
        candidate__turn__task__experiment__state=Experiment.State.RUNNING
    )
    halted = 0
    for run in at_work.select_related("candidate"):
        with suppress(WrongState):  # it finished in this very moment
            lose(run, "The experiment was paused or finished.", counted=False)
            halted += 1
    return halted


def ring_again() -> int:
    """Ring for the oldest candidates that could start. Ringing twice does no harm."""
    waiting = Candidate.objects.may_start().order_by("turn__opened_at", "pk")
    bells = list(waiting.values_list("pk", flat=True)[:MOST_BELLS])
    for pk in bells:
        ring("tasks.jobs.generate_candidate", pk)
    return len(bells)


def ring_for_preparations() -> int:
    """Ring for repositories and environments that wait, or whose worker went silent."""
    bells = 0
    for model, states, job in (
        (Repository, [Repository.State.CLONING], "tasks.jobs.clone_repository"),
        (Environment, [Environment.State.BASELINE], "tasks.jobs.prepare_environment"),
        (Import, [Import.State.WAITING], "tasks.jobs.read_import"),
        (AgentCheck, [AgentCheck.State.WAITING], "tasks.jobs.check_agent"),
    ):
        for pk in model.objects.filter(state__in=states).unleased().values_list("pk", flat=True)[:MOST_BELLS]:
            ring(job, pk)
            bells += 1
    return bells
