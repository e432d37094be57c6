"""Stopping on evidence: a result that leaves nothing open pauses the experiment that asked for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from grading.models import Result
from grading.results import asking
from grading.results.sentences import MARGIN
from marlin.events import record
from marlin.models import Event
from marlin.sources import now
from marlin.states import WrongState
from tasks import experiments
from tasks.models import Experiment

#: A running experiment is judged again no sooner than this after the last time.
EVERY = timedelta(minutes=1)
#: The rule fires once: who resumes an experiment afterwards wants more of it.
DECIDED = "experiment.decided"
SETTLED = ("decided", "equivalent")


def judge_what_grew() -> int:
    """Ask for a result of each experiment that stops when decided and has accepted more since the last."""
    asked = 0
    running = Experiment.objects.filter(state=Experiment.State.RUNNING, stops_when_decided=True)
    for experiment in running.order_by("pk"):
        if not has_fired(experiment) and _has_grown(experiment):
            asking.ask(experiment)
            asked += 1
    return asked


def _has_grown(experiment: Experiment) -> bool:
    last = asking.newest_result(experiment)
    if last is None:
        return asking.accepted(experiment) > 0
    is_old = last.computed_at is None or last.computed_at < now() - EVERY
    return is_old and last.basis != asking.accepted(experiment)


def heed(result: Result) -> bool:
    """Pause the experiment of a result that was just computed, if its rule says so. Safe to call twice."""
    experiment = result.experiment
    experiment.refresh_from_db()  # a result takes a while; somebody may have paused it meanwhile
    if not (experiment.stops_when_decided and experiment.state == Experiment.State.RUNNING):
        return False
    if result.query or has_fired(experiment) or not is_settled(result.found, experiment.pairing):
        return False
    with suppress(WrongState), transaction.atomic():  # somebody pauses it in this very moment
        experiments.pause(experiment, by=None, why=_why(result.found))
        record(DECIDED, experiment, result=str(result.public_id), digest=result.digest)
        return True
    return False


def is_settled(found: dict[str, Any], pairing: str) -> bool:
    """Whether every pair that is ever drawn was compared, and is told apart or equivalent."""
    arms = len(found["arms"])
    drawn = arms - 1 if pairing == Experiment.Pairing.CONTROL else arms * (arms - 1) // 2
    pairs = found["pairs"]
    return len(pairs) >= drawn > 0 and all(pair["state"] in SETTLED for pair in pairs)


def _why(found: dict[str, Any]) -> str:
    """Without a word on which is better: whoever may pause it need not know how it stands."""
    pairs, tasks = len(found["pairs"]), found["counts"]["tasks"]
    said = f"{'The pair of arms is' if pairs == 1 else f'All {pairs} pairs of arms are'} decided"
    return (
        f"{said} after {tasks:,} tasks: told apart, or equivalent within {100 * MARGIN:g} points, by evidence "
        "that holds however often one looks (5 %)."
    )


def has_fired(experiment: Experiment) -> bool:
    return Event.objects.filter(name=DECIDED, subject=str(experiment.public_id)).exists()


def judged_at(experiment: Experiment) -> datetime | None:
    """When its rule was last asked."""
    last = asking.newest_result(experiment)
    return last.computed_at if last else None
