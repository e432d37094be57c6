"""Reads the files that an admin asked for on a page, from the first row to the last."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db.models import Sum

from marlin.sources import source
from tasks import experiments, hosts, rubrics
from tasks.gateway.sealing import KeyUnusable
from tasks.generation import places
from tasks.importing import live
from tasks.importing.instances import Instances
from tasks.importing.predictions import Predictions, gather
from tasks.importing.pull_requests import PullRequests
from tasks.importing.reading import NothingStored, Reader, Tally
from tasks.importing.rows import Refused
from tasks.models import Import, ImportFile

#: So many pull requests are stored at once: what was fetched before a kill or a refusal is kept.
FETCHED = 10


def read(asked: Import) -> str:
    """Everything that was asked for; what is here already is known. Says what came of it. Raises Refused."""
    if asked.kind == Import.Kind.LIVE:
        return _fetched(asked)
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
        _tell(file, tally)

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


def _tell(file: ImportFile, tally: Tally) -> None:
    file.progress(
        rows=tally.rows,
        added=tally.added,
        known=tally.known,
        refused_rows=tally.refused_rows,
        refused=[list(one) for one in tally.refused],
    )


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


# --- Live ----------------------------------------------------------------------------------------------------------


def _fetched(asked: Import) -> str:
    """Ask the host for one pull request after the other, and store them as an export of them would be."""
    try:
        get = live.Host(asked.api, hosts.token_of_api(asked.api)).get
    except KeyUnusable as why:
        raise Refused(str(why)) from why
    answer, _ = ImportFile.objects.get_or_create(asked=asked, defaults={"name": asked.repository})
    tally = _tally_of(answer, fresh=asked.left == asked.numbers)
    reader = PullRequests().reader
    while asked.left:
        some, rest = asked.left[:FETCHED], asked.left[FETCHED:]
        rows, stopped = _asked_for(asked.repository, some, get, tally)
        _store(reader, rows, tally, asked)
        done = [number for number, _ in rows] + [number for number, _ in tally.refused]
        asked.left = [number for number in some if number not in done] + rest
        Import.objects.filter(pk=asked.pk, token=asked.token).update(left=asked.left)
        _tell(answer, tally)
        if stopped:
            left = f" {len(asked.left):,} of {len(asked.numbers):,} are left."
            raise Refused(str(stopped) + left) from stopped
    return _summed(asked)


def _asked_for(
    repository: str, numbers: Sequence[int], get: live.Get, tally: Tally
) -> tuple[list[tuple[int, Any]], Refused | None]:
    """What the host answered by number, up to the refusal that makes asking on useless."""
    rows: list[tuple[int, Any]] = []
    for number in numbers:
        try:
            rows.append((number, live.asked(repository, number, get)))
        except live.NotThere as why:
            tally.rows += 1
            tally.refuse(number, str(why))
        except Refused as why:
            return rows, why
    return rows, None


def _store(reader: Reader[Any], rows: list[tuple[int, Any]], tally: Tally, asked: Import) -> None:
    if not rows:
        return
    with places.run_directory(source().token("import")) as folder:
        local = folder / "live.jsonl"
        local.write_text("".join(f"{json.dumps(row)}\n" for _, row in rows))
        stored = reader.read(local, by=asked.by)
    tally.rows += stored.rows
    tally.added += stored.added
    tally.known += stored.known
    for line, why in stored.refused:
        tally.refuse(rows[line - 1][0], why)


def _tally_of(answer: ImportFile, *, fresh: bool) -> Tally:
    """Where an earlier attempt stopped, or from the beginning."""
    if fresh:
        return Tally()
    refused = [(int(number), str(why)) for number, why in answer.refused]
    return Tally(answer.rows, answer.added, answer.known, answer.refused_rows, refused)
