"""Writes the files of an export, part by part, in bounded memory. A writer that is killed is gone on from.

The files grow in a folder of the work area. After every part the export's row says how long each of them is,
so that the next writer cuts off what came after and goes on. Finished files are moved into the storage.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import django
import pyarrow
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

import marlin
from grading.export import card, croissant, formats, judging, snapshot, stream, verifying
from grading.export.filters import WRITTEN
from grading.export.schema import FORMAT, columns_for
from grading.export.sheets import Sheets
from grading.export.writers import conversation, csv, elsewhere, jsonl, parquet, trl
from grading.export.writers.pieces import TRAIN, Block, Piece
from grading.models import Export
from marlin import events
from marlin.heartbeat import heartbeat
from marlin.models import EventSeal
from marlin.sources import now

#: Seconds between two signs of life on the page, while a part is written.
SIGN = 1.0

Write = Callable[[Block], Iterator[Piece]]


class Busy(Exception):
    """Another process of this machine still has the folder: it lost the lease, and will notice."""


def run(export: Export) -> None:
    """Take a queued export and write it. Raises WrongState when somebody else has it, Busy, and what writing raises."""
    token = export.take_lease(Export.State.QUEUED, settings.RUN_LEASE)
    export.start(token=token)
    with heartbeat(lambda: export.renew_lease(token, settings.RUN_LEASE)), _workplace(export) as folder:
        manifest = write(export, token, folder)
        export.finish(token=token, manifest=manifest)
        events.record("export.signed", export, after=export.state, manifest=snapshot.checksum(export))
    # Only now: while the export could be taken by somebody else, the lock in there kept order.
    shutil.rmtree(folder)


def write(export: Export, token: str, folder: Path) -> dict[str, Any]:
    """Freeze the list, write the files, describe and sign them; returns the manifest. Needs the lease."""
    if export.frozen_at is None:
        judging.write_missing(export.experiment_id)
        with transaction.atomic():
            export.keep(token=token, frozen_at=now(), counts=snapshot.freeze(export))
    with Sheets(folder, export.progress) as sheets:
        _write_parts(export, token, sheets)
        manifest = _describe(export, folder, sheets.described(), sheets.left_out)
        # Whoever lost the lease meanwhile stops here, before anything is in its place.
        export.keep(token=token, progress=sheets.progress(export.rows()))
    for name in [*(file["name"] for file in manifest["files"]), snapshot.MANIFEST, snapshot.SIGNATURE]:
        with _Finished(folder / name) as file:
            default_storage.save(snapshot.path_of(export, name), file)
    return manifest


def sweep() -> None:
    """Folders of exports that are finished: their writer died before it could clean up."""
    for folder in _workplaces().glob("*"):
        if Export.objects.filter(public_id=folder.name, state=Export.State.READY).exists():
            shutil.rmtree(folder, ignore_errors=True)


# --- The parts --------------------------------------------------------------------------------------------------


def _write_parts(export: Export, token: str, sheets: Sheets) -> None:
    axes = [axis.key for axis in export.experiment.rubric.axes.all()]
    writers = {key: write for key, write in _writers(axes).items() if key in export.formats}
    columns = columns_for(axes) if "parquet" in export.formats else ()
    total = export.parts.count()
    told = time.monotonic()
    for number in range(sheets.parts, max(total, 1)):
        with ExitStack() as stack:
            shard = None
            if columns:
                name = parquet.name_of(formats.BY_KEY["parquet"].stem, number, max(total, 1))
                shard = stack.enter_context(parquet.Shard(sheets.path(name), columns))
            if number == 0:
                _begin(export, sheets, axes)
            for places in stream.slices(export, number):
                for block in stream.blocks(export, number, places):
                    _put(sheets, writers, shard, block)
                if time.monotonic() - told > SIGN:
                    told = time.monotonic()
                    export.keep(token=token, progress=export.progress | {"rows": sheets.rows})
        if shard:
            sheets.add_finished(formats.BY_KEY["parquet"], name, shard.rows)
        sheets.parts = number + 1
        sheets.settle()
        export.keep(token=token, progress=sheets.progress(sheets.rows))


def _put(sheets: Sheets, writers: dict[str, Write], shard: parquet.Shard | None, block: Block) -> None:
    for key, write in writers.items():
        for piece in write(block):
            sheets.put(formats.BY_KEY[key], piece)
    if shard:
        shard.write(block)
    sheets.rows += len(block)


def _writers(axes: list[str]) -> dict[str, Write]:
    return {
        "jsonl": jsonl.write,
        "csv": lambda block: csv.write(block, axes),
        "trl": trl.explicit,
        "trl-implicit": trl.implicit,
        "kto": trl.unpaired,
        "openai": elsewhere.openai,
        "hh": elsewhere.hh,
        "rewardbench": elsewhere.rewardbench,
        "arena": elsewhere.arena,
        "helpsteer": elsewhere.helpsteer,
    }


def _begin(export: Export, sheets: Sheets, axes: list[str]) -> None:
    """Every format has its first file, even if no record comes."""
    for key in export.formats:
        if key != "parquet":
            start = csv.header(axes) if key == "csv" else b""
            sheets.put(formats.BY_KEY[key], Piece(TRAIN, start, rows=0))


# --- What is told about them ------------------------------------------------------------------------------------


def _describe(
    export: Export, folder: Path, data: list[dict[str, Any]], left_out: dict[str, dict[str, int]]
) -> dict[str, Any]:
    texts = {
        "README.md": card.readme(export, data),
        "croissant.json": croissant.described(export, data),
        "rubric.md": card.rubric(export.experiment.rubric),
    }
    about = [_text(folder / name, text) for name, text in texts.items()]
    manifest = {
        "format": FORMAT,
        "renderer": conversation.RENDERER,
        "export": str(export.public_id),
        "experiment": {"id": str(export.experiment.public_id), "name": export.experiment.name},
        "filters": {"experiment": str(export.experiment.public_id), "state": "accepted", **export.filters},
        "formats": export.formats,
        "rubric": {"name": export.experiment.rubric.name, "version": export.experiment.rubric.version},
        "rows": export.rows(),
        "counts": _counts(export, left_out),
        "files": [*data, *about],
        "frozen_at": export.frozen_at.isoformat() if export.frozen_at else None,
        "written_at": now().isoformat(),
        "asked_because": export.reason,
        "audit_chain": _chain(),
        "signature": snapshot.SIGNATURE,
        "versions": {
            "marlin": marlin.__version__,
            "django": django.get_version(),
            "pyarrow": pyarrow.__version__,
        },
    }
    body = snapshot.manifest_body(manifest)
    (folder / snapshot.MANIFEST).write_bytes(body)
    signature = verifying.signature_of(body, verifying.seed_of(settings.SECRET_KEY))
    (folder / snapshot.SIGNATURE).write_bytes(signature)
    return manifest


def _text(path: Path, text: str) -> dict[str, Any]:
    """Writes a file about the others; returns its line of the manifest."""
    body = text.encode()
    path.write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    return {"name": path.name, "format": "about", "bytes": len(body), "rows": None, "sha256": digest}


def _counts(export: Export, left_out: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Every preference of the experiment: in, or out and why; and what a single format had no row for."""
    counts = dict(export.counts)
    written = counts.pop(WRITTEN, 0)
    return {
        "preferences": written + sum(counts.values()),
        "written": written,
        "left_out": counts,
        "left_out_of_formats": left_out,
    }


def _chain() -> dict[str, Any]:
    """The head of the audit chain: what happened up to here cannot be told otherwise later."""
    events.seal()
    last = EventSeal.objects.order_by("-position").first()
    return {"sealed": last.position if last else 0, "head": last.digest if last else events.GENESIS}


# --- Places -----------------------------------------------------------------------------------------------------


class _Finished(File):  # type: ignore[type-arg]  # only the stubs know an argument
    """A file that the storage may take as it is: a rename where both places are one disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


def _workplaces() -> Path:
    return Path(settings.WORK_AREA) / "exports"


@contextmanager
def _workplace(export: Export) -> Iterator[Path]:
    """The export's folder, for one process at a time: the system takes the lock from who is killed."""
    folder = _workplaces() / str(export.public_id)
    # Agents' users can reach the work area.
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"The folder of export {export.pk} is in use.") from None
        yield folder
