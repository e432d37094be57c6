"""The last steps before a stranger's command: limits, another user, and death together with the parent.

Started as a program of its own, since what it does to itself must not be done between fork and exec of a
threaded process. Arguments: a JSON object, then the command line.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNS = 0x00020000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18  # linux/mount.h
STAGE = "/mnt"


def main() -> None:
    wanted = json.loads(sys.argv[1])
    command = sys.argv[2:]
    for name, value in wanted["limits"].items():
        _limit(getattr(resource, name), value)
    libc = ctypes.CDLL(None, use_errno=True)
    if wanted["staged"]:
        _stage(libc, wanted["staged"])
    if wanted["uid"] is not None:
        os.setgroups([])
        os.setresgid(wanted["gid"], wanted["gid"], wanted["gid"])
        os.setresuid(wanted["uid"], wanted["uid"], wanted["uid"])
    os.umask(0o022)
    # After the change of user, which would clear it. It is bound to the thread that started us.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != wanted["parent"]:
        sys.exit("The parent ended before the command could start.")
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        _execute(command, wanted)
    except OSError as why:
        print(f"{command[0]}: {why.strerror}", file=sys.stderr)
        sys.exit(127)


def _execute(command: list[str], wanted: dict[str, Any]) -> None:
    if wanted["program"] is None:
        os.execvpe(command[0], command, wanted["env"])  # noqa: S606
    os.set_inheritable(wanted["program"], False)
    with suppress(FileNotFoundError):  # a script cannot be run from a descriptor that closes
        os.execve(wanted["program"], command, wanted["env"])  # noqa: S606
    os.execve(wanted["path"], command, wanted["env"])  # noqa: S606


def _stage(libc: ctypes.CDLL, sources: list[str]) -> None:
    """Show directories that lie below a closed folder at a place every user can reach, in our mounts only."""
    _must(libc.unshare(CLONE_NEWNS))
    _must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    opened = [(os.open(source, os.O_PATH), os.path.isdir(source)) for source in sources]
    _must(libc.mount(b"tmpfs", STAGE.encode(), b"tmpfs", 0, b"mode=0711,size=1m"))
    for position, (handle, is_folder) in enumerate(opened):
        place = f"{STAGE}/{position}"
        os.mkdir(place) if is_folder else os.close(os.open(place, os.O_CREAT, 0o600))
        _must(libc.mount(b"/proc/self/fd/%d" % handle, place.encode(), None, MS_BIND | MS_REC, None))
        os.close(handle)


def _must(result: int) -> None:
    if result != 0:
        why = os.strerror(ctypes.get_errno())
        sys.exit(f"The user for commands cannot reach these directories, and they cannot be mounted: {why}")


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    main()
