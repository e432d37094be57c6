"""Asking for an export, freezing its list, taking its files away. What writes the files is grading.export.writing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import QuerySet

from grading.checks import Refused
from grading.export import filters, formats
from grading.export.filters import Filters
from grading.models import Export, ExportPart
from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from marlin.states import WrongState
from tasks import unblinding
from tasks.models import Experiment

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
MOST_BELLS = 20
UNDER_WAY = (Export.State.QUEUED, Export.State.WRITING)
#: Records in one part: what a writer that was killed may have to do again, and one shard of Parquet.
PART = 50_000


def exportable() -> QuerySet[Experiment]:
    return Experiment.objects.exclude(state=Experiment.State.DRAFT).order_by("-created_at")


def find(experiment_id: str) -> Experiment:
    """Raises Refused."""
    try:
        return exportable().select_related("rubric").get(public_id=experiment_id)
    except (Experiment.DoesNotExist, ValidationError, ValueError):
        raise Refused("Choose an experiment.", field="experiment") from None


@transaction.atomic
def ask(
    experiment_id: str,
    *,
    by: User | None,
    reason: str,
    wanted: Filters | None = None,
    keys: Iterable[str] = formats.USUAL,
) -> Export:
    """A new export, rung for. It un-blinds, so it needs a reason and is written down. Raises Refused.

    The same question of the same person while the answer is under way is a second click, and gets the same export.
    """
    reason = reason.replace("\0", "").strip()  # PostgreSQL stores no NUL
    experiment = find(experiment_id)
    chosen = formats.chosen(keys, experiment)
    if len(reason.split()) < unblinding.LEAST_REASON:
        raise Refused("Say in a few words what the export is for.", field="reason")
    question: dict[str, Any] = {
        "experiment": experiment,
        "asked_by": by,
        "reason": reason,
        "filters": (wanted or Filters()).as_json(),
        "formats": chosen,
    }
    if by:
        User.objects.select_for_update(no_key=True).get(pk=by.pk)  # of two clicks at once, one waits here
        there: Export | None = Export.objects.filter(**question, state__in=UNDER_WAY).first()
        if there:
            return there
    record(unblinding.UNBLINDED, experiment, by=by, why=reason)
    export: Export = Export.objects.create(**question)
    ring("grading.jobs.write_export", export.pk)
    return export


@transaction.atomic
def retry(export: Export, *, by: User) -> None:
    """Goes on where the writing failed. Raises WrongState when it did not."""
    export.retry(by=by)
    ring("grading.jobs.write_export", export.pk)


#: One statement sees one moment: what it counts and what it freezes cannot differ.
FREEZE = """
WITH told(preference, revision, public_id, verdict) AS MATERIALIZED ({told}),
listed AS (
    SELECT preference, revision, public_id, (row_number() OVER (ORDER BY public_id) - 1) / %s AS number
    FROM told WHERE verdict = %s
),
frozen AS (
    INSERT INTO {parts} (export_id, number, preferences, revisions)
    SELECT %s, number, array_agg(preference ORDER BY public_id), array_agg(revision ORDER BY public_id)
    FROM listed GROUP BY number
)
SELECT verdict, count(*) FROM told GROUP BY verdict ORDER BY verdict
"""


def freeze(export: Export) -> dict[str, int]:
    """Stores the list, ordered by public id, in parts; returns how many went in, and how many not and why."""
    told = filters.told_apart(export.experiment, Filters.from_json(export.filters))
    told_sql, told_values = told.query.sql_with_params()
    statement = FREEZE.format(told=told_sql, parts=ExportPart._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*told_values, PART, filters.WRITTEN, export.pk])
        return {filters.WRITTEN: 0} | dict(cursor.fetchall())


def requeue() -> int:
    """What a silent worker held is queued again, and what waits is rung."""
    for export in Export.objects.filter(state=Export.State.WRITING).unleased():
        try:
            export.give_back(token=export.token)
        except WrongState:
            continue  # it was finished in this very moment
    waiting = Export.objects.filter(state=Export.State.QUEUED).unleased()
    bells = list(waiting.values_list("pk", flat=True)[:MOST_BELLS])
    for pk in bells:
        ring("grading.jobs.write_export", pk)
    return len(bells)


def manifest_body(manifest: dict[str, Any]) -> bytes:
    """The very bytes of manifest.json."""
    return json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"


def checksum(export: Export) -> str:
    """SHA-256 of the manifest, which holds that of every file; empty before it is ready."""
    return hashlib.sha256(manifest_body(export.manifest)).hexdigest() if export.manifest else ""


def files_of(export: Export) -> list[str]:
    """The names one may download; none before it is ready."""
    if export.state != Export.State.READY:
        return []
    signed = [SIGNATURE] if "signature" in export.manifest else []
    return [*(file["name"] for file in export.manifest["files"]), MANIFEST, *signed]


def size_of(export: Export, name: str) -> int:
    return default_storage.size(path_of(export, name))


def digest_of(export: Export, name: str) -> str:
    """SHA-256 as the manifest tells it; empty for the manifest itself and its signature."""
    return next((str(file["sha256"]) for file in export.manifest["files"] if file["name"] == name), "")


def open_file(export: Export, name: str, *, by: User | None) -> IO[bytes]:
    """The bytes that were written. Whoever takes them has un-blinded the experiment."""
    record("export.downloaded", export, by=by, after=export.state, name_of_file=name)
    return default_storage.open(path_of(export, name))


def path_of(export: Export, name: str) -> str:
    """A place for each lease: a worker that was taken for dead cannot write over the files of the next."""
    return f"exports/{export.public_id}/{export.token}/{name}"
