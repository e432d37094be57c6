"""The processes that generate, and what lies in their work area: written by them, read by the operations page."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from marlin.sources import now
from marlin.states import Leased


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those that did not say goodbye and have beaten within a lease, by the database's clock."""
        return self.filter(stopped_at=None, seen_at__gt=Now() - timedelta(seconds=settings.RUN_LEASE))


class Worker(models.Model):
    """A worker process that beats while it lives."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200, blank=True)
    slots = models.PositiveSmallIntegerField(default=1)
    #: What walls agents in there: bubblewrap, a container, or nothing. Empty where no agents run.
    sandbox = models.CharField(max_length=40, blank=True)
    #: What its test of the sandbox complained of at the start, in sentences.
    complaints = models.JSONField(default=list)
    started_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now)
    stopped_at = models.DateTimeField(null=True)

    objects = WorkerQuerySet.as_manager()

    @property
    def generates(self) -> bool:
        return "generate" in self.queues.split(",")


class Holding(models.Model):
    """How much of one kind a machine keeps, as it was last measured."""

    kind = models.CharField(max_length=40)
    machine = models.CharField(max_length=200)
    entries = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    measured_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "machine"], name="one_size_per_kind_and_machine"),
        ]


class LeasedToWorker(Leased):
    """Work on a lease that knows who has it, so that a worker which leaves can give it back."""

    #: The name of the worker, a colon, and the number of its process.
    worker = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        abstract = True

    def release(self) -> bool:
        """Whether there was a lease to end: whoever holds it writes nothing more, and the next may start."""
        held = type(self).objects.filter(pk=self.pk, token=self.token, lease_until__gt=Now())
        return bool(held.update(token="", lease_until=None))
