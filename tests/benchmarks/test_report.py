"""The report itself: it must be right before anything is compared by it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.report import Report, percentile


def test_a_figure_stands_beside_its_anchor_and_its_goal(tmp_path: Path) -> None:
    report = Report("example", tmp_path)
    report.figure("page", 0.048, "s", beside=("elsewhere", 0.096), at_most=0.06, ratio_at_most=0.35)
    report.figure("first response", 154_200, "B", at_most=160_000)
    report.figure("share found", 0.9, at_least=0.8)
    table = report.finish()

    page, size, share = json.loads((tmp_path / "example.json").read_text())["figures"]
    assert (page["ratio"], page["met"]) == (0.5, False)
    assert (size["met"], share["met"]) == (True, True)
    assert "48.0 ms  96.0 ms elsewhere  0.5 x  ≤ 60.0 ms and ≤ 0.35 x  MISSED" in table
    assert "154 kB" in table


def test_percentiles_are_measured_values() -> None:
    assert percentile([1, 2, 3, 4], 0.5) == 2
    assert percentile([*range(1, 101)], 0.95) == 95
    assert percentile([7], 0.95) == 7
