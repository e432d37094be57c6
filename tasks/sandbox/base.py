"""What every sandbox takes and gives back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

MIB = 1024 * 1024

WORKSPACE = "/workspace"  # the same for every candidate, so that no path tells them apart
HOME = "/home/dev"

Ended = Literal["exited", "wall", "idle", "memory", "output", "disk", "cancelled", "processes"]


class SandboxUnusable(Exception):
    """The sandbox could not be set up: a fault of the machine, never of the command."""


@dataclass(frozen=True)
class Mount:
    """A file or directory shown to the command at `target`, an absolute path inside."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Limits:
    """What a command may use. Times in seconds, sizes in bytes."""

    wall: float = 3600.0
    idle: float | None = 300.0  # neither output nor processor time
    memory: int = 6000 * MIB  # resident, summed over all its processes
    processes: int = 256  # processes and threads together
    file_size: int = 256 * MIB  # one file
    output: int = 64 * MIB  # printed, both streams together
    disk: int = 2048 * MIB  # added to worktree and home
    tmp: int = 256 * MIB  # /tmp, which lies in memory
    cpu: float | None = None  # processor time of one process


@dataclass(frozen=True)
class Command:
    """A command line, and the directories it may write."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    worktree: Path
    home: Path | None = None
    mounts: tuple[Mount, ...] = ()
    stdin: bytes = field(default=b"", repr=False)
    network: bool = False


@dataclass(frozen=True)
class Finished:
    """How a command ended. `exit_code` is None when we ended it; 128 + n tells of signal n."""

    exit_code: int | None
    ended: Ended
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    truncated: bool  # the middle of the output was dropped
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.ended == "exited" and self.exit_code == 0


def never() -> bool:
    return False


class Sandbox(Protocol):
    """Runs commands. Call `run` from a thread that lives as long as the command does."""

    def run(
        self,
        command: Command,
        limits: Limits,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Run to the end or to a limit; afterwards nothing it started is alive. Raises SandboxUnusable.

        `cancelled` is asked several times a second; `on_output` gets each piece of either stream.
        """

    def inside(self, source: Path, target: str) -> str:
        """The path at which a command finds `source` when it is mounted at `target`."""

    def check(self) -> list[str]:
        """What is wrong with this machine or this sandbox, in sentences; empty when all is well."""


def give_to(path: Path, uid: int, gid: int) -> None:
    """Make a whole directory somebody's own, changing links themselves and never what they point to."""
    try:
        subprocess.run(
            ["chown", "--recursive", "-P", "--no-dereference", f"{uid}:{gid}", "--", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
        )
    except (OSError, subprocess.SubprocessError):
        raise SandboxUnusable(f"The directory {path} could not be given to user {uid}.") from None
