"""The reviewer's decision, as blind as the rater was."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from grading import checks
from grading.models import Assignment, Gold, Payout, Preference, Review
from grading.queue import known_to
from grading.reading import Reading
from marlin.jobs import ring
from marlin.models import User
from marlin.states import WrongState
from tasks.models import Task

#: A reason shorter than this helps nobody.
LEAST_WORDS = 3


def waiting_for(reviewer: User) -> QuerySet[Assignment]:
    """What this person may judge, oldest first."""
    return _allowed(reviewer, Assignment.objects.to_review(reviewer))


def visible_to(reviewer: User) -> QuerySet[Assignment]:
    """What waits for them, and what they have decided themselves."""
    waiting = Q(pk__in=waiting_for(reviewer).order_by().values("pk"))
    return (
        Assignment.objects.filter(waiting | Q(reviews__reviewer=reviewer))
        .distinct()
        .select_related("task__scenario__repository", "task__experiment__rubric", "rater")
    )


@transaction.atomic
def decide(assignment: Assignment, decision: str, *, by: User, reason: str) -> Review:
    """Accept or reject what was handed in. The first decision counts; the second raises `WrongState`."""
    reason = reason.replace("\0", "").strip()  # PostgreSQL stores no NUL
    if decision not in (Review.Decision.ACCEPT, Review.Decision.REJECT):
        raise checks.Refused("Choose whether to accept or to reject.", field="decision")
    if decision == Review.Decision.REJECT and len(reason.split()) < LEAST_WORDS:
        raise checks.Refused("Say why, in a sentence the rater can learn from.", field="reason")
    receipt = assignment.last_receipt()
    if receipt is None:
        raise WrongState("Nothing was handed in.")
    if decision == Review.Decision.ACCEPT:
        assignment.accept(by=by, why=reason)
        _owe(assignment)
        _close_when_complete(assignment)
        ring("grading.jobs.write_judgements", assignment.pk)
    else:
        assignment.reject(by=by, why=reason)
    return Review.objects.create(
        assignment=assignment, receipt=receipt, reviewer=by, decision=decision, reason=reason
    )


def panel_context(reading: Reading) -> dict[str, Any]:
    """What stands beside the patches: what the rater said, and the decision once it is made."""
    assignment = reading.assignment
    preference = Preference.objects.filter(pair=reading.pair).select_related("locked_revision").first()
    revision = preference.locked_revision if preference else None
    rubric = assignment.task.experiment.rubric
    return {
        "revision": revision,
        "texts": revision.texts if revision else {},
        "axes": reading.axes(revision),
        "findings": list(checks.findings(rubric, revision)) if revision else [],
        "review": assignment.reviews.order_by("-pk").first(),
        "receipt": assignment.last_receipt(),
        "is_open": assignment.state == Assignment.State.SUBMITTED,
    }


def _allowed(reviewer: User, assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Not for those who know what is compared with what."""
    return assignments.exclude(task__experiment__in=known_to(reviewer)).select_related(
        "task__scenario__repository", "task__experiment", "rater"
    )


def _close_when_complete(assignment: Assignment) -> None:
    """A task with an accepted reading for each seat takes no more; one whose answer is known is read on and on."""
    task = assignment.task
    if Gold.objects.filter(task=task).exists():
        return
    accepted = task.assignments.filter(state=Assignment.State.ACCEPTED).count()
    if accepted >= task.readers_wanted and task.state == Task.State.OPEN:
        with suppress(WrongState):  # somebody else's acceptance closed it in this very moment
            task.close()


def _owe(assignment: Assignment) -> None:
    experiment = assignment.task.experiment
    Payout.objects.get_or_create(
        assignment=assignment, defaults={"amount": experiment.rate, "currency": experiment.currency}
    )
