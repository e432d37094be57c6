"""A sandbox whose starter died while it began is ended by whoever looks next."""

import os
import signal
import subprocess
import sys

import pytest

from tasks.sandbox import orphans
from tasks.sandbox.base import Command, Limits
from tasks.sandbox.bubblewrap import Bubblewrap


@pytest.fixture
def sandboxed():
    """Starts bwrap with a mark and without what makes it die with us."""
    started = []

    def start(mark):
        line = [str(Bubblewrap().program), *mark, "--dev-bind", "/", "/", "--", "sleep", "1000"]
        started.append(subprocess.Popen(line))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def mark_of_somebody_dead():
    code = "from tasks.sandbox import orphans; print(*orphans.mark())"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_what_nobody_stands_beside_is_ended(sandboxed):
    process = sandboxed(mark_of_somebody_dead())

    assert orphans.end_orphans() >= 1
    assert process.wait(timeout=10) == -signal.SIGKILL


def test_a_number_that_was_given_again_is_not_mistaken(sandboxed):
    option, name = orphans.mark()
    process = sandboxed([option, f"{name}0"])

    orphans.end_orphans()

    assert process.wait(timeout=10) == -signal.SIGKILL


def test_what_its_starter_stands_beside_goes_on(sandboxed):
    process = sandboxed(orphans.mark())

    orphans.end_orphans()

    assert process.poll() is None


def test_each_sandbox_carries_the_mark_of_its_starter(sandbox, reachable):
    (reachable / "worktree").mkdir()
    mine = "\0".join(orphans.mark()).encode()
    seen = []

    def look(_):
        seen.extend(mine in line for line in map(_command_line, os.listdir("/proc")))

    sandbox.run(
        Command(("/bin/sh", "-c", "echo x; sleep 0.2"), {}, reachable / "worktree"),
        Limits(wall=20),
        on_output=look,
    )

    assert sum(seen) >= 2  # bwrap, and its child


def _command_line(name):
    try:
        with open(f"/proc/{name}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""
