"""A person has read a version of an experiment's guidelines, and said so."""

from __future__ import annotations

from django.db import models

from marlin.models import User
from marlin.sources import now
from tasks.models import Guidelines


class Confirmation(models.Model):
    """Without one for the newest version nobody claims a task of that experiment."""

    guidelines = models.ForeignKey(Guidelines, on_delete=models.PROTECT, related_name="confirmations")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["guidelines", "person"], name="confirmed_once"),
        ]
