"""What every chart has: a picture, the same numbers as a table, its n and its method; and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grading.results import sentences
from grading.results.look import Look
from grading.results.svg import Canvas, Scale, scale_of

#: Widths in user units: one unit is about a pixel in a window of 1280.
HALF, THIRD = 590, 380
#: Every gauge shades what is harmless.
HARMLESS_SIDE, HARMLESS_GUESS = 0.03, 0.1


@dataclass(frozen=True)
class Cell:
    """One cell of the heat map."""

    share: float | None
    n: int
    shade: str
    words: str
    address: str = ""


@dataclass(frozen=True)
class Gauge:
    """One number that should be near a certain place, and whether it is."""

    title: str
    shape: str
    state: str
    svg: str
    words: str = ""
    address: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a chart that is a table."""

    cells: Sequence[object]
    link: str
    state: str


@dataclass(frozen=True)
class Chart:
    """`why_not` stands instead of the picture where there is nothing to draw. `links` go with the rows."""

    key: str
    title: str
    about: str
    method: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    n: str = ""
    svg: str = ""
    why_not: str = ""
    links: Sequence[str] = ()
    legend: Sequence[tuple[str, str]] = ()
    heat: Sequence[tuple[str, Sequence[Cell | None]]] = ()
    gauges: Sequence[Gauge] = ()
    #: Shown as a table at once, without a picture.
    plain: bool = False
    states: Sequence[str] = ()

    @property
    def lines(self) -> list[Line]:
        """Rows of a plain table, with the sign of each."""
        links = self.links or [""] * len(self.rows)
        states = self.states or [""] * len(self.rows)
        return [Line(*each) for each in zip(self.rows, links, states, strict=True)]

    @property
    def table(self) -> list[tuple[Sequence[object], str]]:
        links = self.links or [""] * len(self.rows)
        return list(zip(self.rows, links, strict=True))


def preferences(count: int) -> str:
    return f"{count:,} preference{'s' * (count != 1)}"


def tasks(count: int) -> str:
    return f"{count:,} task{'s' * (count != 1)}"


def without(chart: Chart, why: str) -> Chart:
    return replace(chart, why_not=why, legend=())


def drawn(chart: Chart, rows: Sequence[Sequence[object]], links: Sequence[str], svg: str) -> Chart:
    return replace(chart, rows=rows, links=links, svg=svg)


def too_little(look: Look) -> str:
    why = sentences.nothing_to_say(look)
    # Arms that hang together somewhere can still be compared with each other there.
    return "" if why and look.versus(look.arm, look.reference) and sentences.disconnected(look) else why


def of_arm(told: Any, arm: int) -> tuple[Any, Any]:
    return (None, None) if isinstance(told, str) else tuple(told.get(str(arm)) or (None, None))


def between(low: float | None, high: float | None, write: Callable[[float], str]) -> str:
    return "" if low is None or high is None else f", {write(low)} to {write(high)}"


def logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def name_width(look: Look) -> float:
    """Room for the names at the left, in user units."""
    longest = max((len(look.name(arm)) for arm in look.arms), default=5)
    return min(150.0, max(56.0, 7.2 * longest))


def letters(width: float) -> int:
    return int(width / 6.8)


def percent_scale(values: Sequence[float], start: float, end: float) -> Scale:
    scale = scale_of(values, start, end, about=0.5, least=0.12)
    return Scale(max(0.0, scale.low), min(1.0, scale.high), start, end)


def grid(
    canvas: Canvas,
    scale: Scale,
    top: float,
    bottom: float,
    *,
    zero: float,
    write: Callable[[float], str],
) -> None:
    """Lines and their values below; that of no difference is always there."""
    ticks = scale.ticks(6)
    for value in ticks:
        if abs(value - zero) > 1e-9:
            canvas.line(scale(value), top, scale(value), bottom, "grid")
        canvas.text(scale(value), bottom + 18, write(value), "mid")
    canvas.line(scale(zero), top, scale(zero), bottom, "zero")
    if not any(abs(scale(value) - scale(zero)) < 40 for value in ticks):
        canvas.text(scale(zero), bottom + 18, write(zero), "mid")


def band(
    canvas: Canvas, scale: Scale, about: float, half: float, top: float, bottom: float, *, rounded: float = 0
) -> None:
    left, right = scale(about - half), scale(about + half)
    canvas.rect(left, top, right - left, bottom - top, "band", rounded=rounded)
