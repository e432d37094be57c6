"""What the preferences of an experiment say: votes as columns, masks, and computed results that wait to be read."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from grading.models.judgement import Judgement
from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Leased
from tasks.models import Arm, Experiment, Task

#: What every estimate needs of a vote.
COUNTED = ["task", "rater", "first", "second", "on_left", "rating", "turn", "attempt", "submitted_on"]


class Vote(models.Model):
    """The numbers of a judgement as columns, so that a million are counted in a second. Guarded.

    Written by the results job from the judgement's record and never changed.
    """

    class Newer(models.IntegerChoices):
        UNKNOWN = 0
        FIRST = 1
        SECOND = 2

    judgement = models.OneToOneField(Judgement, on_delete=models.DO_NOTHING, related_name="vote")
    #: Found by the index below, which begins with it.
    experiment = models.ForeignKey(Experiment, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.DO_NOTHING, related_name="+")
    rater = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="+")
    #: The arm that comes first in the experiment, as `model_a` of the record.
    first = models.ForeignKey(Arm, on_delete=models.DO_NOTHING, related_name="+")
    second = models.ForeignKey(Arm, on_delete=models.DO_NOTHING, related_name="+")
    #: Where the first arm was shown.
    on_left = models.BooleanField()
    #: Positive when the first arm is better.
    rating = models.SmallIntegerField()
    #: The same for each axis of the rubric in its order; None where it was not rated.
    axes = ArrayField(models.SmallIntegerField(null=True), default=list)
    turn = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    #: 0 leads, None is an extra reading.
    seat = models.PositiveSmallIntegerField(null=True)
    #: The how-manieth task of this rater in this experiment it was.
    nth = models.PositiveIntegerField(default=1)
    repository = models.CharField(max_length=100)
    language = models.CharField(max_length=40, blank=True)
    category = models.CharField(max_length=20)
    submitted_on = models.DateField()
    #: Which arm was released later; and which one the rater took for it, None when nobody asked.
    newer = models.PositiveSmallIntegerField(choices=Newer, default=Newer.UNKNOWN)
    guess = models.PositiveSmallIntegerField(choices=Newer, null=True)
    #: How much more the first candidate has by style, see grading.analysis.styles.
    styles = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(first=F("second")), name="vote_of_two_arms"),
        ]
        indexes = [
            # Holds what ratings are computed from: without filters the rows themselves are never read.
            models.Index(fields=["experiment", "id"], include=COUNTED, name="votes_as_they_are_counted"),
        ]


class MaskedArm(models.Model):
    """The number by which an arm is called until somebody un-blinds. Drawn once. Guarded."""

    arm = models.OneToOneField(Arm, on_delete=models.DO_NOTHING, related_name="mask")
    experiment = models.ForeignKey(Experiment, on_delete=models.DO_NOTHING, related_name="+")
    number = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="one_arm_per_masked_number"),
        ]


class Result(Leased):
    """One computation: an experiment under some filters, with its arms masked. Ready ones never change."""

    class State(models.TextChoices):
        QUEUED = "queued"  # waiting for a worker
        COMPUTING = "computing"  # a worker counts
        READY = "ready"  # `found` can be shown
        FAILED = "failed"  # see `failure`; may be asked for again

    TRANSITIONS = {
        State.QUEUED: {State.COMPUTING},
        State.COMPUTING: {State.READY, State.FAILED, State.QUEUED},
        State.FAILED: {State.QUEUED},
        State.READY: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="results")
    #: The filters in one form of words, see grading.results.filters; "" for none.
    query = models.CharField(max_length=600, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    failure = models.TextField(blank=True)
    asked_at = models.DateTimeField(default=now)
    computed_at = models.DateTimeField(null=True)
    #: How many preferences of the experiment counted when it was computed, whatever the filters.
    basis = models.PositiveIntegerField(default=0)
    #: Masked: see grading.results.findings.
    found = models.JSONField(default=dict)
    #: SHA-256 of `found` as canonical JSON: what a citation names.
    digest = models.CharField(max_length=64, blank=True)
    #: Whoever cites it wants it kept.
    frozen_at = models.DateTimeField(null=True)
    frozen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(failure=""), name="failed_result_says_why"
            ),
            models.CheckConstraint(
                condition=Q(frozen_at__isnull=True) | Q(state="ready"), name="frozen_result_is_ready"
            ),
            models.UniqueConstraint(
                fields=["experiment", "query"],
                condition=Q(state__in=["queued", "computing"]),
                name="one_result_under_way_per_query",
            ),
        ]
        indexes = [
            models.Index(fields=["experiment", "query", "-computed_at"], name="newest_result_first"),
        ]

    def start(self, *, token: str) -> None:
        """The caller has taken the lease; `token` proves it."""
        self.move_to(self.State.COMPUTING, held=token)

    def finish(self, *, token: str, found: dict[str, Any], digest: str, basis: int) -> None:
        self.move_to(
            self.State.READY,
            held=token,
            found=found,
            digest=digest,
            basis=basis,
            computed_at=now(),
            lease_until=None,
        )

    def fail(self, why: str, *, token: str) -> None:
        self.move_to(self.State.FAILED, held=token, failure=why, lease_until=None)

    def give_back(self, *, token: str) -> None:
        self.move_to(self.State.QUEUED, held=token, lease_until=None)
