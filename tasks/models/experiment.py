"""Which agent versions are compared, by whom, for how much."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful
from tasks.models.agent import AgentVersion
from tasks.models.qualification import Qualification
from tasks.models.rubric import Rubric
from tasks.models.scenario import Category, Scenario


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

    class Pairing(models.TextChoices):
        RANDOM = "random", "any two, by chance"
        BALANCED = "balanced", "the two that met in the fewest tasks"
        CONTROL = "control", "the first one with each of the others in turn"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    scenarios = models.ManyToManyField(Scenario, related_name="experiments")
    #: Every approved scenario that fits joins by itself; otherwise somebody adds them.
    gathers = models.BooleanField(default=False)
    #: Which two arms a task compares.
    pairing = models.CharField(max_length=10, choices=Pairing, default=Pairing.RANDOM)
    raters_wanted = models.PositiveSmallIntegerField(default=1)
    #: Of 100 tasks, so many get one more reader.
    second_share = models.PositiveSmallIntegerField(default=0)
    #: Of 100 claims, so many are a task whose answer is known.
    gold_share = models.PositiveSmallIntegerField(default=0)
    #: Practice tasks that each rater reads first, where there are so many.
    practice_wanted = models.PositiveSmallIntegerField(default=0)
    #: The fewest turns of a session, and the most.
    turns_least = models.PositiveSmallIntegerField(default=1)
    turns_wanted = models.PositiveSmallIntegerField(default=1)
    qualifications = models.ManyToManyField(Qualification, blank=True, related_name="experiments")
    #: What its texts are written in; raters must have it among theirs. Empty: any.
    language = models.CharField(max_length=40, blank=True)
    lead = models.CharField(max_length=10, choices=Lead, default=Lead.AUTHOR)
    author_days = models.PositiveSmallIntegerField(default=3)
    #: What is paid for one accepted comparison, one approved scenario, one review.
    rate = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    scenario_rate = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    review_rate = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3, default="USD")
    #: Two budgets, for people and for the agents' providers. 0 is no limit.
    pay_budget = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    #: What providers take is in US dollars; a task and a run fall back to the settings.
    provider_budget = models.DecimalField(max_digits=18, decimal_places=8, default=Decimal(0))
    #: It pauses itself after so many accepted comparisons. 0: when everything is done.
    stop_after = models.PositiveIntegerField(default=0)
    #: It pauses itself once every pair of arms is told apart, or shown to be equivalent.
    stops_when_decided = models.BooleanField(default=False, db_default=False)
    task_budget = models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True)
    run_budget = models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True)
    #: A candidate whose agent failed by itself may be graded as failed.
    grades_failures = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(raters_wanted__gte=1), name="experiment_wants_a_rater"),
            models.CheckConstraint(condition=Q(turns_wanted__gte=1), name="experiment_wants_a_turn"),
            models.CheckConstraint(condition=Q(rate__gte=0), name="rate_is_not_negative"),
            models.CheckConstraint(
                condition=Q(scenario_rate__gte=0, review_rate__gte=0), name="no_rate_is_negative"
            ),
            models.CheckConstraint(
                condition=Q(pay_budget__gte=0, provider_budget__gte=0), name="no_budget_is_negative"
            ),
            models.CheckConstraint(
                condition=Q(second_share__lte=100, gold_share__lte=100), name="shares_are_of_a_hundred"
            ),
            models.CheckConstraint(
                condition=Q(turns_least__gte=1, turns_least__lte=F("turns_wanted")),
                name="fewest_turns_are_no_more_than_the_most",
            ),
        ]

    def start(self, *, by: User | None) -> None:
        self.move_to(self.State.RUNNING, by=by)

    def pause(self, *, by: User | None, why: str = "") -> None:
        self.move_to(self.State.PAUSED, by=by, why=why)

    def resume(self, *, by: User) -> None:
        self.move_to(self.State.RUNNING, by=by)

    def finish(self, *, by: User) -> None:
        self.move_to(self.State.FINISHED, by=by)

    def newest_guidelines(self) -> Guidelines | None:
        return self.guidelines.order_by("-version").first()


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


class Quota(models.Model):
    """A category that an experiment takes, and how many tasks of it. An experiment without any takes all."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="quotas")
    category = models.CharField(max_length=20, choices=Category)
    #: None for any number.
    wanted = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "category"], name="one_quota_per_category"),
        ]


class Guidelines(models.Model):
    """What raters of an experiment are asked to heed, in Markdown. A row is never changed; the newest counts."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    text = models.TextField()
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "guidelines"
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "version"], name="one_text_per_version"),
        ]
