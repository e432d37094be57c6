"""Ends sandboxes whose starter died in the very moment in which they began.

bwrap dies with whoever started it, and its child with it. But the child asks for that only after it was born: whose
parent is killed in between waits for ever for a word from it, and nothing of its options is done yet by which it could
be found. So an option that changes nothing names the starter, and stands on the command line of both.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

#: The number of a process, and the moment of its start in ticks since the machine's: numbers are given again.
MARK = re.compile(rb"\0--unsetenv\0MARLIN_STARTED_BY_(\d+)_(\d+)\0")


def mark() -> list[str]:
    """The option by which a sandbox that this process starts is known."""
    return ["--unsetenv", f"MARLIN_STARTED_BY_{os.getpid()}_{_began(os.getpid())}"]


def end_orphans() -> int:
    """Kill every sandbox of ours on this machine whose starter is gone; how many processes that were."""
    ended = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it ended while we looked, or is somebody else's
            found = MARK.search(Path(f"/proc/{name}/cmdline").read_bytes())
            if found and _began(int(found[1])) != int(found[2]):
                os.kill(int(name), signal.SIGKILL)
                ended += 1
    return ended


def _began(pid: int) -> int | None:
    """When a process started; None if it is gone, or dead and not buried yet. proc_pid_stat(5), fields 3 and 22."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else int(fields[19])
