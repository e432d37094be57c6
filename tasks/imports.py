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
from tasks.addresses import API, REPOSITORY, RefusedUrl, check_url
from tasks.models import Import, ImportFile
from tasks.rubrics import shipped_names

DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
ENDINGS = (".jsonl", ".json", ".parquet")
MOST_FILES = 20
MOST_NUMBERS = 300
LONGEST_API = 200
NUMBERS = re.compile(r"#?(?P<first>\d{1,10})(-#?(?P<last>\d{1,10}))?")
#: What comes as files; the rest is asked for.
BY_FILE = (Import.Kind.TASKS, Import.Kind.PREDICTIONS, Import.Kind.PULL_REQUESTS)


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


def ask_live(repository: str, numbers: str, api: str, *, by: User) -> Import:
    """Ring for the job that asks a host for these pull requests. Raises Refused."""
    repository, api = repository.strip(), api.strip().rstrip("/") or API
    if not REPOSITORY.fullmatch(repository):
        raise Refused("Name the repository by owner and name, as in octocat/hello.")
    wanted = numbers_of(numbers)
    try:
        check_url(api)
    except RefusedUrl as why:
        raise Refused(str(why)) from why
    if len(api) > LONGEST_API:
        raise Refused(f"The API's address is longer than {LONGEST_API} characters.")
    with transaction.atomic(using="unblind"):
        asked: Import = Import.objects.using("unblind").create(
            kind=Import.Kind.LIVE, api=api, repository=repository, numbers=wanted, left=wanted, by_id=by.pk
        )
        record("import.asked", asked, by=by, after=asked.state, using="unblind")
        ring("tasks.jobs.read_import", asked.pk, using="unblind")
    return asked


def numbers_of(text: str) -> list[int]:
    """“1234, #1240 1250-1260” as numbers, each once. Raises Refused."""
    found: dict[int, None] = {}
    for word in re.split(r"[\s,;]+", text.strip()):
        said = NUMBERS.fullmatch(word)
        if said is None:
            raise Refused(f"“{word[:40]}” is no number of a pull request; write them as in 1234 1240-1250.")
        first, last = int(said["first"]), int(said["last"] or said["first"])
        if not 0 < first <= last < 1 << 31:
            raise Refused(f"“{word[:40]}” does not run from a number to a larger one.")
        if last - first + len(found) >= MOST_NUMBERS:
            raise Refused(f"{MOST_NUMBERS} pull requests are the most at once.")
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)


def _check(kind: str, files: Sequence[UploadedFile], dataset: str, experiment: str, rubric: str) -> None:
    if kind not in BY_FILE:
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
