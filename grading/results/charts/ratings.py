"""Ratings in log units: the forest plot, and what is left of it beside style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grading.results.charts.chart import (
    HALF,
    Chart,
    between,
    drawn,
    grid,
    letters,
    name_width,
    of_arm,
    preferences,
    without,
)
from grading.results.look import Look
from grading.results.svg import Canvas, scale_of, short, signed


def ratings(look: Look) -> Chart:
    """A forest plot: thick clustered by task, thin by task and rater."""
    fit = look.found["overall"]["fit"]
    base = Chart(
        key="ratings",
        title="Ratings",
        about="overall",
        method="Ordinal Bradley–Terry with a side term. Thick: clustered by task. Thin: by task and rater.",
        columns=(
            "Arm",
            "Rating",
            "Low",
            "High",
            "Low, two-way",
            "High, two-way",
            "Best rank",
            "Worst rank",
            "n",
        ),
        n=preferences(look.found["counts"]["votes"]),
    )
    if isinstance(fit, str):
        return without(base, look.told(fit))
    rows, links = [], []
    for arm in look.ranked():
        low, high = of_arm(fit["interval"], arm)
        wide = of_arm(fit["wide"], arm)
        best, worst = of_arm(fit["rank"], arm)
        n = look.found["seen"].get(str(arm), 0)
        rows.append((look.name(arm), fit["theta"][str(arm)], low, high, *wide, best, worst, n))
        links.append(look.behind(arm=arm))
    return drawn(base, rows, links, _forest(look, rows))


def _forest(look: Look, rows: Sequence[Sequence[Any]]) -> str:
    name = name_width(look)
    canvas = Canvas(HALF, 52 + 38 * len(rows), _forest_words(rows))
    reach = [value for row in rows for value in row[1:6] if value is not None]
    scale = scale_of(reach, name + 14, HALF - 186, about=0.0, least=0.2)
    bottom = 24 + 38 * len(rows)
    grid(canvas, scale, 20, bottom, zero=0.0, write=lambda value: signed(value, 1))
    canvas.text(0, 12, "Arm")
    canvas.text(scale(0), 12, "log units", "mid")
    canvas.text(HALF - 74, 12, "95 % interval", "end")
    canvas.text(HALF - 36, 12, "rank", "end")
    canvas.text(HALF, 12, "n", "end")
    for place, (words, theta, low, high, wide_low, wide_high, best, worst, n) in enumerate(rows):
        y = 42 + 38 * place
        with canvas.group("subject" if words == look.name(look.arm) else "other"):
            canvas.text(0, y + 4, short(words, letters(name)), "strong")
            if wide_low is not None:
                canvas.line(scale(wide_low), y, scale(wide_high), y, "range thin")
            if low is not None:
                canvas.line(scale(low), y, scale(high), y, "range")
            canvas.circle(scale(theta), y, 6, "point")
        said = f"{signed(low)} to {signed(high)}" if low is not None else "not known"
        canvas.text(HALF - 74, y + 4, said, "end ink")
        canvas.text(HALF - 36, y + 4, best if best == worst else f"{best}–{worst}", "end")
        canvas.text(HALF, y + 4, f"{n:,}", "end")
    return canvas.markup()


def _forest_words(rows: Sequence[Sequence[Any]]) -> str:
    return "Ratings in log units. " + " ".join(
        f"{row[0]} {signed(row[1])}{between(row[2], row[3], signed)}." for row in rows
    )


def style(look: Look) -> Chart:
    """Raw beside controlled: how much of a lead goes with length, files, tests and what was said."""
    told, fit = look.found["style"], look.found["overall"]["fit"]
    counted = look.found["counts"]["votes"]
    base = Chart(
        key="style",
        title="Style control",
        about="what is left beside length, files, tests, message and transcript",
        method="The same model with differences in style as covariates: a question, not a fairer rating.",
        columns=("Arm", "Raw", "Low", "High", "Controlled", "Low", "High", "n"),
        legend=[("subject", "raw"), ("hollow", "controlled")],
        n=preferences(counted if isinstance(told, str) else told.get("n", counted)),
    )
    if isinstance(fit, str):
        return without(base, look.told(fit))
    if isinstance(told, str):
        return without(base, look.told(told))
    rows = [
        [
            look.name(arm),
            fit["theta"][str(arm)],
            *of_arm(fit["interval"], arm),
            told["theta"].get(str(arm)),
            *of_arm(told["interval"], arm),
            look.found["seen"].get(str(arm), 0),
        ]
        for arm in look.ranked()
    ]
    return drawn(base, rows, [look.behind(arm=arm) for arm in look.ranked()], _both(look, rows, told))


def _both(look: Look, rows: Sequence[Sequence[Any]], told: Any) -> str:
    name, height = name_width(look), 40
    said = " ".join(f"{row[0]} raw {signed(row[1])}, controlled {signed(row[4])}." for row in rows)
    canvas = Canvas(HALF, 34 + height * len(rows), f"Ratings raw and with style controlled. {said}")
    reach = [value for row in rows for value in row[1:7] if value is not None]
    scale = scale_of(reach, name + 14, HALF - 110, about=0.0, least=0.2)
    bottom = 8 + height * len(rows)
    grid(canvas, scale, 4, bottom, zero=0.0, write=lambda value: signed(value, 1))
    for place, row in enumerate(rows):
        y = 8 + height * place + height / 2
        canvas.text(0, y + 4, short(row[0], letters(name)), "strong")
        for css, at, (theta, low, high) in (("subject", y - 6, row[1:4]), ("hollow", y + 6, row[4:7])):
            with canvas.group(css):
                if low is not None:
                    canvas.line(scale(low), at, scale(high), at, "range")
                canvas.circle(scale(theta), at, 5, "point")
        canvas.text(HALF, y + 4, f"{signed(row[1])} → {signed(row[4])}", "end ink")
    return canvas.markup()
