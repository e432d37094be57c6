"""Whether to believe it: the place, the blinding, agreement, and raters who answer unlike the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from grading.results import sentences
from grading.results.charts.chart import (
    HALF,
    HARMLESS_GUESS,
    HARMLESS_SIDE,
    THIRD,
    Chart,
    Gauge,
    band,
    between,
    drawn,
    preferences,
    without,
)
from grading.results.look import Look
from grading.results.sentences import percent
from grading.results.svg import Canvas, Scale, scale_of, signed

#: So many raters are listed, those first who stand out.
MOST_RATERS = 8
#: An interval that reaches farther than this to either side of one half tells nothing of the place: fewer than a
#: hundred votes.
UNTOLD_SIDE = 0.1


def trust(look: Look) -> Chart:
    """Gauges: did the place matter, and did raters see through the blinding?"""
    position, blinding = look.found["position"], look.found["blinding"]
    gauges, rows, links = [], [], []
    n = []
    if isinstance(position, str):
        gauges.append(Gauge("Position", "waiting", "not known", "", position))
    else:
        gauges.append(_position(position))
        rows.append(
            ["Left preferred", position["share"], *position["interval"], position["left"] + position["right"]]
        )
        links.append(look.behind(side="left"))
        n.append(preferences(position["left"] + position["right"] + position["ties"]))
    if isinstance(blinding, str):
        gauges.append(Gauge("Blinding", "waiting", "not known", "", blinding))
    else:
        for gauge, row, address in _blindings(look, blinding):
            gauges.append(gauge)
            rows.append(row)
            links.append(address)
        for group in blinding["groups"]:
            rows.append([f"Leak in {group['name']}", group["value"], *group["interval"], group["n"]])
            links.append(look.behind(**{group["by"]: group["name"]}))
        if not isinstance(blinding["james"], str):
            james = blinding["james"]
            rows.append(["James' index", james["value"], *james["interval"], blinding["n"]])
            links.append("")
        n.append(f"{blinding['n']:,} guesses")
    return Chart(
        key="trust",
        title="Can it be trusted?",
        about="",
        method="Wilson's interval; Bang's index: 0 is chance, 1 is all seen through. Grey: harmless.",
        columns=("What", "Value", "Low", "High", "n"),
        rows=rows,
        links=links,
        n=", ".join(n),
        gauges=gauges,
    )


def _position(position: Any) -> Gauge:
    low, high = position["interval"]
    share = position["share"]
    if low > 0.5 or high < 0.5:
        side = "left" if share > 0.5 else "right"
        harm = abs(share - 0.5) > HARMLESS_SIDE
        shape, state = ("wants", f"favours the {side}") if harm else ("good", "hardly any")
    elif max(high - 0.5, 0.5 - low) > UNTOLD_SIDE:
        shape, state = "waiting", "not known yet"
    else:
        shape, state = "good", "balanced"
    words = f"A, on the left, was preferred in {percent(share, 1)} of what was decided."
    if shape == "wants":
        words += " The ratings allow for it while sides are balanced."
    scale = scale_of([low, high, share], 8, THIRD - 8, about=0.5, least=0.08)
    svg = _gauge(scale, share, low, high, 0.5, HARMLESS_SIDE, percent, words)
    return Gauge("Position", shape, state, svg, words)


def _blindings(look: Look, blinding: Any) -> list[tuple[Gauge, list[object], str]]:
    told = []
    scale = scale_of(
        [
            value
            for arm in (*blinding["arms"], blinding["pooled"])
            if not isinstance(arm, str)
            for value in arm["interval"]
        ],
        8,
        THIRD - 8,
        about=0.0,
        least=0.4,
    )
    titles = ("Newer one on the left", "Newer one on the right", "Both together")
    for title, arm in zip(titles, (*blinding["arms"], blinding["pooled"]), strict=True):
        if isinstance(arm, str):
            continue
        low, high = arm["interval"]
        shape, state = _holds(low, high)
        words = ""
        address = ""
        if title == titles[2]:
            words, address = _leaks(look, blinding)
        label = f"{title}: Bang's index {signed(arm['value'])}{between(low, high, signed)}"
        svg = _gauge(
            scale, arm["value"], low, high, 0.0, HARMLESS_GUESS, lambda value: signed(value, 1), label
        )
        told.append(
            (
                Gauge(f"Blinding: {title.lower()}", shape, state, svg, words, address),
                [title, arm["value"], low, high, arm["n"]],
                "",
            )
        )
    return told


def _holds(low: float, high: float) -> tuple[str, str]:
    if low > 2 * HARMLESS_GUESS:
        return "broken", "seen through"
    if low > 0:
        return "wants", "leaks" if low > HARMLESS_GUESS else "leaks a little"
    return ("good", "holds") if high < 3 * HARMLESS_GUESS else ("waiting", "not sure yet")


def _leaks(look: Look, blinding: Any) -> tuple[str, str]:
    """The groups in which raters guess right, worst first."""
    bad = [group for group in blinding["groups"] if group["leaks"]]
    if not bad:
        return "", ""
    worst = bad[0]
    words = f"Most right guesses come from the {worst['by']} {worst['name']}"
    if len(bad) > 1:
        words += f", then {sentences.listed([group['name'] for group in bad[1:4]])}"
    return f"{words}.", look.behind(**{worst["by"]: worst["name"]})


def _gauge(
    scale: Scale,
    value: float,
    low: float,
    high: float,
    about: float,
    harmless: float,
    write: Callable[[float], str],
    label: str,
) -> str:
    canvas = Canvas(THIRD, 40, label)
    band(canvas, scale, about, harmless, 4, 20, rounded=3)
    canvas.line(scale.start, 12, scale.end, 12, "axis")
    canvas.line(scale(about), 2, scale(about), 22, "zero")
    canvas.line(scale(low), 12, scale(high), 12, "range")
    canvas.circle(scale(value), 12, 5, "point")
    for tick in scale.ticks(5):
        if scale.start + 14 < scale(tick) < scale.end - 14:
            canvas.text(scale(tick), 36, write(tick), "mid")
    return canvas.markup()


def agreement(look: Look) -> Chart:
    """Krippendorff's alpha by week."""
    told = look.found["agreement"]
    base = Chart(
        key="agreement",
        title="Agreement over time",
        about="Krippendorff's α, ordinal",
        method="Over turns that two raters or more have rated; intervals resample tasks. 0.8 is firm, 0.667 tentative.",
        columns=("Until", "Alpha", "Low", "High", "Shared turns"),
    )
    if isinstance(told, str):
        return without(base, told)
    rows = [
        [week["until"], week["value"], *(week["interval"] or (None, None)), week["shared"]]
        for week in told["weeks"]
        if week["value"] is not None
    ]
    everything = ["in all", told["value"], *(told["interval"] or (None, None)), told["shared"]]
    base = replace(base, n=f"{told['shared']:,} shared turns")
    return drawn(
        base, [*rows, everything], [look.behind(shared="yes")] * (len(rows) + 1), _weeks(look, rows, told)
    )


