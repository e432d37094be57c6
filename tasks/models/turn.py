"""One prompt and its pair of candidates."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery
from django.db.models.functions import Now

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful
from tasks.models.experiment import Experiment
from tasks.models.repository import Environment
from tasks.models.task import Task


class TurnQuerySet(models.QuerySet["Turn"]):
    def with_newest(self) -> TurnQuerySet:
        """Those with a complete pair; `newest` is the number of the newest one whose sides are both final."""
        final = (
            Candidate.objects.filter(turn=OuterRef("pk"))
            .final()
            .values("turn", "attempt")
            .annotate(sides=Count("pk"))
            .filter(sides=2)
            .order_by("-attempt")
        )
        return self.annotate(newest=Subquery(final.values("attempt")[:1])).exclude(newest=None)


class Turn(models.Model):
    """One prompt, given to both sides from the same tree."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="turns")
    number = models.PositiveSmallIntegerField()
    prompt = models.TextField()
    #: The tree both sides start from: that of the base commit, later that of the winner.
    base_commit = models.CharField(max_length=40)
    #: The candidate of the turn before that both sides go on from. The rater chose it, so it tells nothing.
    continues = models.ForeignKey("Candidate", on_delete=models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(default=now)

    objects = TurnQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="one_turn_per_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="turns_count_from_one"),
            models.CheckConstraint(
                condition=Q(number=1, continues__isnull=True) | Q(number__gt=1, continues__isnull=False),
                name="later_turn_continues_a_candidate",
            ),
        ]

    def newest_attempt(self) -> int:
        newest = self.candidates.aggregate(newest=Max("attempt"))["newest"]
        return int(newest or 0)

    def story(self) -> str:
        return str(self.task.public_id)

    def pair(self, attempt: int) -> list[Candidate]:
        return list(self.candidates.filter(attempt=attempt).order_by("public_id"))


class Failure(models.TextChoices):
    """Why there is no patch, in words that do not differ by who failed. The Run has the whole sentence."""

    NOTHING = "nothing", "It changed nothing and said nothing."
    EXIT = "exit", "It stopped with an error."
    TIME = "time", "It did not finish in the time it had."
    IDLE = "idle", "It went silent and was stopped."
    LIMIT = "limit", "It used more memory, disk or output than it may."
    UNUSABLE = "unusable", "What it left could not be read."
    PATCH = "patch", "Its patch does not apply to the base commit."
    MACHINE = "machine", "Our machinery failed; this is never held against it."


#: An agent's own failure may be graded, where the experiment allows it; a fault of ours never is.
OWN_FAILURES = tuple(failure for failure in Failure if failure is not Failure.MACHINE)


class CandidateQuerySet(models.QuerySet["Candidate"]):
    def final(self) -> CandidateQuerySet:
        """Ready and not held, or failed by itself in an experiment that grades failures."""
        graded = Q(
            state=Candidate.State.FAILED,
            failure__in=OWN_FAILURES,
            turn__task__experiment__grades_failures=True,
        )
        return self.filter(Q(state=Candidate.State.READY) | graded, is_held=False)

    def may_start(self) -> CandidateQuerySet:
        """Queued, while the experiment runs, the environment is proven and no back-off lasts. The others wait."""
        proven = Environment.objects.filter(
            repository=OuterRef("turn__task__scenario__repository"),
            base_commit=OuterRef("turn__base_commit"),
            state=Environment.State.USABLE,
        )
        return self.filter(
            # A later turn goes on from what a candidate left, which may well fail its tests.
            Q(turn__number__gt=1) | Exists(proven),
            state=Candidate.State.QUEUED,
            turn__task__state=Task.State.OPEN,
            turn__task__experiment__state=Experiment.State.RUNNING,
        ).exclude(runs__retry_at__gt=Now())


class Candidate(Stateful):
    """What one agent version produced in one turn: patch, transcript, final message, evidence."""

    class State(models.TextChoices):
        QUEUED = "queued"  # waiting for a worker
        RUNNING = "running"  # a worker holds the worktree
        READY = "ready"  # patch and transcript are stored
        FAILED = "failed"  # see `failure`; may be queued again
        CANCELLED = "cancelled"  # the task was withdrawn

    TRANSITIONS = {
        State.QUEUED: {State.RUNNING, State.CANCELLED},
        State.RUNNING: {State.READY, State.FAILED, State.QUEUED, State.CANCELLED},
        State.FAILED: {State.QUEUED, State.CANCELLED},
        State.READY: set(),
        State.CANCELLED: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="candidates")
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    failure = models.CharField(max_length=20, choices=Failure, blank=True)
    token = models.CharField(max_length=32, blank=True)
    #: Git's canonical diff against the turn's base, as git wrote it: any bytes.
    patch = models.BinaryField(default=bytes)
    tree = models.CharField(max_length=40, blank=True)
    #: Per file: path, old_path, status, added, removed, binary.
    files = models.JSONField(default=list)
    #: New files by the rule that took them out of the patch: rule, files, paths.
    set_apart = models.JSONField(default=list, db_default=[])
    #: What was left out of the patch, one sentence each.
    notes = models.JSONField(default=list)
    #: Neutral steps: kind, text, path, exit.
    transcript = models.JSONField(default=list)
    final_message = models.TextField(blank=True)
    #: A line of it names somebody: nobody is offered the pair until an admin has read it.
    is_held = models.BooleanField(default=False, db_default=False)
    #: What the repository's tests said on a fresh copy with the patch.
    evidence = models.JSONField(default=dict)

    objects = CandidateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="failed", failure__gt="") | (~Q(state="failed") & Q(failure="")),
                name="failed_candidate_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | ~Q(token=""), name="running_candidate_has_a_token"
            ),
        ]
        indexes = [
            models.Index(
                fields=["state"], condition=Q(state__in=["queued", "running"]), name="candidates_at_work"
            ),
        ]

    def start(self, *, token: str) -> None:
        """`token` is new here: it names who holds the row from now on."""
        self.move_to(self.State.RUNNING, token=token)

    def finish(self, *, token: str, **result: Any) -> None:
        self.move_to(self.State.READY, held=token, **result)

    def fail(self, kind: Failure, *, token: str) -> None:
        """Blind words from a closed list; the run keeps the sentence that may name somebody."""
        self.move_to(self.State.FAILED, held=token, failure=kind)

    def give_back(self, *, token: str) -> None:
        self.move_to(self.State.QUEUED, held=token)

    def retry(self, *, by: User | None = None) -> None:
        self.move_to(self.State.QUEUED, by=by, failure="")

    def cancel(self, *, by: User | None = None) -> None:
        self.move_to(self.State.CANCELLED, by=by, failure="")

    def story(self) -> str:
        return str(self.turn.task.public_id)
