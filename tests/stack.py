"""A whole Marlin for one test: its own database, broker and work area, real servers under their own logins."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import psycopg

from marlin.local.area import area_at
from marlin.local.processes import spawn
from marlin.local.programs import programs_in
from marlin.local.valkey import Valkey
from tests import databases

Result = TypeVar("Result")

#: Leases and sweeps so short that a test sees them end; nothing else differs from a real server.
QUICK = {
    "RUN_LEASE": "4",
    "HEARTBEAT": "1",
    "SWEEP": "1",
    "PULL": "1",
    "SEAL": "1",
    "RING_TIMEOUT": "1",
    "DEBUG": "true",
    "ALLOW_LOCAL_REPOSITORIES": "true",
    "LOG_LEVEL": "WARNING",
}


def eventually(question: Callable[[], Result], *, within: float = 60, why: str = "") -> Result:
    """Ask until the answer is true; for what other processes do. Fails with `why` when it never is."""
    deadline = time.monotonic() + within
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(why or f"Not true within {within} seconds.")
        time.sleep(0.05)
    return answer


class Stack:
    """Starts and stops the parts. What is left running is killed at the end."""

    def __init__(self, directory: Path, database: str, extra: dict[str, str]) -> None:
        self.directory = directory
        self.database = database
        self.port = _free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **os.environ,
            **databases.urls_of(database),
            **QUICK,
            "MARLIN_WORK": str(directory / "work"),
            "MEDIA_ROOT": str(directory / "media"),
            "MARLIN_ROOT_WORKERS": "true",  # as `make run` allows it
            "MARLIN_GATEWAY_KEY": str(directory / "gateway" / "private.key"),
            **extra,
        }
        self.environment.pop("MARLIN_PROCESS", None)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @cached_property
    def valkey(self) -> Valkey:
        """Started when it is first needed: many tests want a database that commits and nobody to ring for."""
        valkey = _valkey_of(self.directory)
        valkey.start()
        return valkey

    def manage(self, *arguments: str) -> str:
        """Run a management command under the login it has in production."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=databases.ROOT,
            env={**self.environment, "REDIS_URL": self.valkey.url},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout

    def start_web(self, workers: int = 1) -> None:
        self._start(
            "web",
            *("gunicorn", "marlin.wsgi", "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread"),
            *("--workers", str(workers), "--threads", "4", "--log-level", "warning"),
        )
        eventually(self._answers, why="The web server does not answer; see its log.")

    def start_worker(self, name: str = "worker", concurrency: int = 2) -> None:
        self._start(
            name,
            *(
                "celery",
                "-A",
                "marlin",
                "worker",
                "--concurrency",
                str(concurrency),
                "-Q",
                "default,generate",
            ),
            *("--loglevel", "INFO", "--hostname", f"{name}@%h", "--without-mingle", "--without-gossip"),
        )

    def start_beat(self) -> None:
        schedule = self.directory / "beat-schedule"
        self._start("beat", "celery", "-A", "marlin", "beat", "--schedule", str(schedule))

    def start_gateway(self) -> None:
        self._start("gateway", "python", "manage.py", "run_gateway")

    def start_all(self) -> None:
        self.start_worker()
        self.start_beat()
        self.start_web()

    def kill(self, name: str) -> None:
        """As the machine would: the whole group at once, without a word."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """As an administrator would."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(timeout=30)

    def query(self, statement: str, *values: object, login: str = "OWNER") -> list[tuple[object, ...]]:
        """Ask the database, as its owner or under another login."""
        with psycopg.connect(databases.url_of(login, self.database), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def value(self, statement: str, *values: object) -> object:
        rows = self.query(statement, *values)
        return rows[0][0] if rows else None

    def log_of(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        if "valkey" in self.__dict__:
            self.valkey.stop()

    def _start(self, name: str, program: str, *arguments: str) -> None:
        log = (self.directory / f"{name}.log").open("ab")
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        process = "web" if name == "web" else "worker"
        self.processes[name] = spawn(
            command,
            cwd=databases.ROOT,
            env={**self.environment, "REDIS_URL": self.valkey.url, "MARLIN_PROCESS": process},
            output=log,
            # Tests that are killed, and all above them, must not leave workers behind. The kernel watches the thread
            # that starts it: start nothing from one that ends.
            on_our_death=signal.SIGKILL,
        )
        log.close()

    def _answers(self) -> bool:
        if self.processes["web"].poll() is not None:
            raise AssertionError(f"The web server ended:\n{self.log_of('web')[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


@contextmanager
def running_stack(**extra: str) -> Iterator[Stack]:
    """A stack with nothing started; its folders can be reached by agents' users."""
    with ExitStack() as cleanup:
        directory = Path(tempfile.mkdtemp(prefix="marlin-stack-", dir="/var/tmp"))
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        directory.chmod(0o711)
        (directory / "work").mkdir(mode=0o711)
        database = cleanup.enter_context(databases.clone(f"marlin_stack_{uuid.uuid4().hex[:12]}"))
        stack = Stack(directory, database, extra)
        cleanup.callback(stack.close)
        yield stack


def _valkey_of(directory: Path) -> Valkey:
    area = area_at(directory / "servers")
    return Valkey(
        folder=area.folder("valkey"),
        sockets=area.socket_folder("valkey"),
        program=programs_in(area).valkey,
        log=directory / "valkey.log",
        account=area.account,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
