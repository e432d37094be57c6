"""Starting children that cannot outlive us, and finding those that tried."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from marlin.local.area import Account

#: Set for everything we start, to the folder it serves, so that the next start finds what was left.
MARK = "MARLIN_KEPT_BY"

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    account: Account | None = None,
    output: int | IO[bytes] | None = None,
    on_our_death: signal.Signals = signal.SIGTERM,
    own_session: bool = True,
) -> subprocess.Popen[bytes]:
    """A child that gets `on_our_death` from the kernel when this process ends in whatever way."""
    parent = os.getpid()
    return subprocess.Popen(
        [str(word) for word in command],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL if own_session else None,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        start_new_session=own_session,
        # Runs after the change of user, which would undo it.
        preexec_fn=lambda: _die_with(parent, on_our_death),
    )


def stop(
    process: subprocess.Popen[bytes], steps: Iterable[tuple[signal.Signals, float]], *, group: bool = True
) -> int:
    """Signals with rising force, waiting so many seconds after each, and ends what is left of the group."""
    for step, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(step)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    return process.wait()


def keep() -> None:
    """Forks. Only the child returns; the parent waits for it and then ends every process it left.

    Two processes, because either may be killed: the parent adopts orphans of the child, and the child is
    told when the parent goes.
    """
    _adopt_orphans()
    parent = os.getpid()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _die_with(parent, signal.SIGTERM)
        _adopt_orphans()  # so that it can tidy up alone
        return

    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = _wait_for(child)
    # After a killed child PostgreSQL may still be closing its books.
    end_descendants(patience=10)
    sys.exit(code)


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def marked(value: str) -> list[int]:
    """Processes that were started for this folder, ourselves and our parents aside."""
    line = f"{MARK}={value}".encode()
    ours = {os.getpid(), os.getppid()}
    return [pid for pid in _pids() if pid not in ours and line in _read(pid, "environ").split(b"\0")]


def working_in(folder: Path) -> list[int]:
    """Processes whose current folder this is: a postmaster and its children live in their data."""
    return [pid for pid in _pids() if _link(pid, "cwd") == str(folder)]


def end(pids: Callable[[], list[int]], *, first: signal.Signals, patience: float) -> list[int]:
    """Asks them to go, then makes them. Returns those that were there."""
    found = pids()
    _signal(found, first)
    if not wait_until(lambda: not pids(), patience):
        _signal(pids(), signal.SIGKILL)
        wait_until(lambda: not pids(), 5)
    return found


def _die_with(parent: int, number: signal.Signals) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew our wish
        os.kill(os.getpid(), number)


def _adopt_orphans() -> None:
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait_for(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)  # also reaps the orphans that come to us
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_descendants(*, patience: float) -> None:
    """Asks what is left below this process to go, adopted orphans included, and then makes it."""
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    _reap()  # what has ended already needs no asking, and there may be hundreds
    while left := list(_descendants(os.getpid())):
        # Those further down are their parents' business until they come to us as orphans.
        fresh = set(_children_of(os.getpid())) - asked
        _signal(fresh, signal.SIGTERM)
        asked |= fresh
        _reap()
        if time.monotonic() > deadline:
            print(f"Ended by force: {', '.join(map(_describe, left))}", file=sys.stderr, flush=True)
            _signal(left, signal.SIGKILL)
            deadline = time.monotonic() + 0.5
        time.sleep(0.02)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _descendants(ancestor: int) -> Iterator[int]:
    waiting = [ancestor]
    while waiting:
        children = _children_of(waiting.pop())
        waiting += children
        yield from children


def _children_of(parent: int) -> list[int]:
    # The name in brackets may hold spaces and brackets of its own; the fields after it are state and parent.
    return [pid for pid in _pids() if _read(pid, "stat").rpartition(b")")[2].split()[1:2] == [b"%d" % parent]]


def _describe(pid: int) -> str:
    words = _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return f"{pid} {words[:80]}".strip()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _link(pid: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""
