"""Pairs served as in production: stored by the real job, read through gunicorn by somebody who holds the task."""

from __future__ import annotations

import gzip
import http.client
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from django.db import transaction

from grading.models import Fragment, PairPage
from tasks.generation import places
from tasks.git import mirrors, patches
from tasks.models import Repository
from tests import factories
from tests.benchmarks.pairs import Pair
from tests.browser.site import Person, Site
from tests.conftest import files_below
from tests.stack import Stack, eventually

#: What a server in production sets, but for HTTPS, which a proxy before it would speak.
PRODUCTION = {
    "DEBUG": "false",
    "HTTPS": "false",
    "HSTS_SECONDS": "0",
    "LOG_LEVEL": "INFO",
    "RUN_LEASE": "60",
    "HEARTBEAT": "15",
    "SWEEP": "20",
    "SEAL": "5",
    "RING_TIMEOUT": "2",
}
WORKERS = 2
STORED_WITHIN = 600.0  # seconds


@dataclass(frozen=True)
class Stored:
    """What the rendering job took and left."""

    turn: int
    seconds: float
    peak: int
    #: Compressed bytes of all fragments, and how many there are.
    bytes: int
    fragments: int
    index: dict[str, Any]

    def degraded(self) -> int:
        return sum(bool(file["degraded"]) for file in self.index["files"])


@dataclass(frozen=True)
class Answered:
    """One response: seconds until its last byte, what was sent, what it says once unpacked."""

    seconds: float
    sent: int
    body: bytes

    @property
    def packed(self) -> int:
        return len(gzip.compress(self.body, 6))


@dataclass(frozen=True)
class Asked:
    """The same request many times, and the CPU that the web spent on each."""

    answers: list[Answered]
    cpu: float


class Served(Site):
    """A stack with production's settings."""

    threads = 4 * WORKERS  # that answer, as Stack.start_web asks for

    def start(self) -> None:
        self.stack.start_worker(concurrency=1)
        self.start_web()

    def start_web(self) -> None:
        self.stack.manage("collectstatic", "--no-input", "--verbosity", "0")
        self.stack.start_web(workers=WORKERS)

    def store(self, pair: Pair) -> Stored:
        """Two finished candidates, and the bell of the job that renders them."""
        sides = pair.sides
        turn = self.do(lambda: finished_turn(self.stack, pair.name, pair.origin, pair.commit, sides))
        broker = Celery(broker=self.stack.valkey.url.replace("unix://", "redis+socket://", 1))
        broker.conf.task_default_queue = "default"
        with watched(self.stack.processes["worker"].pid) as worker:
            began = time.monotonic()
            broker.send_task("grading.jobs.render_pair", [turn, 1])
            eventually(lambda: self._pages(turn) == 2, within=STORED_WITHIN, why="The pair was not rendered.")
            seconds = time.monotonic() - began
        return self.do(lambda: _stored(turn, seconds, worker.peak))

    def _pages(self, turn: int) -> object:
        return self.stack.value("SELECT count(*) FROM grading_pairpage WHERE turn_id = %s", turn)

    def ask(self, path: str, person: Person, *, htmx: bool = False) -> Answered:
        """A request of a browser's, over a connection of its own, as a proxy would make one."""
        headers = {"Cookie": f"sessionid={person.session}", "Accept-Encoding": "gzip"}
        if htmx:
            headers["HX-Request"] = "true"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            began = time.perf_counter()
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            sent = response.read()
            seconds = time.perf_counter() - began
        finally:
            connection.close()
        assert response.status == 200, f"{path} answered {response.status}"
        packed = response.headers.get("Content-Encoding") == "gzip"
        return Answered(seconds, len(sent), gzip.decompress(sent) if packed else sent)

    def asked(self, path: str, person: Person, count: int, *, htmx: bool = False) -> Asked:
        """The same request so many times, once all that is kept between requests is there."""
        # Templates of every process, and a connection to the database of every thread.
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda _: self.ask(path, person, htmx=htmx), range(2 * self.threads)))
        before = self.web_cpu()
        answers = [self.ask(path, person, htmx=htmx) for _ in range(count)]
        return Asked(answers, (self.web_cpu() - before) / count)

    def web_cpu(self) -> float:
        """Seconds of CPU that the web's processes have spent together."""
        return sum(cpu_of(process) for process in tree_of(self.stack.processes["web"].pid))

    def web_peak(self) -> int:
        """Bytes of memory of the web's largest process, at its largest."""
        return max(memory_of(process, "VmHWM") for process in tree_of(self.stack.processes["web"].pid))


def finished_turn(
    stack: Stack,
    title: str,
    origin: Path,
    commit: str,
    sides: tuple[bytes, bytes],
    *,
    beside: Mapping[str, str] | None = None,
    **experiment: Any,
) -> int:
    """A task of two candidates that wrote these patches, ready to be rendered. Returns its turn's id.

    `beside` is set apart from both, by path.
    """
    with files_below(stack.directory):
        repository = Repository.objects.create(name=title, url=f"https://example.org/{title}.git")
        token = repository.take_lease(Repository.State.CLONING, 60)
        mirror = places.mirror_of(repository)
        mirrors.mirror(str(origin), mirror, allow_local=True)
        repository.cloned(head=commit, token=token)
        repository.passes()
        with transaction.atomic():  # or the worker would open the task, and run its agents, before us
            scenario = factories.make_scenario(repository=repository, base_commit=commit, title=title)
            made = factories.make_experiment(scenarios=[scenario], raters_wanted=50, **experiment)
            task = factories.make_task(made)
            turn = task.turns.get()
            for candidate, patch in zip(turn.candidates.all(), sides, strict=True):
                applied = patches.apply(mirror, commit, patch)
                files = [asdict(file) for file in applied.files]
                factories.finish_candidate(
                    candidate, beside=beside, patch=applied.patch, tree=applied.tree, files=files
                )
            return turn.pk


def _stored(turn: int, seconds: float, peak: int) -> Stored:
    page = PairPage.objects.filter(turn=turn).order_by("pk")[0]
    sizes = [len(body) for body in Fragment.objects.filter(page__turn=turn).values_list("body", flat=True)]
    return Stored(turn, seconds, peak, sum(sizes), len(sizes), page.index)


# --- Processes, as Linux tells of them --------------------------------------------------------------------------------


def tree_of(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for listed in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in listed.read_text().split()]
            except OSError:
                continue
    return found


def memory_of(pid: int, field: str) -> int:
    """Bytes; 0 for a process that has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return 1024 * int((status.partition(f"{field}:")[2].split() or ["0"])[0])


def cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watched:
    """The largest memory that a process and its children held together."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak = 0
        self.ended = threading.Event()

    def watch(self) -> None:
        while not self.ended.wait(0.1):
            self.peak = max(self.peak, sum(memory_of(each, "VmRSS") for each in tree_of(self.pid)))


@contextmanager
def watched(pid: int) -> Iterator[Watched]:
    watch = Watched(pid)
    thread = threading.Thread(target=watch.watch)
    thread.start()
    try:
        yield watch
    finally:
        watch.ended.set()
        thread.join()
