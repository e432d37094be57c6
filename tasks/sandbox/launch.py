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

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    wanted = json.loads(sys.argv[1])
    command = sys.argv[2:]
    for name, value in wanted["limits"].items():
        _limit(getattr(resource, name), value)
    if wanted["uid"] is not None:
        os.setgroups([])
        os.setresgid(wanted["gid"], wanted["gid"], wanted["gid"])
        os.setresuid(wanted["uid"], wanted["uid"], wanted["uid"])
    os.umask(0o022)
    # After the change of user, which would clear it. It is bound to the thread that started us.
    process = ctypes.CDLL(None, use_errno=True)
    process.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    process.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != wanted["parent"]:
        sys.exit("The parent ended before the command could start.")
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    program = command[0] if wanted["program"] is None else wanted["program"]
    try:
        os.execvpe(program, command, wanted["env"]) if isinstance(program, str) else os.execve(
            program, command, wanted["env"]
        )
    except OSError as why:
        print(f"{command[0]}: {why.strerror}", file=sys.stderr)
        sys.exit(127)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    main()
