"""Freezes an experiment's judgements into files with checksums."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import django
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, QuerySet

import marlin
from grading.checks import Refused
from grading.export import judging, records
from grading.export.writers import csv, jsonl
from grading.models import Export, Judgement
from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from marlin.sources import now
from marlin.states import WrongState
from tasks.models import Experiment

MANIFEST = "manifest.json"
LEAST_REASON = 3  # words
MOST_BELLS = 20


def exportable() -> QuerySet[Experiment]:
    return Experiment.objects.exclude(state=Experiment.State.DRAFT).order_by("-created_at")


@transaction.atomic
def ask(experiment_id: str, *, by: User | None, reason: str) -> Export:
    """A new export, rung for. It un-blinds, so it needs a reason and is written down. Raises Refused."""
    reason = reason.replace("\0", "").strip()  # PostgreSQL stores no NUL
    try:
        experiment = exportable().get(public_id=experiment_id)
    except (Experiment.DoesNotExist, ValidationError, ValueError):
        raise Refused("Choose an experiment.", field="experiment") from None
    if len(reason.split()) < LEAST_REASON:
        raise Refused("Say in a few words what the export is for.", field="reason")
    record("experiment.unblinded", experiment, by=by, why=reason)
    export = Export.objects.create(experiment=experiment, asked_by=by, reason=reason)
    ring("grading.jobs.write_export", export.pk)
    return export


def write(export: Export) -> dict[str, Any]:
    """Complete the judgements, freeze their list, write the files; returns the manifest. Needs a worker."""
    experiment = export.experiment
    judging.write_missing(experiment.pk)
    frozen = list(_judgements(experiment).values_list("pk", flat=True))
    axes = [axis.key for axis in experiment.rubric.axes.all()]
    files = [
        _store(export, jsonl.NAME, jsonl.write(_records(frozen)), len(frozen)),
        _store(export, csv.NAME, csv.write(_records(frozen), axes), len(frozen)),
    ]
    manifest = {
        "format": records.FORMAT,
        "experiment": {"id": str(experiment.public_id), "name": experiment.name},
        "filters": {"experiment": str(experiment.public_id), "state": "accepted"},
        "rubric": {"name": experiment.rubric.name, "version": experiment.rubric.version},
        "rows": len(frozen),
        "files": files,
        "written_at": now().isoformat(),
        "asked_because": export.reason,
        "versions": {"marlin": marlin.__version__, "django": django.get_version()},
    }
    body = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    _store(export, MANIFEST, [body], 0)
    return manifest


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


def files_of(export: Export) -> list[str]:
    """The names one may download; none before it is ready."""
    if export.state != Export.State.READY:
        return []
    return [*(file["name"] for file in export.manifest["files"]), MANIFEST]


def open_file(export: Export, name: str, *, by: User | None) -> IO[bytes]:
    """The bytes that were written. Whoever takes them has un-blinded the experiment."""
    record("export.downloaded", export, by=by, after=export.state, name_of_file=name)
    return default_storage.open(_path(export, name))


def _judgements(experiment: Experiment) -> QuerySet[Judgement]:
    """One per preference: that of the revision that counts now, in an order that says nothing."""
    return Judgement.objects.filter(
        preference__pair__assignment__task__experiment=experiment,
        preference__pair__assignment__state="accepted",
        revision=F("preference__locked_revision"),
    ).order_by("preference__public_id")


def _records(frozen: list[int]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(frozen), 200):
        batch = Judgement.objects.in_bulk(frozen[start : start + 200])
        for pk in frozen[start : start + 200]:
            yield batch[pk].record


def _store(export: Export, name: str, pieces: Iterable[bytes], rows: int) -> dict[str, Any]:
    """Write one file in pieces; returns its line of the manifest."""
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        file.seek(0)
        default_storage.save(_path(export, name), File(file))
    return {"name": name, "rows": rows, "bytes": size, "sha256": digest.hexdigest()}


def _path(export: Export, name: str) -> str:
    """A place for each lease: a worker that was taken for dead cannot write over the files of the next."""
    return f"exports/{export.public_id}/{export.token}/{name}"
