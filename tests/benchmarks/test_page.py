"""The compare page from the server to the screen, beside diff2html's page of the same pair in the same browser."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Playwright, sync_playwright

from marlin.local import browser as chromium
from tests import databases
from tests.benchmarks import pairs
from tests.benchmarks.browsing import Load, visit
from tests.benchmarks.contestants.asking import Answer, Contestant
from tests.benchmarks.contestants.node import Anchor
from tests.benchmarks.report import QUICK, Report, median, percentile, rounds, sizes
from tests.benchmarks.served import PRODUCTION, WORKERS, Asked, Served, Stored
from tests.browser.site import Person
from tests.stack import running_stack

SIZES = sizes("typical", "large", "huge")
#: A page beyond this is not opened: Chromium would spend its minutes and gigabytes on the anchor alone.
MOST_ANCHOR = 60_000_000
OURS, THEIRS = ".diff tbody td", ".d2h-code-side-line"


@dataclass(frozen=True)
class Goals:
    """What research/diff-ui.md (5.4) and the issue ask of a pair of this size; None where they ask nothing."""

    page: float
    page_ratio: float
    cpu_ratio: float
    first: int
    first_packed: int
    readable: float
    ready_ratio: float | None
    nodes: int
    stored: float | None = None
    times_typical: float | None = None
    sent: int | None = None
    requests: int | None = None


GOALS = {
    "typical": Goals(0.06, 0.35, 0.1, 160_000, 40_000, 0.4, 0.5, 15_000, sent=300_000, requests=20),
    "large": Goals(0.1, 0.1, 0.2, 350_000, 90_000, 0.6, 0.05, 30_000, times_typical=1.5),
    "huge": Goals(0.15, 0.01, 0.15, 450_000, 110_000, 1.0, None, 40_000, times_typical=2.0, stored=60),
}
FRAGMENT = 0.025
BLOCKED = 0.1

#: Seconds until the typical pair was ready, for those that are measured by it.
typical: dict[str, float] = {}


@dataclass(frozen=True)
class Held:
    """A stored pair in the hands of a rater."""

    name: str
    pair: pairs.Pair
    stored: Stored
    rater: Person
    assignment: str

    @property
    def goals(self) -> Goals:
        return GOALS[self.name]

    def path(self, name: str, *args: int) -> str:
        return reverse(f"grading:{name}", args=[self.assignment, *args])


@pytest.fixture(scope="module")
def served(django_db_blocker: Any) -> Iterator[Served]:
    with running_stack(**PRODUCTION) as stack:
        served = Served(stack, django_db_blocker)
        served.start()
        yield served


@pytest.fixture(scope="module")
def held(served: Served, pair: Callable[[str], pairs.Pair]) -> Callable[[str], Held]:
    @cache
    def hold(name: str) -> Held:
        stored = served.store(pair(name))
        rater = served.person("Riley", "rater")
        return Held(name, pair(name), stored, rater, served.hand(rater, name))

    return hold


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def program() -> Path:
    return Path(os.environ.get("MARLIN_CHROMIUM") or chromium.find(databases.ROOT / "var"))


@dataclass(frozen=True)
class Drawn:
    """diff2html's page of both patches, A above B, and what it took to make."""

    answer: Answer
    colours: Answer
    folder: Path


@pytest.fixture(scope="module")
def drawn(
    anchor: Anchor, pair: Callable[[str], pairs.Pair], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Drawn | None]:
    @cache
    def draw(name: str) -> Drawn | None:
        return (
            None if anchor.missing else _drawn(anchor, pair(name), tmp_path_factory.mktemp(f"anchor-{name}"))
        )

    return draw


@pytest.mark.parametrize("name", SIZES)
def test_server(
    report: Report,
    served: Served,
    held: Callable[[str], Held],
    drawn: Callable[[str], Drawn | None],
    name: str,
) -> None:
    there, theirs = held(name), drawn(name)
    report.note(f"{there.pair.told()}; gunicorn with {WORKERS} workers, one request at a time.")
    _tell_stored(report, there.stored, there.goals)
    count = 5 if QUICK else 40
    asked = served.asked(there.path("compare"), there.rater, count)
    beside = ("diff2html + highlight.js, both patches", theirs.colours["cpu"]) if theirs else None
    _tell_seconds(
        report, "page", asked, at_most=there.goals.page, beside=beside, ratio=there.goals.page_ratio
    )
    first = asked.answers[0]
    report.figure("first response", len(first.body), "B", at_most=there.goals.first)
    report.figure("first response, gzip", first.packed, "B", at_most=there.goals.first_packed)
    report.figure("first response, as sent", first.sent, "B")
    _tell_parts(report, served, there, count)
    report.figure("memory of a web process at most", served.web_peak(), "B")


