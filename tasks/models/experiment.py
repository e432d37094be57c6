"""Which agent versions are compared, by whom, for how much."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful
from tasks.models.agent import AgentVersion
from tasks.models.rubric import Rubric
from tasks.models.scenario import Scenario


class Experiment(Stateful):
    """Agent versions, rubric, raters wanted, turns, rates, budgets."""

    class State(models.TextChoices):
        DRAFT = "draft"  # being configured
        RUNNING = "running"  # tasks are opened, generated and claimed
        PAUSED = "paused"  # nothing new is generated or claimed
        FINISHED = "finished"  # closed for good

    TRANSITIONS = {
        State.DRAFT: {State.RUNNING},
        State.RUNNING: {State.PAUSED, State.FINISHED},
        State.PAUSED: {State.RUNNING, State.FINISHED},
        State.FINISHED: set(),
    }

    class Lead(models.TextChoices):
        AUTHOR = "author"  # for `author_days` after approval, the author alone
        ANYONE = "anyone"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    scenarios = models.ManyToManyField(Scenario, related_name="experiments")
    raters_wanted = models.PositiveSmallIntegerField(default=1)
    turns_wanted = models.PositiveSmallIntegerField(default=1)
    lead = models.CharField(max_length=10, choices=Lead, default=Lead.AUTHOR)
    author_days = models.PositiveSmallIntegerField(default=3)
    rate = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3, default="USD")
    provider_budget = models.DecimalField(max_digits=18, decimal_places=8, default=Decimal(0))
    #: A candidate whose agent failed by itself may be graded as failed.
    grades_failures = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(raters_wanted__gte=1), name="experiment_wants_a_rater"),
            models.CheckConstraint(condition=Q(turns_wanted__gte=1), name="experiment_wants_a_turn"),
            models.CheckConstraint(condition=Q(rate__gte=0), name="rate_is_not_negative"),
        ]

    def start(self, *, by: User | None) -> None:
        self.move_to(self.State.RUNNING, by=by)

    def pause(self, *, by: User) -> None:
        self.move_to(self.State.PAUSED, by=by)

    def resume(self, *, by: User) -> None:
        self.move_to(self.State.RUNNING, by=by)

    def finish(self, *, by: User) -> None:
        self.move_to(self.State.FINISHED, by=by)


class Arm(models.Model):
    """One agent version of an experiment. Guarded."""

    experiment = models.ForeignKey(Experiment, on_delete=models.DO_NOTHING, related_name="arms")
    agent_version = models.ForeignKey(AgentVersion, on_delete=models.DO_NOTHING, related_name="arms")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "agent_version"], name="an_agent_version_is_one_arm"
            ),
            models.UniqueConstraint(fields=["experiment", "position"], name="one_arm_per_position"),
        ]
