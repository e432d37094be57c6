"""A frozen, checksummed snapshot for researchers."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Leased
from tasks.models import Experiment


class Export(Leased):
    """Who asked, for what and why; then the files, with their checksums."""

    class State(models.TextChoices):
        QUEUED = "queued"  # waiting for a worker
        WRITING = "writing"  # a worker writes the files
        READY = "ready"  # files and manifest can be downloaded
        FAILED = "failed"  # see `failure`; may be asked for again

    TRANSITIONS = {
        State.QUEUED: {State.WRITING},
        State.WRITING: {State.READY, State.FAILED, State.QUEUED},
        State.FAILED: {State.QUEUED},
        State.READY: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="exports")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="exports")
    reason = models.TextField()
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    failure = models.TextField(blank=True)
    asked_at = models.DateTimeField(default=now)
    #: Rows, SHA-256 by file, filters, versions: see grading.export.snapshot.
    manifest = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="export_says_what_for"),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(failure=""), name="failed_export_says_why"
            ),
        ]

    def start(self, *, token: str) -> None:
        """The caller has taken the lease; `token` proves it."""
        self.move_to(self.State.WRITING, held=token)

    def finish(self, *, token: str, manifest: dict[str, Any]) -> None:
        self.move_to(self.State.READY, held=token, manifest=manifest, lease_until=None)

    def fail(self, why: str, *, token: str) -> None:
        self.move_to(self.State.FAILED, held=token, failure=why, lease_until=None)

    def give_back(self, *, token: str) -> None:
        self.move_to(self.State.QUEUED, held=token, lease_until=None)

    def retry(self, *, by: User) -> None:
        self.move_to(self.State.QUEUED, by=by, failure="")
