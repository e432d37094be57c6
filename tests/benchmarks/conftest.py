"""Each benchmark has a report, printed when it ends; nothing here judges."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

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
