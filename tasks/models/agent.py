"""One coding agent at one version, and how it was looked over. Guarded: pages of raters cannot read these tables."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Leased, Stateful
from tasks.models.provider import Provider


class AgentVersion(Stateful):
    """Harness, model, settings, command: everything needed to run it again."""

    class State(models.TextChoices):
        ACTIVE = "active"  # experiments may compare it
        RETIRED = "retired"  # no new experiment does; what it made stays, and what runs goes on

    TRANSITIONS = {
        State.ACTIVE: {State.RETIRED},
        State.RETIRED: {State.ACTIVE},
    }

    class Kind(models.TextChoices):
        COMMAND = "command"  # any command line, in the sandbox
        REPLAY = "replay"  # applies recorded outputs

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    state = models.CharField(max_length=20, choices=State, default=State.ACTIVE, db_default="active")
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.COMMAND)
    harness = models.CharField(max_length=100)
    harness_version = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    provider = models.CharField(max_length=100)
    #: Through the model gateway, which asks it for `model`. Without one the agent reaches no model.
    served_by = models.ForeignKey(
        Provider, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="agent_versions"
    )
    #: For *command*: {"argv": [...], "env": {...}}. A *replay* has recorded outputs instead.
    settings = models.JSONField(default=dict)
    #: A directory of this machine that is mounted read-only at /opt/agent.
    directory = models.CharField(max_length=500, blank=True)
    #: Overrides of settings.AGENT_LIMITS, by name.
    limits = models.JSONField(default=dict, blank=True)
    #: Price per million tokens by kind, as decimal strings.
    prices = models.JSONField(default=dict, blank=True)
    released_on = models.DateField(null=True, blank=True)

    @property
    def pinned(self) -> str:
        """The harness, and its version where that is known: recorded outputs do not tell."""
        return f"{self.harness} {self.harness_version}".strip()

    def retire(self, *, by: User) -> None:
        self.move_to(self.State.RETIRED, by=by)

    def restore(self, *, by: User) -> None:
        self.move_to(self.State.ACTIVE, by=by)


class AgentCheck(Leased):
    """One time that a worker looked a version over. Guarded."""

    class State(models.TextChoices):
        WAITING = "waiting"  # for a worker, or a worker is at it
        DONE = "done"  # `findings` is whole

    TRANSITIONS = {
        State.WAITING: {State.DONE},
        State.DONE: set(),
    }

    state = models.CharField(max_length=20, choices=State, default=State.WAITING)
    agent_version = models.ForeignKey(AgentVersion, on_delete=models.DO_NOTHING, related_name="checks")
    by = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, related_name="+")
    asked_at = models.DateTimeField(default=now)
    #: So far: {"what": ..., "well": true, false or null for what could not be tried, "sentence": ...}.
    findings = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agent_version"], condition=Q(state="waiting"), name="one_check_at_a_time"
            ),
        ]

    @property
    def is_well(self) -> bool:
        return all(finding["well"] is not False for finding in self.findings)

    def found(self, finding: dict[str, Any], *, token: str) -> None:
        self.findings = [*self.findings, finding]
        AgentCheck.objects.filter(pk=self.pk, token=token).update(findings=self.findings)

    def finish(self, *, token: str) -> None:
        self.move_to(self.State.DONE, held=token, lease_until=None)
