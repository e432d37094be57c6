"""Folders that an unprivileged user may enter, servers in them, and `python -m marlin.local` as a process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marlin.local.area import area_at
from marlin.local.processes import MARK, marked, working_in
from marlin.local.servers import EXPORTED, Servers, servers_in

ROOT = Path(__file__).resolve().parents[3]

# What only root can try is not there to be skipped for others.
collect_ignore = [] if os.geteuid() == 0 else ["test_as_root.py"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with an_open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with an_open_folder() as path, servers_in(area_at(path), {}, fast=True) as running:
        yield running


@contextlib.contextmanager
def an_open_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="marlin-")).resolve()
    path.chmod(0o755)
    try:
        yield path
    finally:
        for link in path.rglob("area"):
            shutil.rmtree(link.resolve(), ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)


class Local:
    """`python -m marlin.local …` in the background, its output in a file."""

    def __init__(self, folder: Path, *arguments: str | Path, **variables: str) -> None:
        self.output = folder / f"output-{len(list(folder.glob('output-*')))}"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "marlin.local", *map(str, arguments)],
                cwd=ROOT,
                env=outside(**variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def inner(self) -> int:
        """The second of its two processes, the parent of everything else."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def says(self, words: str) -> None:
        until(lambda: words in self.text or self.process.poll() is not None, self.output.read_text)
        assert words in self.text, self.text

    def ends(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)


@pytest.fixture
def local(folder: Path) -> Iterator[Callable[..., Local]]:
    with starting_in(folder) as start:
        yield start


@contextlib.contextmanager
def starting_in(folder: Path) -> Iterator[Callable[..., Local]]:
    """A way to start processes that all end with the block."""
    started: list[Local] = []

    def start(*arguments: str | Path, **variables: str) -> Local:
        started.append(Local(folder, *arguments, **variables))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.process.terminate()
        for each in started:
            each.process.wait(30)


def outside(**variables: str) -> dict[str, str]:
    """The environment of somebody who has not started anything yet."""
    ours = {*EXPORTED, MARK, "PORT", "DEBUG", "MARLIN_PROCESS", "ALLOW_LOCAL_REPOSITORIES"}
    # The checkouts here have no settings; with their name Celery would look for them and die.
    ours.add("DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if name not in ours} | variables


def until(done: Callable[[], object], what: Callable[[], str] = str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what()}"
        time.sleep(0.02)


def left_of(var: Path) -> list[int]:
    """Processes that work for this folder."""
    homes = (var / "postgres" / "data", var / "valkey")
    return marked(str(var)) + [pid for home in homes for pid in working_in(home.resolve())]


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
