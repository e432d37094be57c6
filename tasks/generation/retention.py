"""How long each kind of thing is kept, how much of it there is, and what removes the rest."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.db.models.functions import Length, Now

from tasks.generation import places, snapshots
from tasks.git import mirrors, worktrees
from tasks.models import Holding, Repository, RunLog, Snapshot, Task
from tasks.sandbox.watch import disk_usage

DAY = 86_400
#: A file that nobody names may be about to be named: it was written before its row.
YOUNGEST = timedelta(days=1)
ARCHIVE = re.compile(r"[0-9a-f]{64}")
#: Work areas and their kinds. The others are counted where they lie.
AREAS = ("mirrors", "bases", "templates", "runs")


def tidy() -> dict[str, int]:
    """Apply every rule; how many of each kind were removed. Safe to run twice, and while others work."""
    return {
        "mirrors": _sweep_mirrors(),
        "bases": _sweep_unused("bases", settings.KEEP_BASES),
        "templates": _sweep_unused("templates", settings.KEEP_TEMPLATES),
        "runs": places.sweep_run_directories(),
        "states": _forget_states() + _sweep_archives(),
        "logs": _sweep_logs(),
    }


def measure() -> list[Holding]:
    """Entries and bytes of each kind, kept for the operations page."""
    machine = socket.gethostname()
    found = [(name, machine, *_area(places.area(name))) for name in AREAS]
    sizes = [default_storage.size(snapshots.path_of(name)) for name in _archives()]
    found.append(("states", "storage", len(sizes), sum(sizes)))
    printed = RunLog.objects.aggregate(out=Sum(Length("stdout")), errors=Sum(Length("stderr")))
    found.append(
        ("logs", "database", RunLog.objects.count(), (printed["out"] or 0) + (printed["errors"] or 0))
    )
    return [
        Holding.objects.update_or_create(
            kind=kind, machine=where, defaults={"entries": entries, "size": size, "measured_at": Now()}
        )[0]
        for kind, where, entries, size in found
    ]


def _area(folder: Path) -> tuple[int, int]:
    return len(_entries(folder)), disk_usage([folder])


def _entries(folder: Path) -> list[Path]:
    """What lies in an area, without the locks beside it."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _sweep_mirrors() -> int:
    """Kept as long as their repository is in the database: a scenario may start from any of its commits."""
    known = {f"{public_id}.git" for public_id in Repository.objects.values_list("public_id", flat=True)}
    return sum(_removed(path) for path in _entries(places.area("mirrors")) if path.name not in known)


def _sweep_unused(name: str, days: int) -> int:
    """Made again when they are needed; kept so many days after they were last used."""
    if not days:
        return 0
    oldest = time.time() - days * DAY
    return sum(_removed(path, unless_used_since=oldest) for path in _entries(places.area(name)))


def _removed(path: Path, *, unless_used_since: float | None = None) -> bool:
    """Under the lock of whoever makes it, so that it is never half there."""
    with mirrors.locked(path):
        if not os.path.lexists(path):
            return False
        if unless_used_since is not None and path.stat().st_mtime >= unless_used_since:
            return False
        worktrees.remove(path)
        return True


def _forget_states() -> int:
    """What agents remember serves the next turn alone, and a task that is over has none."""
    if not settings.KEEP_STATES:
        return 0
    over = (Task.State.CLOSED, Task.State.WITHDRAWN)
    old = Snapshot.objects.filter(
        taken_at__lt=Now() - timedelta(days=settings.KEEP_STATES), candidate__turn__task__state__in=over
    )
    return old.exclude(archive="").update(session="", archive="", size=0)


def _sweep_archives() -> int:
    """An archive is named by its content and may serve many: it goes with the last row that names it."""
    swept = 0
    for name in _archives():
        path = snapshots.path_of(name)
        age = timedelta(seconds=time.time() - default_storage.get_modified_time(path).timestamp())
        if age > YOUNGEST and not Snapshot.objects.filter(archive=name).exists():
            default_storage.delete(path)
            swept += 1
    return swept


def _archives() -> Iterator[str]:
    """The archives in the storage, by name."""
    try:
        folders, _ = default_storage.listdir("states")
    except FileNotFoundError:
        return
    for folder in folders:
        for file in default_storage.listdir(f"states/{folder}")[1]:
            if ARCHIVE.fullmatch(file.removesuffix(".tar")):
                yield file.removesuffix(".tar")


def _sweep_logs() -> int:
    """The sentence of a run stays; what it printed goes."""
    if not settings.KEEP_LOGS:
        return 0
    old = RunLog.objects.filter(run__ended_at__lt=Now() - timedelta(days=settings.KEEP_LOGS))
    return old.delete()[0]
