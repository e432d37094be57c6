"""What a run starts from: the base of a commit and, where a repository has a set-up command, a template of it.

Set-up runs once for each commit on each machine that generates; every run and every test gets a copy.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from marlin.sources import source
from tasks.gateway import outlet
from tasks.generation import evidence, places
from tasks.git import mirrors, patches, templates, worktrees
from tasks.git.templates import Template
from tasks.models import Repository
from tasks.sandbox.base import MIB, Command, Finished, Limits, Sandbox, never
from tasks.sandbox.door import Door, through

#: Seconds between two looks whether somebody else has finished the template that we wait for.
LOOK = 0.2
#: Installers unpack into /tmp, which lies in memory.
ROOM = 1024 * MIB


class SetUpFailed(Exception):
    """The set-up command did not end well; the sentence says how, the log what it printed."""

    def __init__(self, sentence: str, *, log: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log


class Stopped(Exception):
    """Whoever wanted it does not want it any more."""


@dataclass(frozen=True)
class Prepared:
    """A commit to work from. All copies are made alike, whoever gets them."""

    base: Path
    commit: str
    template: Template | None = None

    def worktree(self, into: Path) -> AbstractContextManager[Path]:
        if self.template is None:
            return worktrees.worktree(self.base, self.commit, into)
        return self.template.worktree(self.base, self.commit, into)

    def home(self, into: Path) -> Path:
        """A new home directory, with what set-up left in its own."""
        into.mkdir(mode=0o755)
        if self.template is not None:
            self.template.copy_home(into)
        return into

    def take(self, worktree: Path, scratch: Path) -> patches.Taken:
        left = self.template.left if self.template else frozenset()
        return patches.take(worktree, self.base, self.commit, left=left, scratch=scratch)

    def materialise(self, patch: bytes, into: Path, *, scratch: Path, over: bytes = b"") -> str:
        return patches.materialise(
            self.base, self.commit, patch, into, over=over, template=self.template, scratch=scratch
        )


def prepare(
    repository: Repository,
    commit: str,
    sandbox: Sandbox,
    *,
    anew: bool = False,
    cancelled: Callable[[], bool] = never,
    said: Callable[[bytes], None] | None = None,
) -> Prepared:
    """The commit, set up; `anew` whether or not it was before. Raises SetUpFailed, Stopped, GitFailed.

    A later turn starts from what set-up made of the first one's commit: what depends on the change itself, such as
    a build, belongs into the test command.
    """
    base = places.base_of(repository, commit)
    if not repository.setup_command.strip():
        return Prepared(base, commit)
    root = places.root_of(repository, commit)
    path = place_of(repository, root)
    with _waited_for(path, cancelled):
        if anew:
            worktrees.remove(path)
        if not path.exists():
            _make(repository, root, path, sandbox, cancelled, said)
        os.utime(path)  # it is in use: the sweep leaves it alone
    return Prepared(base, commit, Template(path))


def place_of(repository: Repository, commit: str) -> Path:
    """Another set-up command is another template; the depth decides what git tells the command."""
    recipe = hashlib.sha256(repository.setup_command.encode()).hexdigest()[:12]
    name = f"{repository.public_id}-{commit}-{repository.depth or 'full'}-{recipe}"
    return places.area("templates") / name


@contextmanager
def _waited_for(path: Path, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Its lock, which somebody may hold for as long as set-up takes. Raises Stopped."""
    with ExitStack() as stack:
        while True:
            with suppress(BlockingIOError):
                stack.enter_context(places.locked(mirrors.lock_of(path)))
                break
            if cancelled():
                raise Stopped
            time.sleep(LOOK)
        yield


def _make(
    repository: Repository,
    commit: str,
    path: Path,
    sandbox: Sandbox,
    cancelled: Callable[[], bool],
    said: Callable[[bytes], None] | None,
) -> None:
    base = places.base_of(repository, commit)
    with places.run_directory(source().token("template")) as directory:
        home = directory / "home"
        home.mkdir(mode=0o755)
        with worktrees.worktree(base, commit, directory / "files") as files:
            with outlet.opened(repository.hosts()) as door:
                finished = _set_up(repository, files, home, sandbox, door, cancelled, said)
            if cancelled():
                raise Stopped
            _require_success(repository, finished)
            made, changed = templates.seal(files, home, base, commit, directory / "template")
        if changed and said:
            said(b"\nPut back as the commit has them: %s\n" % b", ".join(changed[:20]))
        made.path.rename(path)


def _set_up(
    repository: Repository,
    files: Path,
    home: Path,
    sandbox: Sandbox,
    door: Door | None,
    cancelled: Callable[[], bool],
    said: Callable[[bytes], None] | None,
) -> Finished:
    env = {"CI": "1", **(outlet.environment(door) if door else {})}
    command = Command(("/bin/sh", "-c", repository.setup_command), env=env, worktree=files, home=home)
    limits = Limits(wall=float(repository.test_seconds), idle=None, tmp=ROOM)
    return sandbox.run(through(command, door, sandbox), limits, cancelled=cancelled, on_output=said)


def _require_success(repository: Repository, finished: Finished) -> None:
    if finished.succeeded:
        return
    log = evidence.log_of(finished)
    if finished.ended == "wall":
        raise SetUpFailed(f"Set-up did not finish in {repository.test_seconds} seconds.", log=log)
    if finished.ended != "exited":
        raise SetUpFailed("Set-up was stopped: it used more than it may.", log=log)
    raise SetUpFailed("The set-up command failed.", log=log)
