"""Stands beside a running command: reads what it prints, measures what it uses, ends it at a limit."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tasks.sandbox.base import Ended, Finished, Limits

READ = 65_536
KEPT = 4 * 1024 * 1024  # bytes of each stream kept from its beginning, and as many from its end
LOOK = 0.2  # seconds between two looks at the processes
IDLE_SHARE = 0.02  # of one processor; a runtime's timers use less, work uses more
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
DISK_SHARE = 10  # measuring the disk takes at most one part in so many of the time
DEEPEST = 100


class Captured:
    """The beginning and the end of a stream, in bounded memory."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.total = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def add(self, chunk: bytes) -> None:
        self.total += len(chunk)
        room = self.kept - len(self._head)
        self._head += chunk[:room]
        rest = chunk[max(room, 0) :]
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size - len(self._tail[0] if self._tail else b"") >= self.kept:
            self._tail_size -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        return self.total > len(self._head) + self._tail_size

    def content(self) -> bytes:
        if not self.truncated:
            return bytes(self._head) + b"".join(self._tail)
        left_out = self.total - len(self._head) - self._tail_size
        mark = b"\n[... %d bytes left out ...]\n" % left_out
        return bytes(self._head) + mark + b"".join(self._tail)


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses at one moment."""

    pids: tuple[int, ...]
    tasks: int  # processes and threads
    memory: int  # bytes
    cpu: float  # seconds


class Watch:
    """One command under observation. `folders` are those whose growth counts as disk."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        limits: Limits,
        *,
        folders: Iterable[Path],
        cancelled: Callable[[], bool],
        on_output: Callable[[bytes], None] | None,
    ) -> None:
        self.process, self.limits = process, limits
        self.folders = tuple(folders)
        self.cancelled, self.on_output = cancelled, on_output
        self.stdout, self.stderr = Captured(), Captured()
        self.began = self.active_at = self.looked_at = time.monotonic()
        self.cpu = 0.0
        self.disk_before = disk_usage(self.folders)
        self.disk_due = self.began
        self.usage = Usage((), 0, 0, 0.0)

    def until_end(self) -> Ended:
        """Watch until the command exits or reaches a limit; ending it is the caller's."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ, self.stdout)
            selector.register(self.process.stderr, selectors.EVENT_READ, self.stderr)
            exited = os.pidfd_open(self.process.pid)
            try:
                selector.register(exited, selectors.EVENT_READ)
                return self._loop(selector, exited)
            finally:
                os.close(exited)

    def finished(self, ended: Ended, code: int) -> Finished:
        """How it went, once nothing of it is alive. `code` is its exit code, and counts when it came to its own end."""
        if ended == "exited" and self.disk_growth() > self.limits.disk:
            ended = "disk"
        return Finished(
            exit_code=code if ended == "exited" else None,
            ended=ended,
            stdout=self.stdout.content(),
            stderr=self.stderr.content(),
            truncated=self.stdout.truncated or self.stderr.truncated,
            seconds=self.seconds,
        )

    def drain(self, seconds: float = 5.0) -> None:
        """Read what is still in the pipes after the end."""
        deadline = time.monotonic() + seconds
        for pipe, captured in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            while time.monotonic() < deadline and self.printed <= self.limits.output + READ:
                try:
                    chunk = os.read(pipe.fileno(), READ)
                except BlockingIOError:
                    break  # somebody still holds the other end: nothing more will be waited for
                if not chunk:
                    break
                captured.add(chunk)

    @property
    def printed(self) -> int:
        return self.stdout.total + self.stderr.total

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def _loop(self, selector: selectors.BaseSelector, exited: int) -> Ended:
        due = self.began
        while True:
            for key, _ in selector.select(max(0.0, due - time.monotonic())):
                if key.fd == exited:
                    return "output" if self.printed > self.limits.output else "exited"
                self._read(selector, key)
            if self.printed > self.limits.output:
                return "output"
            if time.monotonic() >= due:
                reason = self._look()
                if reason is not None:
                    return reason
                due = time.monotonic() + LOOK

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, READ)
        if not chunk:
            selector.unregister(key.fileobj)
            return
        captured: Captured = key.data
        captured.add(chunk)
        self.active_at = time.monotonic()
        if self.on_output is not None:
            self.on_output(chunk)

    def _look(self) -> Ended | None:
        if self.cancelled():
            return "cancelled"
        if self.seconds > self.limits.wall:
            return "wall"
        self.usage = usage_of(self.process.pid)
        if self.usage.memory > self.limits.memory:
            return "memory"
        if self.usage.tasks > self.limits.processes:
            return "processes"
        if self._is_idle():
            return "idle"
        return "disk" if self._disk_is_full() else None

    def _is_idle(self) -> bool:
        now = time.monotonic()
        passed, used = now - self.looked_at, self.usage.cpu - self.cpu
        if passed >= 1.0:  # clock ticks are too coarse for less
            self.looked_at, self.cpu = now, self.usage.cpu
            if used < 0 or used / passed > IDLE_SHARE:
                self.active_at = now
        return self.limits.idle is not None and now - self.active_at > self.limits.idle

    def _disk_is_full(self) -> bool:
        now = time.monotonic()
        if now < self.disk_due:
            return False
        used = self.disk_growth()
        taken = time.monotonic() - now
        self.disk_due = time.monotonic() + max(LOOK, taken * DISK_SHARE)
        return used > self.limits.disk

    def disk_growth(self) -> int:
        return disk_usage(self.folders) - self.disk_before


def usage_of(root: int) -> Usage:
    """Sum over a process and its descendants, from /proc (proc_pid_stat(5))."""
    stats = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(int(stat[1]), []).append(pid)
    family, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats:
            family.append(pid)
        waiting.extend(children.get(pid, []))
    mine = [stats[pid] for pid in family]
    return Usage(
        pids=tuple(family),
        tasks=sum(max(1, int(stat[17])) for stat in mine),
        memory=sum(int(stat[21]) for stat in mine) * PAGE,
        cpu=sum(int(stat[11]) + int(stat[12]) for stat in mine) / TICKS,
    )


def tasks_of_user(uid: int) -> int:
    """How many processes and threads a user has on this machine, the base on which RLIMIT_NPROC counts."""
    tasks = 0
    for pid in _pids():
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                stat = _stat(pid)
                tasks += int(stat[17]) if stat else 0
        except OSError:
            continue  # it ended while we looked
    return tasks


def disk_usage(folders: Iterable[Path]) -> int:
    """Bytes on disk below some directories, by directory descriptor so that no swapped link leads us out."""
    return sum(_disk_usage(folder) for folder in folders)


def _disk_usage(folder: Path) -> int:
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return 0
    total, waiting = 0, [(root, 0)]
    while waiting:
        handle, depth = waiting.pop()
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    total += _size(entry)
                    if depth < DEEPEST and entry.is_dir(follow_symlinks=False):
                        waiting.extend(_open_inner(entry.name, handle, depth))
        except OSError:
            pass  # unreadable, or gone: its content is not ours to count
        finally:
            os.close(handle)
    return total


def _open_inner(name: str, handle: int, depth: int) -> list[tuple[int, int]]:
    try:
        return [(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle), depth + 1)]
    except OSError:
        return []


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields after the name: state is 0, parent 1, times 11 and 12, threads 17, resident pages 21."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("latin-1")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields if len(fields) > 21 else None
