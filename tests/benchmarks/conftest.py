"""Each benchmark has a report, printed when it ends, and the same pairs to work on; nothing here judges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.benchmarks import pairs
from tests.benchmarks.contestants.node import Anchor, anchor_in
from tests.benchmarks.report import Report


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """A table of this benchmark's own, called after its file and its function."""
    file = request.path.stem.removeprefix("test_")
    report = Report(re.sub(r"[^\w.-]+", "-", f"{file}-{request.node.name.removeprefix('test_')}").strip("-"))
    yield report
    table = report.finish()
    # Figures are what a benchmark is for: they are seen whether it passed or not, and without -s.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n\n{table}", flush=True)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], pairs.Pair]:
    """The made pair of this size, the same one for all benchmarks."""
    return cache(lambda name: pairs.made(name, tmp_path_factory.mktemp("pairs") / name))


@pytest.fixture(scope="session")
def anchor(tmp_path_factory: pytest.TempPathFactory) -> Anchor:
    """diff2html, or the reason why it is not here."""
    return anchor_in(tmp_path_factory.mktemp("anchor"))
