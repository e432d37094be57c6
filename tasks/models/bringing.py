"""Work on its way in: files that an admin sent for a job to read, and merged pull requests to write about."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now, source
from tasks.models.repository import Repository
from tasks.models.worker import LeasedToWorker


class Import(LeasedToWorker):
    """Files that are read row by row. Guarded: their names and rows name agents."""

    class State(models.TextChoices):
        WAITING = "waiting"  # for the job, or the job is at it
        DONE = "done"  # every row is stored, known or refused with its reason
        REFUSED = "refused"  # see `failure`; nothing more will come of it

    TRANSITIONS = {
        State.WAITING: {State.DONE, State.REFUSED},
        State.DONE: {State.WAITING},
        State.REFUSED: {State.WAITING},
    }

    class Kind(models.TextChoices):
        TASKS = "tasks", "tasks"
        PREDICTIONS = "predictions", "outputs of models"
        PULL_REQUESTS = "pull_requests", "pull requests"
        LIVE = "live", "pull requests of a host"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=20, choices=State, default=State.WAITING)
    dataset = models.CharField(max_length=40, blank=True)
    #: Of outputs: the experiment that compares them, and its rubric.
    experiment = models.CharField(max_length=100, blank=True)
    rubric = models.CharField(max_length=40, blank=True)
    #: Of pull requests that a host's API is asked for: its address, owner/name, and which.
    api = models.CharField(max_length=200, blank=True, db_default="")
    repository = models.CharField(max_length=201, blank=True, db_default="")
    numbers = ArrayField(models.PositiveIntegerField(), default=list, db_default=[])
    #: Those that are still to be asked for: after a refusal it goes on here.
    left = ArrayField(models.PositiveIntegerField(), default=list, db_default=[])
    #: One refused row refuses its whole file.
    whole = models.BooleanField(default=False)
    by = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="+")
    asked_at = models.DateTimeField(default=now)
    failure = models.TextField(blank=True)
    #: What came of it as a whole, in sentences.
    outcome = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(failure=""), name="refused_import_says_why"
            ),
        ]

    @property
    def is_asking(self) -> bool:
        return self.state == self.State.WAITING and bool(self.left)

    def finish(self, *, outcome: str, token: str) -> None:
        self.move_to(self.State.DONE, held=token, outcome=outcome, failure="", lease_until=None)

    def refuse(self, why: str, *, token: str) -> None:
        self.move_to(self.State.REFUSED, held=token, failure=why, lease_until=None)

    def repeat(self, *, by: User) -> None:
        self.move_to(
            self.State.WAITING,
            by=by,
            failure="",
            outcome="",
            lease_until=None,
            left=self.left or self.numbers,
        )


def file_name(file: ImportFile, name: str) -> str:
    """Nobody chooses a path in our storage."""
    return f"imports/{source().token('import')}"


class ImportFile(models.Model):
    """One of its files, or what a host answered, with how far the job has come. Guarded."""

    asked = models.ForeignKey(Import, on_delete=models.DO_NOTHING, related_name="files")
    name = models.CharField(max_length=255)
    content = models.FileField(upload_to=file_name, blank=True)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    #: [line, reason] of the first of them.
    refused = models.JSONField(default=list)

    class Meta:
        ordering = ["pk"]

    def progress(self, **counts: Any) -> None:
        ImportFile.objects.filter(pk=self.pk).update(**counts)


class PullRequest(models.Model):
    """A merged pull request: what a scenario may begin from. Its text and diff are for reviewers and admins alone."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="pull_requests")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    base_commit = models.CharField(max_length=40)
    #: [path, lines added, lines removed]
    files = models.JSONField(default=list)
    diff = models.TextField(blank=True)
    merged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "number"], name="one_row_per_pull_request"),
        ]
        indexes = [models.Index(fields=["repository", "base_commit"], name="pull_requests_by_base")]