@pytest.mark.parametrize("name", SIZES)
def test_browser(
    report: Report,
    served: Served,
    held: Callable[[str], Held],
    drawn: Callable[[str], Drawn | None],
    playwright: Playwright,
    program: Path,
    name: str,
) -> None:
    there, theirs, goals = held(name), drawn(name), GOALS[name]
    report.note(f"{there.pair.told()}; Chromium headless, loopback, a fresh browser for each cold load.")
    address = f"{served.url}{there.path('compare')}"
    cold, warm, other = [], [], []
    with ExitStack() as stack:
        elsewhere = (
            stack.enter_context(_page_of(theirs)) if theirs and theirs.answer["bytes"] < MOST_ANCHOR else None
        )
        for _ in range(rounds(3)):
            with visit(playwright, program, served.url, there.rater, OURS) as ours:
                cold.append(ours.load(address))
                warm.append(ours.load(address))
            if elsewhere:
                with visit(playwright, program, elsewhere, None, THEIRS) as their:
                    other.append(their.load(elsewhere))
    _tell_loads(report, goals, name, cold, warm, other)
    if theirs and not other:
        report.note(f"diff2html's page has {theirs.answer['bytes'] / 1e6:.0f} MB and was not opened.")


@pytest.mark.parametrize("name", SIZES)
def test_scrolling(
    report: Report,
    served: Served,
    held: Callable[[str], Held],
    playwright: Playwright,
    program: Path,
    name: str,
) -> None:
    """From top to bottom at a speed at which nobody reads, while the files arrive."""
    there = held(name)
    with visit(playwright, program, served.url, there.rater, OURS) as ours:
        ours.load(f"{served.url}{there.path('compare')}")
        report.figure("memory of the page, loaded", ours.memory(), "B")
        found = ours.scroll(step=1200, seconds=20 if QUICK else 150)
        seconds = [gap / 1000 for gap in found["gaps"]]
        tasks = [task / 1000 for task in found["tasks"]]
        report.figure("scrolled", found["pixels"], "px")
        report.figure("taken", found["seconds"], "s")
        if not found["whole"]:
            report.note("The end was not reached in the time given.")
        report.figure("longest task", max(tasks, default=0.0), "s", at_most=BLOCKED)
        report.figure("tasks above 50 ms", len(tasks))
        report.figure("longest frame", max(seconds), "s", at_most=BLOCKED)
        report.figure("frame, p99", percentile(seconds, 0.99), "s")
        report.figure("share of looks at a file not yet there", found["blank"])
        report.figure("DOM nodes at the end", ours.nodes())
        report.figure("memory of the page at the end", ours.memory(), "B")
        for key in "jdk]":
            report.figure(
                f"key {key}, slowest of 5", max(ours.press(key) for _ in range(5)), "s", at_most=BLOCKED
            )
    report.figure("memory of a web process at most", served.web_peak(), "B")


# --- Server ------------------------------------------------------------------------------------------------------


def _tell_seconds(
    report: Report,
    what: str,
    asked: Asked,
    *,
    at_most: float | None = None,
    beside: tuple[str, float] | None = None,
    ratio: float | None = None,
) -> None:
    seconds = [answer.seconds for answer in asked.answers]
    report.figure(f"{what}, p50", percentile(seconds, 0.5), "s")
    report.figure(
        f"{what}, p95",
        percentile(seconds, 0.95),
        "s",
        at_most=at_most,
        beside=beside,
        ratio_at_most=ratio if beside else None,
    )
    report.figure(f"{what}, CPU of the web", asked.cpu, "s")


