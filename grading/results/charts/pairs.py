"""Two arms at a time: against the reference, everybody against everybody, the way to a decision, its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from grading.results import sentences
from grading.results.charts.chart import (
    HALF,
    THIRD,
    Cell,
    Chart,
    band,
    between,
    drawn,
    grid,
    letters,
    name_width,
    percent_scale,
    preferences,
    tasks,
    too_little,
    without,
)
from grading.results.look import Look, Versus
from grading.results.sentences import MARGIN, percent
from grading.results.svg import Canvas, Scale, short


def against(look: Look) -> Chart:
    """The share of decided tasks in which each arm was preferred to the reference, valid at any time."""
    base = Chart(
        key="reference",
        title="Against the reference",
        about=f"{look.name(look.reference)} is the reference",
        method=f"One voice a task. Grey: within {100 * MARGIN:.0f} points is alike. Intervals valid at any time.",
        columns=(
            "Arm",
            "Share",
            "Low",
            "High",
            "Preferred",
            "Not preferred",
            "Ties",
            "E-value",
            "State",
            "Tasks",
        ),
        n=tasks(look.found["counts"]["tasks"]),
    )
    if why := too_little(look):
        return without(base, why)
    order = [arm for arm in look.ranked() if arm != look.reference] or look.others
    pairs = [(arm, look.versus(arm, look.reference)) for arm in [*order, *set(look.others) - set(order)]]
    rows = [_against_row(look, arm, pair) for arm, pair in pairs]
    links = [look.behind(arm=arm, other=look.reference) for arm, _ in pairs]
    return drawn(base, rows, links, _shares(look, pairs))


def _against_row(look: Look, arm: int, pair: Versus | None) -> list[object]:
    if pair is None:
        return [look.name(arm), *[None] * 7, "never compared", 0]
    won, lost, ties = pair.tasks
    state = sentences.missing_short(look, pair)
    return [
        look.name(arm),
        pair.share,
        *pair.interval,
        won,
        lost,
        ties,
        pair.e_value,
        state,
        won + lost + ties,
    ]


def _shares(look: Look, pairs: Sequence[tuple[int, Versus | None]]) -> str:
    name = name_width(look)
    known = [(arm, pair) for arm, pair in pairs if pair and pair.share is not None]
    said = ". ".join(
        f"{look.name(arm)} {percent(pair.share or 0)}{between(*pair.interval, percent)}, "
        f"{sentences.missing_short(look, pair)}"
        for arm, pair in known
    )
    canvas = Canvas(HALF, 52 + 38 * len(pairs), f"Share preferred to {look.name(look.reference)}. {said}.")
    reach = [value for _, pair in known for value in (*pair.interval, pair.share or 0.5)]
    scale = percent_scale(reach, name + 14, HALF - 150)
    bottom = 24 + 38 * len(pairs)
    canvas.text(0, 12, "Arm")
    canvas.text(scale(0.5), 12, f"preferred to {short(look.name(look.reference), 20)}, per cent", "mid")
    band(canvas, scale, 0.5, MARGIN, 20, bottom)
    grid(canvas, scale, 20, bottom, zero=0.5, write=lambda value: f"{100 * value:.0f}")
    for place, (arm, pair) in enumerate(pairs):
        y = 42 + 38 * place
        with canvas.group("subject" if arm == look.arm else "other"):
            canvas.text(0, y + 4, short(look.name(arm), letters(name)), "strong")
            if pair and pair.share is not None:
                canvas.line(scale(pair.interval[0]), y, scale(pair.interval[1]), y, "range")
                canvas.circle(scale(pair.share), y, 6, "point")
        if pair and pair.share is not None:
            canvas.text(HALF, y - 3, f"{percent(pair.share)} {sentences.interval_of(pair)}", "end ink")
        canvas.text(HALF, y + 12, sentences.missing_short(look, pair), "end")
    return canvas.markup()


def heat(look: Look) -> Chart:
    """Row over column; a cell leads to its records."""
    base = Chart(
        key="heat",
        title="Who is preferred to whom",
        about="row over column",
        method="Share of preferences, half a win for a tie. n counts preferences.",
        columns=("Arm", "Over", "Share", "Wins", "Losses", "Ties", "n"),
        n=preferences(look.found["counts"]["votes"]),
    )
    if not look.found["pairs"]:
        return without(base, "No two arms were compared yet.")
    order = look.ranked() or look.arms
    order += [arm for arm in look.arms if arm not in order]
    rows: list[list[object]] = []
    links, grid = [], []
    for one in order:
        cells: list[Cell | None] = []
        for other in order:
            pair = look.versus(one, other) if one != other else None
            cells.append(_heat_cell(look, one, other, pair) if one != other else None)
            if pair:
                rows.append(
                    [
                        look.name(one),
                        look.name(other),
                        pair.votes_share,
                        pair.wins,
                        pair.losses,
                        pair.ties,
                        pair.votes,
                    ]
                )
                links.append(look.behind(arm=one, other=other))
        grid.append((look.name(one), cells))
    return replace(base, rows=rows, links=links, heat=grid)


def _heat_cell(look: Look, one: int, other: int, pair: Versus | None) -> Cell:
    names = f"{look.name(one)} over {look.name(other)}"
    if pair is None:
        return Cell(None, 0, "none", f"{names}: never compared")
    share = pair.votes_share
    words = f"{names}: {percent(share)} of {preferences(pair.votes)}"
    return Cell(share, pair.votes, _shade(share), words, look.behind(arm=one, other=other))


def _shade(share: float) -> str:
    away = abs(share - 0.5)
    strength = 3 if away >= 0.18 else 2 if away >= 0.09 else 1 if away >= 0.01 else 0
    return "even" if not strength else f"{'more' if share > 0.5 else 'less'}{strength}"


def path(look: Look) -> Chart:
    """The confidence sequence over decided tasks."""
    base = Chart(
        key="path",
        title="On the way to a decision",
        about=f"{look.name(look.arm)} over {look.name(look.reference)}, per cent",
        method="Confidence sequence: 95 %, valid however often one looks.",
        columns=("Until", "Decided tasks", "Share", "Low", "High"),
    )
    pair = look.versus(look.arm, look.reference)
    if pair is None:
        return without(base, f"{look.name(look.arm)} and {look.name(look.reference)} were never compared.")
    steps = [step for step in pair.path if step[2] is not None]
    if len(steps) < 2:
        return without(base, "The path begins when tasks were decided on two days.")
    rows = [[day, decided, share, low, high] for day, decided, share, low, high in steps]
    base = replace(base, n=f"{tasks(pair.decided_tasks)} decided")
    return drawn(base, rows, [""] * len(rows), _sequence(look, steps))


def _sequence(look: Look, steps: Sequence[tuple[str, int, float | None, float, float]]) -> str:
    last = steps[-1]
    across = Scale(0, last[1], 34, THIRD - 10)
    # The first steps know nothing; drawing all of that would flatten what matters.
    low = max(0.0, min(0.3, min(step[3] for step in steps[len(steps) // 3 :]) - 0.05))
    high = min(1.0, max(0.7, max(step[4] for step in steps[len(steps) // 3 :]) + 0.05))
    up = Scale(low, high, 262, 10)
    decided = _left_the_middle(steps)
    words = f"decided after {decided:,} tasks" if decided else "not decided yet"
    label = (
        f"Share of tasks in which {look.name(look.arm)} was preferred to {look.name(look.reference)}: "
        f"{percent(last[2] or 0)}{between(last[3], last[4], percent)} after {last[1]:,}, {words}."
    )
    canvas = Canvas(THIRD, 288, label)
    for value in up.ticks(6):
        canvas.line(34, up(value), THIRD - 4, up(value), "grid")
        canvas.text(28, up(value) + 4, f"{100 * value:.0f}", "end")
    canvas.line(34, up(0.5), THIRD - 4, up(0.5), "zero")
    area = [(across(step[1]), up(step[4])) for step in steps]
    area += [(across(step[1]), up(step[3])) for step in reversed(steps)]
    canvas.path(area, "band", closed=True)
    canvas.path([(across(step[1]), up(step[2] or 0)) for step in steps], "line subject")
    if decided:
        at = across(decided)
        canvas.line(at, 10, at, 262, "axis")
        end = at > THIRD - 130
        canvas.text(at - 6 if end else at + 6, 22, f"decided, {decided:,} tasks", "ink end" if end else "ink")
    for value in across.ticks(5):
        label = f"{value:,.0f} tasks" if value == 0 else f"{value:,.0f}"
        canvas.text(across(value), 282, label, "" if value == 0 else "mid")
    return canvas.markup()


def _left_the_middle(steps: Sequence[tuple[str, int, float | None, float, float]]) -> int | None:
    return next((step[1] for step in steps if step[3] > 0.5 or step[4] < 0.5), None)


def costs(look: Look) -> Chart:
    """What each pair cost until it was decided, or may still cost."""
    rows: list[list[object]] = []
    links, states = [], []
    for pair in look.found["pairs"]:
        versus = look.versus(pair["one"], pair["other"])
        assert versus is not None
        if (versus.share or 0) < 0.5:
            versus = look.versus(pair["other"], pair["one"])
            assert versus is not None
        name = f"{look.name(versus.one)} over {look.name(versus.other)}"
        more = (
            ""
            if versus.state in ("decided", "equivalent")
            else f"+ {sentences.cost(look, versus.more)}"
            if versus.more and versus.decided_tasks >= sentences.LEAST_DECIDED
            else "–"
        )
        rows.append([name, sentences.missing_short(look, versus), more])
        links.append(look.behind(arm=versus.one, other=versus.other))
        states.append("good" if versus.state in ("decided", "equivalent") else "waiting")
    return Chart(
        key="cost",
        title="Cost to decision",
        about=f"{sentences.money(_spent(look), look.found['currency'])} for what was accepted so far",
        method="Forecast from the share seen so far; a rough order of magnitude.",
        columns=("Pair", "State", "Still to pay"),
        rows=rows,
        links=links,
        states=states,
        n=tasks(look.found["counts"]["tasks"]),
        plain=True,
        why_not="" if rows else "No two arms were compared yet.",
    )


def _spent(look: Look) -> Decimal:
    return Decimal(look.found["spent"])
