"""A frozen, checksummed snapshot for researchers."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Leased, WrongState
from tasks.models import Experiment


class Pseudonym(models.Model):
    """What a person is called in the exports of one experiment. Written when work is first judged, then kept."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "person"], name="one_pseudonym_per_person_and_experiment"
            ),
            models.UniqueConstraint(fields=["experiment", "name"], name="a_pseudonym_is_one_person"),
        ]


class Export(Leased):
    """Who asked, for what and why; then the frozen list, and the files with their checksums."""

    class State(models.TextChoices):
        QUEUED = "queued"  # waiting for a worker
        WRITING = "writing"  # a worker writes the files
        READY = "ready"  # files and manifest can be downloaded
        FAILED = "failed"  # see `failure`; goes on where it stopped when asked for again

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
    #: What was chosen, as grading.export.filters writes it; and the keys of grading.export.formats.
    filters = models.JSONField(default=dict)
    formats = models.JSONField(default=list)
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    failure = models.TextField(blank=True)
    asked_at = models.DateTimeField(default=now)
    #: When the list of records was frozen, and how many came in or were left out, by reason.
    frozen_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)
    #: Where the writer is: parts and records done, and the files so far. See grading.export.writing.
    progress = models.JSONField(default=dict)
    #: Rows, SHA-256 by file, filters, versions: see grading.export.writing.
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

    def keep(self, *, token: str, **changes: Any) -> None:
        """Store how far the writer is, while it is still the writer. Raises WrongState."""
        mine = Export.objects.filter(pk=self.pk, state=self.State.WRITING, token=token)
        if not mine.update(**changes):
            raise WrongState(f"Export {self.pk} was taken from this worker.")
        for name, value in changes.items():
            setattr(self, name, value)

    def finish(self, *, token: str, manifest: dict[str, Any]) -> None:
        self.move_to(self.State.READY, held=token, manifest=manifest, lease_until=None)

    def fail(self, why: str, *, token: str) -> None:
        self.move_to(self.State.FAILED, held=token, failure=why, lease_until=None)

    def give_back(self, *, token: str) -> None:
        self.move_to(self.State.QUEUED, held=token, lease_until=None)

    def retry(self, *, by: User) -> None:
        self.move_to(self.State.QUEUED, by=by, failure="")

    def rows(self) -> int:
        """How many records were frozen for it."""
        return int(self.counts.get("written", 0))

    def percent(self) -> int:
        """How much of the list is written; the files about the files come after it."""
        return 100 * int(self.progress.get("rows", 0)) // max(self.rows(), 1)


class ExportPart(models.Model):
    """So many places of the frozen list, in its order: each preference with the revision that counted then."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    preferences = ArrayField(models.BigIntegerField())
    revisions = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="one_part_per_number"),
        ]
