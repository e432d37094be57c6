"""A plain subprocess behind the sandbox's contract, for machines where nothing better runs. It is no wall."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tasks.sandbox.base import Command, Finished, Limits, SandboxUnusable, never
from tasks.sandbox.bubblewrap import FILES, LAUNCH, PATH, SLACK
from tasks.sandbox.watch import Watch, tasks_of_user, usage_of


class LocalSandbox:
    """Keeps the limits and hides nothing: the command reads our files and reaches our network."""

    def __init__(self, *, i_know_this_is_unsafe: bool) -> None:
        if i_know_this_is_unsafe is not True:
            raise SandboxUnusable("Commands of strangers are not run without a sandbox.")

    def run(
        self,
        command: Command,
        limits: Limits,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        folders = [folder for folder in (command.worktree, command.home) if folder is not None]
        with tempfile.TemporaryFile() as stdin:
            stdin.write(command.stdin)
            stdin.seek(0)
            with subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(LAUNCH),
                    json.dumps(_launch_options(command, limits)),
                    *command.argv,
                ],
                cwd=command.worktree,
                env={},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            ) as process:
                watch = Watch(process, limits, folders=folders, cancelled=cancelled, on_output=on_output)
                try:
                    ended = watch.until_end()
                finally:
                    _end(process)
                watch.drain()
        code = process.returncode
        return watch.finished(ended, code if code >= 0 else 128 - code)

    def inside(self, source: Path, target: str) -> str:
        return str(source)

    def check(self) -> list[str]:
        return ["Commands run without a sandbox: they can read this machine's files and reach its network."]


def _launch_options(command: Command, limits: Limits) -> dict[str, object]:
    home = command.home or command.worktree
    ours = {
        "RLIMIT_FSIZE": limits.file_size,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": FILES,
        "RLIMIT_NPROC": tasks_of_user(os.getuid()) + 2 * limits.processes + SLACK,
    }
    if limits.cpu is not None:
        ours["RLIMIT_CPU"] = max(1, round(limits.cpu))
    return {
        "limits": ours,
        "uid": None,
        "gid": None,
        "parent": os.getpid(),
        "program": None,
        "path": None,
        "staged": [],
        "env": {"HOME": str(home), "PATH": PATH, "LANG": "C.UTF-8", "TERM": "dumb", **command.env},
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group and every descendant we can find; one that hid behind setsid escapes."""
    family = usage_of(process.pid).pids if process.poll() is None else ()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    _await_group(process.pid)


def _await_group(group: int) -> None:
    """A signal is sent at once and obeyed a moment later."""
    deadline = time.monotonic() + 2
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.005)
