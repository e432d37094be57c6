"""A container behind the sandbox's contract, for machines where bubblewrap may not make namespaces.

The engine (docker, or podman with the same words) bounds memory and processes; our watch bounds the rest. The
command line is what is tested here, and a script that plays the engine; no real engine has run it yet.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

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
from tasks.sandbox.watch import Watch

LABEL = "marlin.worker"
FILES = 4096  # open files of one process
SHM = 64 * MIB
ENGINE_FAILED = 125  # of `docker run` itself, as its manual says
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What the engine's own client needs of our environment to find its server.
ENGINES_OWN = ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR", "HOME", "PATH")


class Container:
    """Runs each command in a container of its own from `image`, which needs sh and python3.

    `uid` and `gid`: who the command is; else who we are. Root is refused.
    """

    def __init__(
        self, image: str, engine: str = "docker", uid: int | None = None, gid: int | None = None
    ) -> None:
        self.image = image
        self.engine = engine
        self.uid = os.getuid() if uid is None else uid
        self.gid = gid if gid is not None else (os.getgid() if uid is None else uid)

    def run(
        self,
        command: Command,
        limits: Limits,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        if self.uid == 0:
            raise SandboxUnusable("As root, give the container a user to run commands as.")
        folders = [folder for folder in (command.worktree, command.home) if folder is not None]
        if os.getuid() != self.uid:
            for folder in folders:
                give_to(folder, self.uid, self.gid)
        name = f"marlin-{secrets.token_hex(8)}"
        try:
            return self._watched(name, command, limits, folders, cancelled, on_output)
        finally:
            self._engine("rm", "--force", "--volumes", name)

    def _watched(
        self,
        name: str,
        command: Command,
        limits: Limits,
        folders: list[Path],
        cancelled: Callable[[], bool],
        on_output: Callable[[bytes], None] | None,
    ) -> Finished:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(command.stdin)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    self.arguments(name, command, limits),
                    env={**_hidden(command), **_engines_own()},
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as why:
                raise SandboxUnusable(f"{self.engine} did not start: {why.strerror}.") from None
            with process:
                watch = Watch(process, limits, folders=folders, cancelled=cancelled, on_output=on_output)
                try:
                    ended = watch.until_end()
                finally:
                    self._engine("kill", name)
                    process.wait()
                watch.drain()
        code = process.returncode
        if ended == "exited" and code == ENGINE_FAILED:
            said = watch.stderr.content().decode("utf-8", "replace").strip()[:300]
            raise SandboxUnusable(f"{self.engine} could not start the container: {said or 'no reason given'}")
        if ended == "exited" and self._ran_out_of_memory(name):
            ended = "memory"
        return watch.finished(ended, code)

    def arguments(self, name: str, command: Command, limits: Limits) -> list[str]:
        """The whole command line. Values of the environment stand in ours, where nobody else can read them."""
        arguments = [self.engine, "run", "--interactive", "--init", "--name", name]
        arguments += ["--label", f"{LABEL}={socket.gethostname()}:{os.getpid()}"]
        arguments += ["--network", "bridge" if command.network else "none", "--hostname", "sandbox"]
        arguments += ["--user", f"{self.uid}:{self.gid}", "--cap-drop", "ALL", "--read-only"]
        arguments += ["--security-opt", "no-new-privileges", "--ipc", "private", "--pull", "never"]
        arguments += ["--pids-limit", str(limits.processes)]
        # The same number twice: no swap beside the memory.
        arguments += ["--memory", str(limits.memory), "--memory-swap", str(limits.memory)]
        arguments += ["--shm-size", str(SHM), "--tmpfs", f"/tmp:rw,exec,mode=1777,size={limits.tmp}"]  # noqa: S108
        arguments += ["--ulimit", f"fsize={limits.file_size}", "--ulimit", "core=0"]
        arguments += ["--ulimit", f"nofile={FILES}"]
        if limits.cpu is not None:
            arguments += ["--ulimit", f"cpu={max(1, round(limits.cpu))}"]
        if command.home is None:
            arguments += ["--tmpfs", f"{HOME}:rw,exec,mode=0777,size={limits.tmp}"]
        for mount in _mounts(command):
            arguments += ["--mount", _described(mount)]
        hidden = _hidden(command)
        for variable, value in sorted(_environment(command).items()):
            arguments += ["--env", variable if variable in hidden else f"{variable}={value}"]
        return [*arguments, "--workdir", WORKSPACE, "--entrypoint=", self.image, *command.argv]

    def inside(self, source: Path, target: str) -> str:
        return target

    def check(self) -> list[str]:
        try:
            with tempfile.TemporaryDirectory(prefix="marlin-check-") as folder:
                done = self.run(Command(("/bin/sh", "-c", "id -u"), {}, Path(folder)), Limits(wall=60))
        except SandboxUnusable as why:
            return [str(why)]
        if done.exit_code != 0 or done.stdout.strip() != b"%d" % self.uid:
            return ["A trivial command did not run in a container as it should."]
        return []

    def reap(self) -> int:
        """Remove containers of processes of this machine that are no more: the engine outlives its client."""
        template = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
        listed = self._engine("ps", "--all", "--filter", f"label={LABEL}", "--format", template)
        left = [line.split()[0] for line in listed.splitlines() if _is_left(line.split()[-1])]
        if left:
            self._engine("rm", "--force", "--volumes", *left)
        return len(left)

    def _ran_out_of_memory(self, name: str) -> bool:
        told = self._engine("inspect", "--format", "{{json .State.OOMKilled}}", name)
        try:
            return json.loads(told) is True
        except ValueError:
            return False

    def _engine(self, *arguments: str) -> str:
        """What the engine says; nothing when it cannot be asked, or has no such container any more."""
        try:
            done = subprocess.run(
                [self.engine, *arguments],
                env=_engines_own(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout.strip()


def _mounts(command: Command) -> list[Mount]:
    home = [] if command.home is None else [Mount(command.home, HOME, writable=True)]
    mounts = [*home, Mount(command.worktree, WORKSPACE, writable=True), *command.mounts]
    for mount in mounts:
        if not mount.target.startswith("/") or ".." in Path(mount.target).parts:
            raise SandboxUnusable(f"The mount target {mount.target} is not an absolute path.")
        if "," in f"{mount.source}{mount.target}" or not mount.source.exists():
            raise SandboxUnusable(f"{mount.source} cannot be shown to the command.")
    return mounts


def _described(mount: Mount) -> str:
    described = f"type=bind,source={mount.source.resolve()},target={mount.target}"
    return described if mount.writable else f"{described},readonly"


def _environment(command: Command) -> dict[str, str]:
    ours = {
        "HOME": HOME,
        "USER": "dev",
        "LOGNAME": "dev",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",  # noqa: S108  the container's own
    }
    return {**ours, "PATH": PATH, **command.env}


def _hidden(command: Command) -> dict[str, str]:
    """What may be a key: named on the command line, and valued in the client's environment alone.

    The client reads some names itself, which a command's own would send elsewhere; none of those is a key.
    """
    return {name: value for name, value in command.env.items() if name not in ENGINES_OWN}


def _engines_own() -> dict[str, str]:
    return {name: os.environ[name] for name in ENGINES_OWN if name in os.environ}


def _is_left(label: str) -> bool:
    machine, _, process = label.rpartition(":")
    return machine == socket.gethostname() and process.isdigit() and not Path(f"/proc/{process}").exists()
