"""Writes judgements: each accepted preference becomes one row, once per locked revision."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from grading.export.records import digest_of, record_of
from grading.models import Assignment, Judgement, Preference


def unjudged() -> QuerySet[Preference]:
    """Accepted and locked, without the row that says so."""
    there = Judgement.objects.filter(preference=OuterRef("pk"), revision=OuterRef("locked_revision"))
    return (
        Preference.objects.filter(
            state=Preference.State.LOCKED, pair__assignment__state=Assignment.State.ACCEPTED
        )
        .exclude(Exists(there))
        .select_related(
            "locked_revision",
            "pair__a",
            "pair__b",
            "pair__turn",
            "pair__assignment__rater",
            "pair__assignment__task__experiment__rubric",
            "pair__assignment__task__scenario__repository",
        )
        .order_by("pk")
    )


def write_for(assignment_id: int) -> int:
    return _write(unjudged().filter(pair__assignment=assignment_id))


def write_missing(experiment_id: int | None = None) -> int:
    """All of them, or those of one experiment: what export and results do first."""
    waiting = unjudged()
    if experiment_id is not None:
        waiting = waiting.filter(pair__assignment__task__experiment=experiment_id)
    return _write(waiting)


def _write(preferences: QuerySet[Preference]) -> int:
    written = 0
    for preference in preferences.iterator(chunk_size=200):
        revision = preference.locked_revision
        assert revision is not None  # locked_preference_names_its_revision
        record = record_of(preference, revision)
        with transaction.atomic():
            _, is_new = Judgement.objects.get_or_create(
                preference=preference,
                revision=revision,
                defaults={"record": record, "digest": digest_of(record)},
            )
        written += is_new
    return written
