"""Reads the files that an admin asked for on a page, from the first row to the last."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from django.db.models import Sum

from marlin.sources import source
from tasks import experiments, rubrics
from tasks.generation import places
from tasks.importing.instances import Instances
from tasks.importing.predictions import Predictions, gather
from tasks.importing.pull_requests import PullRequests
from tasks.importing.reading import NothingStored, Reader, Tally
from tasks.importing.rows import Refused
from tasks.models import Import, ImportFile


def read(asked: Import) -> str:
    """Everything that was asked for; what is here already is known. Says what came of it. Raises Refused."""
    predictions = Predictions(asked.dataset)
    readers: dict[str, Reader[Any]] = {
        Import.Kind.TASKS: Instances(asked.dataset).reader,
        Import.Kind.PREDICTIONS: predictions.reader,
        Import.Kind.PULL_REQUESTS: PullRequests().reader,
    }
    reader = readers[asked.kind]
    for file in asked.files.all():
        _read_file(reader, file, asked)
    if asked.kind != Import.Kind.PREDICTIONS:
        return _summed(asked)
    return f"{_summed(asked)} {_gathered(predictions, asked)}"


def _read_file(reader: Reader[Any], file: ImportFile, asked: Import) -> None:
    """By way of a file on this machine, whose name's end tells the format."""

    def progress(tally: Tally) -> None:
        file.progress(
            rows=tally.rows,
            added=tally.added,
            known=tally.known,
            refused_rows=tally.refused_rows,
            refused=[list(one) for one in tally.refused],
        )

    with places.run_directory(source().token("import")) as folder:
        local = folder / _plain(file.name)
        local.touch(mode=0o600)
        with file.content.open("rb") as sent, local.open("wb") as copy:
            shutil.copyfileobj(sent, copy)
        try:
            progress(reader.read(local, whole=asked.whole, by=asked.by, progress=progress))
        except NothingStored as why:
            why.tally.added = why.tally.known = 0
            progress(why.tally)
            raise Refused(f"{file.name}: {why}") from why
        except FileNotFoundError as why:
            raise Refused(f"{file.name} is gone from the storage. Send it again.") from why


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name)[-100:].lstrip(".") or "rows.jsonl"


def _summed(asked: Import) -> str:
    counts = asked.files.aggregate(
        rows=Sum("rows"), added=Sum("added"), known=Sum("known"), refused=Sum("refused_rows")
    )
    told = {name: count or 0 for name, count in counts.items()}
    return (
        f"{told['rows']:,} rows: {told['added']:,} new, {told['known']:,} known, {told['refused']:,} refused."
    )


def _gathered(predictions: Predictions, asked: Import) -> str:
    if len(predictions.versions) < 2:
        return "A comparison needs the outputs of two models or more; nothing is offered for grading yet."
    try:
        rubric = rubrics.shipped(asked.rubric)
        gathered = gather(asked.experiment, predictions.versions.values(), asked.dataset, rubric, by=asked.by)
    except experiments.Refused as why:
        raise Refused(str(why)) from why
    left = f" {gathered.lonely:,} have the output of one model alone." if gathered.lonely else ""
    return f"“{asked.experiment}” has {gathered.scenarios:,} tasks with two outputs or more.{left}"