def _day(iso: str) -> str:
    return f"{date.fromisoformat(iso):%-d %b}"


def _two(told: Any) -> str:
    low, high = told["interval"] or (None, None)
    return between(low, high, lambda value: f"{value:.2f}")


def _weeks(look: Look, rows: Sequence[Sequence[Any]], told: Any) -> str:
    height = 270
    said = f"Alpha in all {told['value']:.2f}{_two(told)}."
    said += " " + " ".join(f"Until {row[0]}: {row[1]:.2f}." for row in rows)
    canvas = Canvas(HALF, height, said)
    values = [value for row in rows for value in row[1:4] if value is not None]
    low = min([0.0, *values, told["value"]])
    up = Scale(max(-1.0, low), 1.0, height - 42, 12)
    across = Scale(0, max(1, len(rows)), 40, HALF - 60)
    for value in up.ticks(6):
        canvas.line(40, up(value), HALF - 60, up(value), "zero" if value == 0 else "grid")
        canvas.text(34, up(value) + 4, f"{value:.1f}".replace("-", "−"), "end")
    for value, words in ((0.667, "tentative"), (0.8, "firm")):
        canvas.line(40, up(value), HALF - 60, up(value), "mark")
        canvas.text(HALF - 54, up(value) + 4, words)
    every = max(1, -(-len(rows) // 6))
    with canvas.group("subject"):
        canvas.path([(across(place + 0.5), up(row[1])) for place, row in enumerate(rows)], "line")
        for place, row in enumerate(rows):
            x = across(place + 0.5)
            if row[2] is not None:
                canvas.line(x, up(row[2]), x, up(row[3]), "range")
            canvas.circle(x, up(row[1]), 5, "point")
    for place, row in enumerate(rows):
        if place % every == 0:
            canvas.text(across(place + 0.5), height - 20, _day(row[0]), "mid")
            canvas.text(across(place + 0.5), height - 4, f"n {row[4]:,}", "mid")
    return canvas.markup()


def raters(look: Look) -> Chart:
    """Who answers unlike the others: to look at, never to drop by itself."""
    told = look.found["raters"]
    rows: list[list[object]] = []
    links, states = [], []
    for rater in told[:MOST_RATERS]:
        rows.append(
            [
                f"Rater {rater['rater'][:6]}",
                rater["reason"] or "",
                rater["agreeing"],
                rater["left"],
                rater["influence"],
                rater["n"],
            ]
        )
        links.append(look.behind(rater=rater["rater"]))
        states.append("wants" if rater["reason"] else "")
    return Chart(
        key="raters",
        title="Raters",
        about=_raters_about(told),
        method="Agrees: with the others' majority, on shared turns. Moves: how far a rating goes without them.",
        columns=("Rater", "Look at it", "Agrees", "Left", "Moves", "n"),
        rows=rows,
        links=links,
        states=states,
        n=f"{len(told):,} rater{'' if len(told) == 1 else 's'}",
        plain=True,
        why_not="" if rows else "Nobody has rated yet.",
    )


def _raters_about(told: Sequence[Any]) -> str:
    odd = sum(bool(rater["reason"]) for rater in told)
    if not odd:
        return "nobody stands out"
    shown = f", the first {min(MOST_RATERS, len(told))} of {len(told):,}" if len(told) > MOST_RATERS else ""
    return f"{odd} {'stands' if odd == 1 else 'stand'} out{shown}"
