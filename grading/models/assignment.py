"""One rater holding one seat of a task."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from grading.models.gold import Gold
from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful, WrongState
from tasks.models import Task

if TYPE_CHECKING:
    from grading.models.preference import Receipt
    from grading.models.review import Review


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def in_hand(self) -> AssignmentQuerySet:
        return self.filter(state__in=Assignment.WITH_RATER)

    def overdue(self) -> AssignmentQuerySet:
        """By the database's clock: a worker's own may be wrong. No lease runs while the next turn is made."""
        overdue = self.filter(state=Assignment.State.CLAIMED, lease_until__lt=Now())
        return overdue.exclude(pk__in=Assignment.objects.waiting().values("pk"))

    def waiting(self) -> AssignmentQuerySet:
        """All that they were given is graded, and they have not handed in: the next turn is being made."""
        graded = Count("pairs", filter=Q(pairs__preference__state="locked"))
        counted = self.filter(state=Assignment.State.CLAIMED).annotate(graded=graded, drawn=Count("pairs"))
        return counted.filter(graded__gt=0, graded=F("drawn"))

    def with_practice(self) -> AssignmentQuerySet:
        """With `is_practice`: the one thing about a known answer that its rater may see. Gold stays hidden."""
        practice = Gold.objects.filter(task=OuterRef("task"), kind=Gold.Kind.PRACTICE)
        return self.annotate(is_practice=Exists(practice))

    def to_review(self, reviewer: User) -> AssignmentQuerySet:
        """What this person may judge, oldest first. Nobody judges their own."""
        return (
            self.filter(state=Assignment.State.SUBMITTED)
            .exclude(rater=reviewer)
            # Asked from the author's side: they have few, and a join would read the scenario of all that waits.
            .exclude(task__in=Task.objects.filter(scenario__author=reviewer))
            .order_by("submitted_at", "pk")
        )


class Assignment(Stateful):
    """One rater holding one seat of a task: seat 0 leads, the others read second."""

    class State(models.TextChoices):
        CLAIMED = "claimed"  # the rater works on it, on a lease
        SUBMITTED = "submitted"  # waits for a reviewer
        RELEASED = "released"  # given back
        EXPIRED = "expired"  # the lease ended; may be resumed, nothing is lost
        SENT_BACK = "sent_back"  # a reviewer asks for repair, once
        ACCEPTED = "accepted"  # counts, and is paid
        REJECTED = "rejected"  # does not count; the reason is shown
        DISPUTED = "disputed"  # the rater objects, somebody else settles it
        WITHDRAWN = "withdrawn"  # taken away by an admin

    TRANSITIONS = {
        State.CLAIMED: {State.SUBMITTED, State.RELEASED, State.EXPIRED, State.WITHDRAWN},
        State.SUBMITTED: {State.SENT_BACK, State.ACCEPTED, State.REJECTED},
        State.RELEASED: set(),
        State.EXPIRED: {State.CLAIMED, State.SUBMITTED},
        State.SENT_BACK: {State.SUBMITTED, State.WITHDRAWN},
        State.ACCEPTED: set(),
        State.REJECTED: {State.DISPUTED},
        State.DISPUTED: {State.ACCEPTED, State.REJECTED},
        State.WITHDRAWN: set(),
    }
    WITH_RATER = (State.CLAIMED, State.SENT_BACK)
    HANDED_IN = (State.SUBMITTED, State.ACCEPTED, State.REJECTED, State.DISPUTED)
    #: In these states the assignment keeps its seat; on leaving them the seat is free.
    SEATED = (State.CLAIMED, State.SUBMITTED, State.SENT_BACK, State.ACCEPTED)

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments")
    rater = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    seat = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=20, choices=State, default=State.CLAIMED)
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(default=now)
    submitted_at = models.DateTimeField(null=True)
    #: False when a lead left with turns locked: those turns count, the task went on without them.
    session_complete = models.BooleanField(default=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "rater"], name="one_assignment_per_rater_and_task"),
            models.UniqueConstraint(
                fields=["task", "seat"], condition=Q(seat__isnull=False), name="one_rater_per_seat"
            ),
            models.CheckConstraint(
                condition=Q(seat__isnull=True)
                | Q(state__in=["claimed", "submitted", "sent_back", "accepted"]),
                name="who_left_has_no_seat",
            ),
            models.CheckConstraint(
                condition=~Q(state="claimed") | Q(lease_until__isnull=False), name="claimed_on_a_lease"
            ),
        ]
        indexes = [
            models.Index(
                fields=["submitted_at", "id"], condition=Q(state="submitted"), name="assignments_to_review"
            ),
        ]

    def submit(self, *, by: User) -> None:
        if self.state == self.State.EXPIRED:
            # Only the sweep goes from there to submitted, see `hand_in_for`.
            raise WrongState("Your time ended. Take the task back first; what you wrote is kept.")
        self.move_to(self.State.SUBMITTED, by=by, submitted_at=now(), lease_until=None)

    def release(self, *, by: User) -> None:
        self.move_to(self.State.RELEASED, by=by, seat=None, lease_until=None)

    def expire(self) -> None:
        self.move_to(self.State.EXPIRED, seat=None, lease_until=None)

    def resume(self, *, seat: int | None) -> None:
        self.move_to(self.State.CLAIMED, by=self.rater, seat=seat, lease_until=lease())

    def hand_in_for(self) -> None:
        """The sweep's move for a lead who stays away with turns locked."""
        self.move_to(self.State.SUBMITTED, session_complete=False, submitted_at=now())

    def send_back(self, *, by: User, why: str) -> None:
        self.move_to(self.State.SENT_BACK, by=by, why=why)

    def accept(self, *, by: User, why: str = "") -> None:
        self.move_to(self.State.ACCEPTED, by=by, why=why)

    def reject(self, *, by: User, why: str) -> None:
        self.move_to(self.State.REJECTED, by=by, why=why, seat=None)

    def dispute(self, *, by: User, why: str) -> None:
        self.move_to(self.State.DISPUTED, by=by, why=why)

    def withdraw(self, *, by: User, why: str) -> None:
        self.move_to(self.State.WITHDRAWN, by=by, why=why, seat=None, lease_until=None)

    def renew(self) -> None:
        """Saving is being there: the lease begins anew."""
        claimed = Assignment.objects.filter(pk=self.pk, state=self.State.CLAIMED)
        if claimed.update(lease_until=lease()):
            self.refresh_from_db(fields=["lease_until"])

    def is_handed_in(self) -> bool:
        return self.is_now(*self.HANDED_IN)

    def is_with_rater(self) -> bool:
        return self.state in self.WITH_RATER

    def is_lead(self) -> bool:
        return self.seat == 0

    def last_receipt(self) -> Receipt | None:
        return self.receipts.order_by("-pk").first()

    def last_review(self) -> Review | None:
        """Over `reviews.all`, so that a list may fetch them together."""
        return max(self.reviews.all(), key=lambda review: review.pk, default=None)

    def seconds_left(self) -> float:
        return (self.lease_until - now()).total_seconds() if self.lease_until else 0

    def story(self) -> str:
        return self.task.story()


def lease() -> CombinedExpression:
    """When a lease that begins now ends, by the database's clock."""
    return Now() + timedelta(seconds=settings.ASSIGNMENT_LEASE)
