"""What happened, and the chain over it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.expressions import Func
from django.utils.deconstruct import deconstructible

from marlin.models.people import User


# Migrations name it where it stood when they were written.
@deconstructible(path="marlin.models.CurrentTransaction")
class CurrentTransaction(Func):
    """The id of the writing transaction: what the sealer orders by."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()


class Event(models.Model):
    """One thing that happened. Rows are added and never changed: a trigger refuses it."""

    at = models.DateTimeField()
    name = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)
    story = models.CharField(max_length=40, blank=True)
    actor = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, related_name="+")
    before = models.CharField(max_length=20, blank=True)
    after = models.CharField(max_length=20, blank=True)
    why = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject"], name="event_by_subject"),
            models.Index(fields=["story"], name="event_by_story"),
            models.Index(fields=["actor", "name"], name="event_by_actor"),
        ]


class EventSeal(models.Model):
    """A link of the chain: the digest of an event and of all that were sealed before it."""

    event = models.OneToOneField(Event, on_delete=models.DO_NOTHING, related_name="seal")
    position = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
