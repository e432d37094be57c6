"""What an admin has found a person able to do; experiments ask for it."""

from __future__ import annotations

from django.db import models

from marlin.models import User
from marlin.sources import new_public_id, now


class Qualification(models.Model):
    """Something a person must be able to do to take part: "Python", "passed the trial"."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=60, unique=True)
    about = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """One person has one qualification. Taking it back deletes the row; the events keep both."""

    qualification = models.ForeignKey(Qualification, on_delete=models.CASCADE, related_name="grants")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["qualification", "person"], name="granted_once"),
        ]
