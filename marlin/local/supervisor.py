"""`make run`: servers, migrations, the demo, then web, workers and beat, until somebody says stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from marlin.local import CannotServe
from marlin.local.area import Area
from marlin.local.processes import spawn, stop
from marlin.local.servers import ROLES, Servers, servers_in

#: Which addresses a process may know. The login follows from the process, and none needs another's password.
LOGINS = {"owner": {"owner"}, "web": {"web", "unblind"}, "worker": {"worker"}}

#: Seconds a service that keeps dying waits before it is started again, doubling from the first to the second.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: A service that lived so many seconds has recovered.
RECOVERED = 60.0

#: `make run` is for developing: pages explain errors, and the demo's repository lies on this disk.
DEVELOPMENT = {"DEBUG": "true", "ALLOW_LOCAL_REPOSITORIES": "true"}

Steps = tuple[tuple[signal.Signals, float], ...]


class Stop(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def stop_on_signals() -> None:
    """The first signal ends what is running by an exception; those after it wait for the tidying up."""

    def handle(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stop(number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, handle)


def run(area: Area, root: Path, given: Mapping[str, str]) -> int:
    """Serves Marlin from the checkout `root` until a signal comes."""
    port = _port(given)
    _refuse_taken(port)
    with servers_in(area, given, defaults=DEVELOPMENT) as servers:
        supervisor = Supervisor(area, root, servers, port)
        with contextlib.suppress(Stop):
            supervisor.prepare()
            with supervisor.services():
                supervisor.watch()
    return 0


def with_servers(area: Area, given: Mapping[str, str], command: Sequence[str], *, fast: bool) -> int:
    """Runs one command beside servers of its own and returns its exit code."""
    with servers_in(area, given, fast=fast) as servers:
        process = spawn(command, env=servers.environment, own_session=False)
        try:
            code = process.wait()
        except Stop as why:
            if why.number == signal.SIGINT and os.isatty(0):
                # Ctrl-C reaches the whole terminal, so the command is about to end by itself.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
            stop(process, [(signal.Signals(why.number), 10), (signal.SIGTERM, 5)], group=False)
            return 128 + why.number
    return code if code >= 0 else 128 - code


@dataclass
class Service:
    """One long-running child, and how it is asked to go."""

    name: str
    process: str  # owner, web or worker: see LOGINS
    command: Sequence[str | Path]
    steps: Steps
    on_our_death: signal.Signals
    serves_others: bool = False  # goes only when they are gone
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float | None = None  # when to start again, while it is dead


class Supervisor:
    """Starts the services, restarts those that die, prefixes what they print."""

    def __init__(self, area: Area, root: Path, servers: Servers, port: int) -> None:
        self.area = area
        self.root = root
        self.servers = servers
        self.port = port
        self.output = threading.Lock()
        self.seeding: subprocess.Popen[bytes] | None = None
        self.demo = area.logs / "demo.log"  # what its seeding says
        self.all = _services(area, port)

    def prepare(self) -> None:
        """Brings the database to this version of the code, which also sets everybody's privileges."""
        self._manage("migrate", "owner")

    @contextlib.contextmanager
    def services(self) -> Iterator[None]:
        try:
            for service in self.all:
                self._start(service)
                if service.name == "web" and self._has_demo():
                    self.seeding = self._seed()
            yield
        finally:
            self.say("Stopping.")
            if self.seeding:
                stop(self.seeding, [(signal.SIGTERM, 2)])
            self._stop(service for service in self.all if not service.serves_others)
            self._stop(service for service in self.all if service.serves_others)

    def watch(self) -> None:
        greeted = False
        while True:
            for name in self.servers.restart_dead():
                self.say(f"{name} had died and runs again.")
            for service in self.all:
                self._look_after(service)
            if not greeted and self._is_up():
                greeted = True
                self._greet()
            time.sleep(0.1)

    def say(self, line: str) -> None:
        self._print("marlin", line)

    def _manage(self, command: str, process: str) -> None:
        child = self._spawn(command, process, [sys.executable, "manage.py", command])
        try:
            code = child.wait()
        finally:
            stop(child, [(signal.SIGTERM, 5)])
        if code:
            raise CannotServe(f"manage.py {command} failed; its reasons are above.")

    def _start(self, service: Service) -> None:
        service.child = self._spawn(service.name, service.process, service.command, service.on_our_death)
        service.started, service.due = time.monotonic(), None

    def _stop(self, services: Iterable[Service]) -> None:
        """All at once: each takes seconds to finish what it holds."""

        def end(service: Service) -> None:
            if service.child:
                stop(service.child, service.steps)
                service.child = None

        with ThreadPoolExecutor() as pool:
            list(pool.map(end, services))

    def _look_after(self, service: Service) -> None:
        now = time.monotonic()
        if service.due is not None:
            if now >= service.due:
                self._start(service)
            return
        if service.child is None or service.child.poll() is None:
            return
        # What the dead one had started must not meet its successor.
        code = stop(service.child, ())
        if now - service.started > RECOVERED:
            service.pause = FIRST_PAUSE
        self.say(f"{service.name} ended with {code}; starting it again in {service.pause:g} s.")
        service.child, service.due = None, now + service.pause
        service.pause = min(service.pause * 2, LONGEST_PAUSE)

    def _seed(self) -> subprocess.Popen[bytes]:
        with self.demo.open("wb") as output:
            return spawn(
                [sys.executable, "manage.py", "seed_demo"],
                env=self._environment("worker"),
                cwd=self.root,
                output=output,
            )

    def _spawn(
        self,
        name: str,
        process: str,
        command: Sequence[str | Path],
        on_our_death: signal.Signals = signal.SIGTERM,
    ) -> subprocess.Popen[bytes]:
        child = spawn(
            command,
            env=self._environment(process),
            cwd=self.root,
            output=subprocess.PIPE,
            on_our_death=on_our_death,
        )
        assert child.stdout
        threading.Thread(target=self._relay, args=(name, child.stdout), daemon=True).start()
        return child

    def _environment(self, process: str) -> dict[str, str]:
        hidden = {f"DATABASE_URL_{role.upper()}" for role in ROLES if role not in LOGINS[process]}
        known = {name: value for name, value in self.servers.environment.items() if name not in hidden}
        return {**known, "MARLIN_PROCESS": process, "PYTHONUNBUFFERED": "1"}

    def _has_demo(self) -> bool:
        return next(self.root.glob("*/management/commands/seed_demo.py"), None) is not None

    def _is_up(self) -> bool:
        if self.seeding and self.seeding.poll() is None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _greet(self) -> None:
        lines = [f"Marlin is ready at http://localhost:{self.port}"]
        if self.seeding and self.seeding.returncode:
            lines.append("The demo could not be made:")
        if self.seeding:
            lines += self.demo.read_text(errors="replace").splitlines()
        self.say("\n".join([*lines, "Ctrl-C stops it."]))

    def _relay(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self._print(name, line.decode(errors="replace").rstrip("\n"))

    def _print(self, name: str, text: str) -> None:
        # Whoever read our output may have gone; that is no reason to stop serving.
        with self.output, contextlib.suppress(OSError):
            for line in text.split("\n"):
                print(f"{name:<10}| {line}", flush=True)


def _services(area: Area, port: int) -> list[Service]:
    # `migrate` has just checked the project.
    celery = [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "-A", "marlin.celery:app"]
    # Warm, then cold, then by force: a run that is cut short is found by the sweep and run again.
    worker_steps: Steps = ((signal.SIGTERM, 4), (signal.SIGQUIT, 7))
    worker = ["worker", "--pool", "prefork", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    return [
        Service(
            "web",
            "web",
            [
                *(sys.executable, "-m", "gunicorn", "marlin.wsgi:application"),
                *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
                *("--bind", f"127.0.0.1:{port}", "--graceful-timeout", "5", "--no-control-socket"),
            ],
            steps=((signal.SIGTERM, 7),),
            on_our_death=signal.SIGINT,  # gunicorn's quick shutdown
        ),
        Service(
            "beat",
            "worker",
            [
                *celery,
                "beat",
                "--loglevel",
                "WARNING",
                "--pidfile=",
                f"--schedule={area.var / 'beat-schedule'}",
            ],
            steps=((signal.SIGTERM, 5),),
            on_our_death=signal.SIGTERM,
        ),
        Service(
            "gateway",
            "worker",
            [sys.executable, "manage.py", "run_gateway"],
            steps=((signal.SIGTERM, 5),),
            on_our_death=signal.SIGTERM,
            serves_others=True,
        ),
        # Two workers, so that sweeps and pages never wait behind agents that think for an hour.
        Service(
            "worker",
            "worker",
            [*celery, *worker, "--queues", "default", "--concurrency", "2", "--hostname", "default@%h"],
            steps=worker_steps,
            on_our_death=signal.SIGQUIT,
        ),
        Service(
            "generator",
            "worker",
            [*celery, *worker, "--queues", "generate", "--concurrency", "2", "--hostname", "generate@%h"],
            steps=worker_steps,
            on_our_death=signal.SIGQUIT,
        ),
    ]


def _port(given: Mapping[str, str]) -> int:
    value = given.get("PORT") or "8000"
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise CannotServe(f"PORT is {value!r}; it must be a number from 1 to 65535.")
    return int(value)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        # As the web server will: a connection that is still closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as why:
            raise CannotServe(
                f"Port {port} cannot be used: {os.strerror(why.errno or 0)}. Set PORT to another."
            ) from None
