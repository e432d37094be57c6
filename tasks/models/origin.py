"""Who made what, and how it went. Guarded, all of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q

from marlin.sources import now
from marlin.states import Stateful
from tasks.models.agent import AgentVersion
from tasks.models.experiment import Arm
from tasks.models.turn import Candidate


class Origin(models.Model):
    """Which agent version made a candidate."""

    candidate = models.OneToOneField(Candidate, on_delete=models.DO_NOTHING, related_name="origin")
    arm = models.ForeignKey(Arm, on_delete=models.DO_NOTHING, related_name="+")
    agent_version = models.ForeignKey(AgentVersion, on_delete=models.DO_NOTHING, related_name="+")


class Run(Stateful):
    """One attempt at producing a candidate."""

    class State(models.TextChoices):
        STARTED = "started"  # a worker beats for it
        SUCCEEDED = "succeeded"  # the candidate is ready
        FAILED = "failed"  # see `sentence`
        LOST = "lost"  # the worker went silent or gave it back
        CANCELLED = "cancelled"  # the task was withdrawn

    class Stage(models.TextChoices):
        PREPARING = "preparing", "Preparing the files"
        AGENT = "agent", "The agent works"
        PATCH = "patch", "Taking the patch"
        TESTS = "tests", "Testing the patch"

    TRANSITIONS = {
        State.STARTED: {State.SUCCEEDED, State.FAILED, State.LOST, State.CANCELLED},
        State.SUCCEEDED: set(),
        State.FAILED: set(),
        State.LOST: set(),
        State.CANCELLED: set(),
    }

    candidate = models.ForeignKey(Candidate, on_delete=models.DO_NOTHING, related_name="runs")
    state = models.CharField(max_length=20, choices=State, default=State.STARTED)
    token = models.CharField(max_length=32, unique=True)
    #: The name of the worker, a colon, and the number of its process.
    worker = models.CharField(max_length=200)
    stage = models.CharField(max_length=20, choices=Stage, blank=True)
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    #: What a person needs to know to act, in words that may name the agent.
    sentence = models.TextField(blank=True)
    #: Whether it counts among the tries: not when a worker gave it back, nor once a person asked for another.
    counted = models.BooleanField(default=True)
    #: Before this moment its candidate is not tried again.
    retry_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    seconds = models.FloatField(null=True)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=Decimal(0))
    #: Digest of the repository's recipe when it began.
    recipe = models.CharField(max_length=64, blank=True, db_default="")
    #: As the agent left it, where files were set apart; else the candidate's.
    whole_patch = models.BinaryField(default=bytes, db_default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["candidate"], condition=Q(state="started"), name="one_live_run_per_candidate"
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(sentence=""), name="failed_run_says_why"
            ),
        ]

    def end(self, state: State, *, sentence: str = "", **told: Any) -> None:
        self.move_to(state, held=self.token, sentence=sentence, ended_at=now(), **told)


class Snapshot(models.Model):
    """What a turn ends with on one side: its tree, and what the agent remembers of the conversation. Guarded."""

    candidate = models.OneToOneField(Candidate, on_delete=models.DO_NOTHING, related_name="snapshot")
    tree = models.CharField(max_length=40)
    harness = models.CharField(max_length=100)
    harness_version = models.CharField(max_length=40)
    #: Empty for an agent that cannot go on with a conversation by itself.
    session = models.CharField(max_length=200, blank=True)
    #: SHA-256, in hex, of the tar of its state files: the name of the file in the storage.
    archive = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    taken_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(session="", archive="") | (~Q(session="") & ~Q(archive="")),
                name="session_and_archive_come_together",
            ),
        ]


class ScrubHit(models.Model):
    """A line of a candidate's patch that names somebody: it is held until an admin has read it. Guarded."""

    candidate = models.ForeignKey(Candidate, on_delete=models.DO_NOTHING, related_name="scrub_hits")
    path = models.TextField()
    #: In the new file; 0 is its path.
    line = models.PositiveIntegerField()
    text = models.TextField()
    word = models.TextField()
    #: Why an admin let it pass.
    released_because = models.TextField(blank=True)
    #: Why an admin withdrew the task instead.
    withdrawn_because = models.TextField(blank=True, db_default="")
    found_at = models.DateTimeField(default=now)


class RunLog(models.Model):
    """The raw output of a run, capped; while it runs, the end of it so far. For admins only."""

    run = models.OneToOneField(Run, on_delete=models.DO_NOTHING, related_name="log")
    stdout = models.BinaryField(default=bytes)
    stderr = models.BinaryField(default=bytes)
    truncated = models.BooleanField(default=False)
