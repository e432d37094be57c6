"""The flattened row of an accepted preference, with its origins. Guarded."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression

from grading.models.preference import Preference, Revision
from marlin.sources import new_public_id, now


def as_line(record: dict[str, Any]) -> str:
    """Canonical JSON: the same record is the same bytes."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class CanonicalJSON(models.JSONField):
    """A record as the very text that exports write: PostgreSQL's `json` keeps it, `jsonb` would not."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return as_line(value) if isinstance(value, dict) else value

    def from_db_value(self, value: Any, expression: Expression, connection: BaseDatabaseWrapper) -> Any:
        return value  # psycopg reads `json` by itself, the whole and each part of it


class Judgement(models.Model):
    """Written by a job, once per (preference, locked revision); written anew only when the format counts up."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    preference = models.ForeignKey(Preference, on_delete=models.DO_NOTHING, related_name="judgements")
    revision = models.ForeignKey(Revision, on_delete=models.DO_NOTHING, related_name="+")
    #: Everything a researcher gets of it, see grading.export.records. Exports copy this text, byte by byte.
    record = CanonicalJSON()
    #: The record's format: what an older version wrote is written anew before it is exported.
    format = models.PositiveSmallIntegerField(default=1)
    #: SHA-256 of the record as canonical JSON, without the field that says so.
    digest = models.CharField(max_length=64)
    written_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["preference", "revision"], name="one_judgement_per_preference_and_revision"
            ),
        ]