def _tell_stored(report: Report, stored: Stored, goals: Goals) -> None:
    report.figure("rendering job, from bell to page", stored.seconds, "s", at_most=goals.stored)
    report.figure("rendering job, memory of worker and child", stored.peak, "B")
    report.figure("stored, compressed", stored.bytes, "B")
    report.figure("stored, fragments", stored.fragments)
    report.figure("files that gave in to a cap", stored.degraded(), at_most=0)


def _tell_parts(report: Report, served: Served, there: Held, count: int) -> None:
    files = there.stored.index["files"]
    largest = max(range(len(files)), key=lambda number: _size(files[number]))
    middle = sorted(range(len(files)), key=lambda number: _size(files[number]))[len(files) // 2]
    for what, number in (("lazy fragment", middle), ("largest fragment", largest)):
        asked = served.asked(there.path("file", number), there.rater, count, htmx=True)
        _tell_seconds(report, what, asked, at_most=FRAGMENT)
        report.figure(
            f"{what}, as sent", asked.answers[0].sent, "B", beside=("unpacked", len(asked.answers[0].body))
        )
    for what, name, question in (
        ("search", "search", "q=self"),
        ("base", "base", f"path={files[middle]['path']}"),
    ):
        try:
            path = f"{there.path(name)}?{question}"
        except NoReverseMatch:
            report.note(f"There is no {what} page yet.")
            continue
        asked = served.asked(path, there.rater, count)
        _tell_seconds(report, what, asked)
        report.figure(f"{what}, as sent", asked.answers[0].sent, "B")


def _size(file: dict[str, Any]) -> int:
    return int(file["sizes"]["pair"] if "sizes" in file else file["size"])


# --- Browser -----------------------------------------------------------------------------------------------------


def _tell_loads(
    report: Report, goals: Goals, name: str, cold: list[Load], warm: list[Load], other: list[Load]
) -> None:
    def middle(loads: list[Load], field: str) -> float:
        return median([getattr(load, field) for load in loads])

    def beside(field: str) -> tuple[str, float] | None:
        return ("diff2html", middle(other, field)) if other else None

    ready = middle(cold, "settled")
    typical.setdefault(name, ready)
    readable = goals.readable
    report.figure(
        "code readable, cold", middle(cold, "readable"), "s", beside=beside("readable"), at_most=readable
    )
    report.figure("code readable, warm", middle(warm, "readable"), "s", at_most=readable)
    ratio = goals.ready_ratio if other else None
    report.figure("ready, cold", ready, "s", beside=beside("settled"), ratio_at_most=ratio)
    if goals.times_typical and "typical" in typical:
        anchor = ("typical", typical["typical"])
        report.figure("ready, cold", ready, "s", beside=anchor, ratio_at_most=goals.times_typical)
    report.figure("ready, warm", middle(warm, "settled"), "s")
    report.figure(
        "sent until quiet, cold", middle(cold, "bytes"), "B", beside=beside("bytes"), at_most=goals.sent
    )
    report.figure("sent until quiet, warm", middle(warm, "bytes"), "B")
    report.figure("requests, cold", middle(cold, "requests"), at_most=goals.requests)
    report.figure("requests, warm", middle(warm, "requests"))
    report.figure("DOM nodes", middle(cold, "nodes"), beside=beside("nodes"), at_most=goals.nodes)
    report.figure("longest task of loading", middle(cold, "longest"), "s", beside=beside("longest"))


def _drawn(anchor: Anchor, pair: pairs.Pair, folder: Path) -> Drawn:
    places = [folder / f"{letter}.patch" for letter in "AB"]
    for place, patch in zip(places, pair.sides, strict=True):
        place.write_bytes(patch)
    shutil.copy(anchor.style, folder / "diff2html.css")
    body = folder / "body.html"
    with Contestant(anchor.command, folder) as node:
        patches = "\n".join(map(str, places))
        answer = node.ask(patches=patches, highlight="no", page=str(body))
        # Compilers are warm now.
        colours = node.ask(patches=patches, highlight="yes")
    with (folder / "index.html").open("wb") as page:
        page.write(b'<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="diff2html.css">')
        page.write(body.read_bytes())
    return Drawn(answer, colours, folder)


@contextmanager
def _page_of(drawn: Drawn) -> Iterator[str]:
    """The anchor's page from a server that does nothing else."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    handler = partial(Quiet, directory=str(drawn.folder))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}/index.html"
        finally:
            server.shutdown()
            thread.join()
