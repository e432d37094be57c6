"""The axes of the rubric: who is preferred on which, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grading.results.charts.chart import (
    HALF,
    Chart,
    between,
    drawn,
    grid,
    logistic,
    percent_scale,
    preferences,
    too_little,
    without,
)
from grading.results.look import Look
from grading.results.sentences import percent
from grading.results.svg import Canvas, Scale, short


def axes(look: Look) -> Chart:
    """By axis the share that the model gives the two best others against the reference."""
    shown = [
        look.arm,
        *[arm for arm in (look.ranked() or look.arms) if arm not in (look.arm, look.reference)],
    ][:2]
    base = Chart(
        key="axes",
        title="By axis",
        about=f"share preferred to {look.name(look.reference)}",
        method="The model of the ratings for each axis by itself; 95 % intervals clustered by task.",
        columns=("Axis", "Arm", "Share", "Low", "High", "n"),
        n=preferences(look.found["counts"]["votes"]),
        legend=[("subject" if arm == look.arm else "hollow", look.name(arm)) for arm in shown],
    )
    if why := too_little(look):
        return without(base, why)
    rows: list[list[object]] = []
    links, points = [], []
    for axis in look.found["axes"]:
        for arm in [look.arm, *[other for other in look.others if other != look.arm]]:
            told = look.difference(axis, arm, look.reference)
            if told is None:
                continue
            share, low, high = (logistic(value) for value in told)
            rows.append([axis["name"], look.name(arm), share, low, high, axis["n"]])
            links.append(look.behind(arm=arm, other=look.reference, axis=axis["key"]))
            if arm in shown:
                points.append((axis["key"], arm, share, low, high))
    if not rows:
        reasons = {axis["fit"] for axis in look.found["axes"] if isinstance(axis["fit"], str)}
        return without(base, next(iter(sorted(reasons)), "No axis was rated for these two."))
    return drawn(base, rows, links, _dots(look, shown, points))


def _dots(look: Look, shown: list[int], points: Sequence[tuple[str, int, float, float, float]]) -> str:
    axes = look.found["axes"]
    row = 38
    said = "; ".join(
        f"{next(axis['name'] for axis in axes if axis['key'] == key)}: {look.name(arm)} {percent(share)}"
        f"{between(low, high, percent)}"
        for key, arm, share, low, high in points
    )
    canvas = Canvas(
        HALF, 34 + row * len(axes), f"Share preferred to {look.name(look.reference)} by axis. {said}."
    )
    scale = percent_scale([value for point in points for value in point[2:]], 128, HALF - 16)
    bottom = 8 + row * len(axes)
    grid(canvas, scale, 4, bottom, zero=0.5, write=percent)
    for place, axis in enumerate(axes):
        y = 8 + row * place + row / 2
        canvas.text(0, y + 4, short(axis["name"], 19), "ink")
        mine = [point for point in points if point[0] == axis["key"]]
        if not mine:
            canvas.text(scale(0.5), y + 4, "not enough to say", "mid")
        for _, arm, share, low, high in mine:
            at = y if len(shown) == 1 else y - 6 + 12 * shown.index(arm)
            with canvas.group("subject" if arm == look.arm else "hollow"):
                canvas.line(scale(low), at, scale(high), at, "range")
                canvas.circle(scale(share), at, 5, "point")
    return canvas.markup()


def levels(look: Look) -> Chart:
    """How strong the preferences are, on each axis: a bar that grows from the middle to both sides."""
    one, other = look.arm, look.reference
    rated = [{"key": "overall", "name": "Overall", **look.found["overall"]}, *look.found["axes"]]
    strengths = _strengths(look.found["points"])
    counted = [(axis, _levels_of(axis, one, other)) for axis in rated]
    counted = [(axis, counts) for axis, counts in counted if sum(counts)]
    base = Chart(
        key="levels",
        title="How strong the preferences are",
        about=f"{look.name(one)} against {look.name(other)}",
        method="Share of preferences at each step of the scale.",
        columns=("Axis", *[_level_words(look, value, one, other) for value in strengths], "n"),
        n=preferences(sum(counted[0][1]) if counted else 0),
        legend=[
            ("less3", look.name(other)),
            *([("even", "alike")] if 0 in strengths else []),
            ("more3", look.name(one)),
        ],
    )
    if not counted:
        return without(base, f"{look.name(one)} and {look.name(other)} were never compared.")
    rows = [[axis["name"], *counts, sum(counts)] for axis, counts in counted]
    links = [
        look.behind(arm=one, other=other, axis="" if axis["key"] == "overall" else axis["key"])
        for axis, _ in counted
    ]
    return drawn(base, rows, links, _bars(look, strengths, counted))


def _levels_of(axis: Any, one: int, other: int) -> list[int]:
    """Counts from "the other clearly" to "the one clearly"."""
    counts = list(axis["levels"].get(f"{min(one, other)}-{max(one, other)}", []))
    return counts if one < other else counts[::-1]


def _strengths(points: int) -> list[int]:
    half = points // 2
    return [value for value in range(-half, half + 1) if value or points % 2]


def _level_words(look: Look, value: int, one: int, other: int) -> str:
    return "0" if not value else f"{look.name(one if value > 0 else other)} {abs(value)}"


def _bars(look: Look, strengths: list[int], counted: Sequence[tuple[Any, list[int]]]) -> str:
    row = 34
    one, other = look.name(look.arm), look.name(look.reference)
    said = "; ".join(
        f"{axis['name']}: {percent(_share_of(counts, strengths, -1))} {other}, "
        f"{percent(_share_of(counts, strengths, 1))} {one}"
        for axis, counts in counted
    )
    canvas = Canvas(HALF, 34 + row * len(counted), f"Strength of preference. {said}.")
    reach = max(
        max(_share_of(counts, strengths, sign) + _share_of(counts, strengths, 0) / 2 for sign in (-1, 1))
        for _, counts in counted
    )
    scale = Scale(-reach, reach, 168, HALF - 46)
    bottom = 8 + row * len(counted)
    for value in Scale(-reach, reach, 0, 1).ticks(7):
        canvas.line(scale(value), 4, scale(value), bottom, "zero" if not value else "grid")
        canvas.text(scale(value), bottom + 18, f"{abs(100 * value):.0f} %" if value else "0", "mid")
    for place, (axis, counts) in enumerate(counted):
        y = 8 + row * place + 6
        n = sum(counts)
        canvas.text(0, y + 15, short(axis["name"], 17), "strong" if axis["key"] == "overall" else "ink")
        left = _share_of(counts, strengths, -1) + _share_of(counts, strengths, 0) / 2
        at = -left
        for value, count in zip(strengths, counts, strict=True):
            canvas.rect(scale(at), y, scale(at + count / n) - scale(at), 20, _level_css(value, strengths[-1]))
            at += count / n
        canvas.text(160, y + 14, percent(_share_of(counts, strengths, -1)), "end")
        canvas.text(HALF, y + 14, percent(_share_of(counts, strengths, 1)), "end")
    return canvas.markup()


def _share_of(counts: Sequence[int], strengths: Sequence[int], sign: int) -> float:
    mine = sum(
        count for value, count in zip(strengths, counts, strict=True) if (value > 0) - (value < 0) == sign
    )
    return mine / sum(counts)


def _level_css(value: int, most: int) -> str:
    if not value:
        return "level even"
    strength = -(-3 * abs(value) // most)  # three shades, whatever the scale
    return f"level {'more' if value > 0 else 'less'}{strength}"
