"""The flattened row of an accepted preference, with its origins. Guarded."""

from __future__ import annotations

from django.db import models

from grading.models.preference import Preference, Revision
from marlin.sources import new_public_id, now


class Judgement(models.Model):
    """Written by a job, once per (preference, locked revision), and never changed."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    preference = models.ForeignKey(Preference, on_delete=models.DO_NOTHING, related_name="judgements")
    revision = models.ForeignKey(Revision, on_delete=models.DO_NOTHING, related_name="+")
    #: Everything a researcher gets of it, see grading.export.records.
    record = models.JSONField()
    #: SHA-256 of the record as canonical JSON.
    digest = models.CharField(max_length=64)
    written_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["preference", "revision"], name="one_judgement_per_preference_and_revision"
            ),
        ]
