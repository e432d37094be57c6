"""Writes judgements: each accepted preference becomes one row, once per locked revision."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from grading.export.records import digest_of, record_of
from grading.export.schema import FORMAT
from grading.models import Assignment, Judgement, Preference, Vote


def unjudged() -> QuerySet[Preference]:
    """Accepted and locked, without the row that says so in today's format."""
    there = Judgement.objects.filter(
        preference=OuterRef("pk"), revision=OuterRef("locked_revision"), format=FORMAT
    )
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
            "pair__assignment__task__scenario__author",
        )
        .order_by("pk")
    )


def write_for(assignment_id: int) -> int:
    return _write(unjudged().filter(pair__assignment=assignment_id))


def write_missing(experiment_id: int | None = None) -> int:
    """All of them, or those of one experiment: what export and results do first.

    Rows that an older Marlin wrote in another format are among them.
    """
    waiting = unjudged()
    if experiment_id is not None:
        waiting = waiting.filter(pair__assignment__task__experiment=experiment_id)
    return _write(waiting)


def _write(preferences: QuerySet[Preference]) -> int:
    return sum(_judge(preference) for preference in preferences.iterator(chunk_size=200))


@transaction.atomic
def _judge(preference: Preference) -> bool:
    """Whether this call wrote it: somebody else may have been faster."""
    revision = preference.locked_revision
    assert revision is not None  # locked_preference_names_its_revision
    record = record_of(preference, revision)
    written = {"record": record, "format": FORMAT, "digest": digest_of(record)}
    judgement, is_new = Judgement.objects.get_or_create(
        preference=preference, revision=revision, defaults=written
    )
    if is_new:
        return True
    older = Judgement.objects.filter(pk=judgement.pk, format__lt=FORMAT)
    if not older.update(**written):
        return False
    Vote.objects.filter(judgement=judgement).delete()  # results write it anew, from what the record says now
    return True
