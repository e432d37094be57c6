"""Where mirrors, base repositories and run directories lie, and which user an agent runs as."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

from tasks.git import mirrors, worktrees
from tasks.git.continued import continued
from tasks.models import Candidate, Repository, Turn
from tasks.sandbox.base import Sandbox
from tasks.sandbox.bubblewrap import Bubblewrap
from tasks.sandbox.container import Container
from tasks.sandbox.local import LocalSandbox

#: As many agents as this may run on one machine at once, each as a user of its own.
MOST_AGENTS = 256


def mirror_of(repository: Repository) -> Path:
    return area("mirrors") / f"{repository.public_id}.git"


def base_of(repository: Repository, commit: str) -> Path:
    """The base-only repository of a commit, made when it is not there yet. Raises GitFailed."""
    depth = repository.depth
    into = area("bases") / f"{repository.public_id}-{commit}-{depth or 'full'}.git"
    with suppress(FileNotFoundError):
        os.utime(into)  # it is in use: the sweep leaves it alone
    if before := _continued(repository, commit):
        parent = before.turn.base_commit
        return continued(base_of(repository, parent), parent, bytes(before.patch), commit, into)
    return mirrors.base_only(mirror_of(repository), commit, into, depth=depth)


def root_of(repository: Repository, commit: str) -> str:
    """The commit of the repository that the first turn started from."""
    while before := _continued(repository, commit):
        commit = before.turn.base_commit
    return commit


def _continued(repository: Repository, commit: str) -> Candidate | None:
    """The candidate whose work this commit is, when a later turn starts from it."""
    turns = Turn.objects.filter(base_commit=commit, number__gt=1, task__scenario__repository=repository)
    turn = turns.select_related("continues__turn").first()
    return turn.continues if turn else None


@contextmanager
def run_directory(token: str) -> Iterator[Path]:
    """A directory for one run, gone afterwards whatever was left in it.

    It is ours while we hold its lock, which the kernel takes from whoever dies.
    """
    with locked(area("locks") / token):
        directory = area("runs") / token
        directory.mkdir()
        directory.chmod(0o711)  # an agent's user passes through to its own worktree, and lists nothing
        try:
            yield directory
        finally:
            worktrees.remove(directory)
            (area("locks") / token).unlink(missing_ok=True)


def sweep_run_directories() -> int:
    """Remove what killed workers left behind: every run directory whose lock nobody holds."""
    swept = 0
    for directory in [*area("runs").iterdir(), *_bereft()]:
        lock = area("locks") / directory.name
        with suppress(BlockingIOError), locked(lock):
            worktrees.remove(directory)
            lock.unlink(missing_ok=True)
            swept += 1
    return swept


def _bereft() -> Iterator[Path]:
    """Run directories that are not there while their lock is: its worker died just before the one or after the other.

    One that is younger than a lease may be that of a run which begins at this moment.
    """
    for lock in area("locks").iterdir():
        directory = area("runs") / lock.name
        with suppress(FileNotFoundError):
            if not directory.exists() and time.time() - lock.stat().st_mtime > settings.RUN_LEASE:
                yield directory


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of our own. As root, with a user that no other run has at the moment."""
    if settings.UNSAFE_SUBPROCESS:
        yield LocalSandbox(i_know_this_is_unsafe=True)
        return
    if settings.CONTAINER_IMAGE:
        with _container() as container:
            yield container
        return
    program = Path(settings.BUBBLEWRAP) if settings.BUBBLEWRAP else None
    python = Path(settings.SANDBOX_PYTHON) if settings.SANDBOX_PYTHON else None
    if os.geteuid() != 0:
        yield Bubblewrap(program, python=python)
        return
    with _own_user() as uid:
        yield Bubblewrap(program, uid=uid, gid=uid, python=python)


@contextmanager
def _container() -> Iterator[Container]:
    with ExitStack() as stack:
        uid = stack.enter_context(_own_user()) if os.geteuid() == 0 else None
        container = Container(settings.CONTAINER_IMAGE, engine=settings.CONTAINER_ENGINE, uid=uid)
        container.reap()
        yield container


@contextmanager
def _own_user() -> Iterator[int]:
    """A numeric user id that is ours for the time: limits on processes are counted by user."""
    for uid in range(settings.AGENT_UID, settings.AGENT_UID + MOST_AGENTS):
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(area("users") / str(uid)))
            except BlockingIOError:
                continue
            yield uid
            return
    raise RuntimeError(f"{MOST_AGENTS} agents are running already; lower the worker's concurrency.")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, or raise BlockingIOError at once."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def area(name: str) -> Path:
    """One of the folders of the work area, made when it is not there yet."""
    whole: Path = settings.WORK_AREA
    directory = whole / name
    if not directory.is_dir():
        whole.mkdir(parents=True, exist_ok=True)
        # Mirrors hold what came after the base commit: no agent's user may look into them.
        directory.mkdir(mode=0o711 if name == "runs" else 0o700, exist_ok=True)
        directory.chmod(0o711 if name == "runs" else 0o700)
    return directory
