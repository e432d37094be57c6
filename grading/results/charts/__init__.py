"""Every chart of a result page, drawn from findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grading.results.charts.axes import axes, levels
from grading.results.charts.chart import Chart
from grading.results.charts.pairs import against, costs, heat, path
from grading.results.charts.ratings import ratings, style
from grading.results.charts.trust import agreement, raters, trust
from grading.results.look import Look

__all__ = ["Chart", "charts"]

DRAWN: Sequence[Callable[[Look], Chart]] = (
    ratings,
    against,
    heat,
    axes,
    trust,
    path,
    costs,
    levels,
    style,
    agreement,
    raters,
)


def charts(look: Look) -> dict[str, Chart]:
    """All of them by their key, in the order of the page."""
    drawn = [draw(look) for draw in DRAWN]
    return {chart.key: chart for chart in drawn}
