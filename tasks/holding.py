"""Candidates that are held because a line of them names somebody: an admin releases them, or withdraws the task."""

from __future__ import annotations

from django.db import transaction

from marlin.events import record
from marlin.models import User
from marlin.states import WrongState
from tasks.models import Candidate, ScrubHit

#: Of one candidate, so many lines are listed.
MOST_SHOWN = 20


class Refused(Exception):
    """It cannot be decided like this; the sentence says why."""


def held(*, using: str) -> list[tuple[Candidate, list[ScrubHit]]]:
    """Each held candidate of an open task with the lines it is held for, oldest first."""
    waiting = Candidate.objects.using(using).filter(is_held=True, turn__task__state="open")
    listed = waiting.select_related("turn__task__scenario").order_by("pk")[:100]
    return [
        (
            candidate,
            list(ScrubHit.objects.using(using).filter(candidate=candidate).order_by("pk")[:MOST_SHOWN]),
        )
        for candidate in listed
    ]


def release(candidate: Candidate, *, by: User, why: str) -> None:
    """The pair may be shown as it is. Raises Refused or WrongState."""
    _demand(why)
    alias = candidate._state.db or "default"
    with transaction.atomic(using=alias):
        if not Candidate.objects.using(alias).filter(pk=candidate.pk, is_held=True).update(is_held=False):
            raise WrongState("It is not held any more.")
        # The reason may name somebody, and web reads events: it stands with the guarded lines.
        ScrubHit.objects.using(alias).filter(candidate=candidate).update(released_because=why.strip())
        record("candidate.released", candidate, by=by, before="held", after="released", using=alias)


def withdraw(candidate: Candidate, *, by: User, why: str) -> None:
    """Nobody is shown this task. Raises Refused or WrongState."""
    _demand(why)
    alias = candidate._state.db or "default"
    with transaction.atomic(using=alias):
        candidate.turn.task.withdraw(by=by, why="A candidate named who made it.")
        # As with a release: what was written may name somebody.
        hits = ScrubHit.objects.using(alias).filter(candidate=candidate)
        hits.update(withdrawn_because=why.strip())


def _demand(why: str) -> None:
    if not why.strip():
        raise Refused("Say why: somebody will ask later.")
