"""What an admin asks to be brought in: files for a job to read. Pages ask here; nothing is read in a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from tasks.models import Import, ImportFile
from tasks.rubrics import shipped_names

DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
ENDINGS = (".jsonl", ".json", ".parquet")
MOST_FILES = 20


class Refused(Exception):
    """It is not read as it was asked for; the sentence says why."""


def ask(
    kind: str,
    files: Sequence[UploadedFile],
    *,
    by: User,
    dataset: str = "",
    experiment: str = "",
    rubric: str = "",
    whole: bool = False,
) -> Import:
    """Keep the files and ring for the job that reads them. Raises Refused."""
    dataset, experiment = dataset.strip() or "swe-bench", experiment.strip() or "Imported predictions"
    _check(kind, files, dataset, experiment, rubric)
    with transaction.atomic(using="unblind"):
        asked: Import = Import.objects.using("unblind").create(
            kind=kind,
            dataset=dataset,
            experiment=experiment if kind == Import.Kind.PREDICTIONS else "",
            rubric=rubric or "default",
            whole=whole,
            by_id=by.pk,
        )
        for file in files:
            name = PurePath(str(file.name)).name[-255:]
            ImportFile.objects.using("unblind").create(asked=asked, name=name, content=file)
        record("import.asked", asked, by=by, after=asked.state, using="unblind")
        ring("tasks.jobs.read_import", asked.pk, using="unblind")
    return asked


def _check(kind: str, files: Sequence[UploadedFile], dataset: str, experiment: str, rubric: str) -> None:
    if kind not in Import.Kind.values:
        raise Refused("Choose what the files hold.")
    if not files:
        raise Refused("Choose a file.")
    if len(files) > MOST_FILES:
        raise Refused(f"These are {len(files)} files; {MOST_FILES} is the most at once.")
    for file in files:
        if not str(file.name).lower().endswith(ENDINGS):
            raise Refused(f"“{str(file.name)[-80:]}” ends in none of {', '.join(ENDINGS)}.")
    if not DATASET.fullmatch(dataset):
        raise Refused("The name of the data set is of letters, digits and . _ -, forty at most.")
    if len(experiment) > 100:
        raise Refused("The name of the experiment is longer than 100 characters.")
    if rubric and rubric not in shipped_names():
        raise Refused(f"There is no rubric “{rubric[:40]}”.")


def repeat(asked: Import, *, by: User) -> None:
    """Read the same files again: what is there already is known. Raises WrongState while the job is at it."""
    with transaction.atomic(using="unblind"):
        asked.repeat(by=by)
        ring("tasks.jobs.read_import", asked.pk, using="unblind")
