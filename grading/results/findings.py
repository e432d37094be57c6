"""What the ballots say, as one dictionary for JSON: a number, or in its place the sentence why there is none.

Arms are numbers here, as they were masked; nothing in it names an agent, so it may be stored where raters' pages
can read. The shape is described in docs/results.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np

from grading.analysis import agreement, blindness, intervals, power, ratings, sections, sequential, tallies
from grading.analysis.cells import Guess
from grading.analysis.distributions import normal_quantile, wilson
from grading.analysis.intervals import Spread
from grading.analysis.ratings import Fit, NoEstimate
from grading.analysis.sections import DEFAULT, Study
from grading.analysis.sequential import Duel, Judged
from grading.analysis.votes import Floats, Ints, Votes
from grading.results.sentences import MARGIN

#: Changes when something in the dictionary means something else.
FORMAT = 1
ALPHA = 0.05
#: A rater with fewer shared turns cannot be told from chance.
LEAST_SHARED = 8
POINTS = (2, 3, 5, 10)

#: Arms in a sentence of grading.analysis.ratings: at its end, or in groups.
_NUMBERS = re.compile(r"(?<=tied with )[\d, ]+|\([\d, ]+\)")

Section: TypeAlias = dict[str, Any] | str


@dataclass(frozen=True, eq=False)
class Ballots:
    """Votes with their arms masked, and beside them what only a result needs."""

    votes: Votes
    guesses: tuple[Guess, ...]  # by repository, where one side is known to be newer
    answers: int  # to the question which side was newer, whether or not anybody knows
    styled: Votes  # those whose differences in style are looked at: all, or all of some tasks


def findings(ballots: Ballots, axes: Mapping[str, str]) -> dict[str, Any]:
    """Everything a page shows that depends on votes. `axes` are names by key, in the order of the rubric."""
    votes = ballots.votes
    study = Study(votes, DEFAULT)
    pairs = _pairs(votes)
    found: dict[str, Any] = _rounded(
        {
            "format": FORMAT,
            "counts": {"votes": votes.number, "tasks": len(votes.tasks), "raters": len(votes.raters)},
            "points": votes.points,
            "seen": _seen(votes),
            "overall": _axis(study),
            "axes": [
                {"key": key, "name": name, **_axis(Study(votes.of_axis(key), DEFAULT))}
                for key, name in axes.items()
                if key in votes.axes
            ],
            "pairs": pairs,
            "position": _said(_position, votes),
            "blinding": _said(_blinding, ballots),
            "agreement": _said(_agreement, votes),
            "raters": _raters(study),
            "style": _said(_style, ballots.styled),
            "plans": _plans(pairs),
        }
    )
    return found


def _said(find: Callable[..., dict[str, Any]], *values: Any) -> Section:
    """What is found, or why not."""
    try:
        return find(*values)
    except NoEstimate as why:
        return _of_arms(str(why))


def _of_arms(sentence: str) -> str:
    """Analysis calls what it compares models; here they are arms, and the page must not promise a name."""
    sentence = _NUMBERS.sub(lambda found: re.sub(r"\d+", r"Arm \g<0>", found[0]), sentence)
    return (
        sentence.replace("The models", "The arms")
        .replace("the models", "the arms")
        .replace("votes", "preferences")
    )


def _seen(votes: Votes) -> dict[str, int]:
    shown = [np.bincount(side, votes.counts, len(votes.models)) for side in (votes.first, votes.second)]
    return dict(zip(votes.models, (shown[0] + shown[1]).astype(int).tolist(), strict=True))


# --- Ratings ------------------------------------------------------------------------------------------------


def _axis(study: Study) -> dict[str, Any]:
    votes = study.votes
    levels = tallies.distribution(votes) if len(votes) else {}
    return {
        "n": votes.number,
        "fit": _said(lambda: _fit(study.headline)),
        "levels": {f"{one}-{other}": counts for (one, other), counts in levels.items()},
    }


def _fit(spread: Spread) -> dict[str, Any]:
    fit, by_task, both = spread.fit, spread.by_task, spread.two_way
    side = fit.coefficients["side"]
    return {
        "theta": dict(zip(fit.models, fit.theta.tolist(), strict=True)),
        "interval": _said(_intervals, fit, by_task),
        "wide": _said(_intervals, fit, both),
        "rank": _said(lambda: dict(zip(fit.models, intervals.rank_ranges(fit, by_task), strict=True))),
        "differences": _said(_differences, fit, by_task),
        "side": side,
        "notes": [covariance.note for covariance in (by_task, both) if covariance.note],
    }


def _intervals(fit: Fit, covariance: intervals.Covariance) -> dict[str, Any]:
    half = covariance.quantile() * covariance.errors(len(fit.models))
    return dict(zip(fit.models, zip(fit.theta - half, fit.theta + half, strict=True), strict=True))


def _differences(fit: Fit, covariance: intervals.Covariance) -> dict[str, Any]:
    """Of every two arms, the one with the lower number first: the difference and its interval."""
    return {
        f"{fit.models[one]}-{fit.models[other]}": (
            fit.theta[one] - fit.theta[other],
            *intervals.difference(fit, covariance, one, other),
        )
        for one in range(len(fit.models))
        for other in range(one + 1, len(fit.models))
    }


def _style(votes: Votes) -> dict[str, Any]:
    if not len(votes):
        raise NoEstimate("There are no votes.")
    fit = _fit(Spread(ratings.style_controlled(votes), votes))
    return {"n": votes.number, "theta": fit["theta"], "interval": fit["interval"]}


# --- Pairs ---------------------------------------------------------------------------------------------------


def _pairs(votes: Votes) -> list[dict[str, Any]]:
    if not len(votes):
        return []
    duels = {(duel.one, duel.other): duel for duel in sequential.duels(votes)}
    judged = sequential.judged(duels, ALPHA)
    rates = {(rate.model_a, rate.model_b): rate for rate in tallies.win_rates(votes)}
    paths = sequential.paths(votes, alpha=ALPHA, most=40)
    return [
        {
            "one": int(key[0]),
            "other": int(key[1]),
            "n": rates[key].votes,
            "wins": rates[key].wins,
            "losses": rates[key].losses,
            "ties": rates[key].ties,
            "tasks": (duel.wins, duel.losses, duel.ties),
            "interval": judged[key].interval,
            "e_value": judged[key].e_value,
            "decided": judged[key].decided,
            "state": _state(duel, judged[key]),
            "more": sequential.more_tasks(duel, ALPHA),
            "path": [
                (date.fromordinal(step.day).isoformat(), step.wins, step.losses, *step.interval)
                for step in paths[key]
            ],
        }
        for key, duel in duels.items()
    ]


def _state(duel: Duel, judged: Judged) -> str:
    if judged.decided:
        return "decided"
    if not duel.decided:
        return "none"
    low, high = judged.interval
    return "equivalent" if low > 0.5 - MARGIN and high < 0.5 + MARGIN else "keep"


def _plans(pairs: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """For some differences in points how many tasks a test needs that is looked at once, ties as seen so far."""
    decided = sum(sum(pair["tasks"][:2]) for pair in pairs)
    ties = sum(pair["tasks"][2] for pair in pairs)
    share = ties / (decided + ties) if decided else 0.0
    return [(points, math.ceil(power.votes_needed(0.5 + points / 100) / (1 - share))) for points in POINTS]


# --- Trust -------------------------------------------------------------------------------------------------------


def _position(votes: Votes) -> dict[str, Any]:
    if votes.number == 1:
        raise NoEstimate("There is only one vote, which shows no pattern.")
    bias = blindness.position_bias(votes)
    return {
        "left": bias.left,
        "right": bias.right,
        "ties": bias.ties,
        "share": bias.share,
        "interval": bias.interval,
        "p_value": bias.p_value,
    }


def _blinding(ballots: Ballots) -> dict[str, Any]:
    """Bang's index of both arms of the question, and the repositories in which raters guess right."""
    if ballots.answers and not ballots.guesses:
        raise NoEstimate("Nobody knows which side was newer: these agents have no release dates that differ.")
    found = sections.blinding(ballots.guesses)
    arms = found["arms"]
    groups = [
        {
            "by": "repository",
            "name": group["group"],
            "n": group["asked"],
            "leaks": group["leaks"],
            **_leak(group),
        }
        for group in found["groups"]
        if isinstance(group["leak"], dict)
    ]
    return {
        "n": found["asked"],
        "arms": [_bang(arms["newer_on_left"]), _bang(arms["newer_on_right"])],
        "pooled": _pooled(found),
        "james": found["james"] if isinstance(found["james"], str) else _index(found["james"]),
        "groups": sorted(groups, key=lambda group: (not group["leaks"], -group["value"])),
    }


def _bang(arm: Section) -> Section:
    if isinstance(arm, str):
        return arm
    return {"n": arm["correct"] + arm["wrong"] + arm["unknown"], **_index(arm["bang"])}


def _pooled(found: Mapping[str, Any]) -> Section:
    leak = found["leak"]
    return leak if isinstance(leak, str) else {"n": found["asked"], **_index(leak)}


def _leak(group: Mapping[str, Any]) -> dict[str, Any]:
    return _index(group["leak"])


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": index["value"], "interval": index["interval"]}


# --- Raters --------------------------------------------------------------------------------------------------------


def _agreement(votes: Votes) -> dict[str, Any]:
    if not len(votes):
        raise NoEstimate("There are no votes.")
    if len(votes.raters) < 2:
        raise NoEstimate("All votes are of one rater, so there is nobody to agree with.")
    shared = agreement.table_of(votes).shared
    if not len(shared.counts):
        raise NoEstimate(agreement.UNSHARED)
    return {**_alpha(shared), "weeks": list(_weeks(shared))}


def _weeks(shared: agreement.Table) -> Iterator[dict[str, Any]]:
    """Of the turns whose last rating came in each week, called by its Sunday."""
    for monday, week in shared.weeks:
        told = _said(_alpha, week)
        until = (date.fromordinal(monday) + timedelta(days=6)).isoformat()
        nothing = {"value": None, "interval": None, "shared": len(week.counts)}
        yield {"until": until} | (told if isinstance(told, dict) else nothing)


def _alpha(shared: agreement.Table) -> dict[str, Any]:
    coefficient = agreement.alpha_of(shared, "ordinal")
    return {"value": coefficient.value, "interval": coefficient.interval, "shared": len(shared.counts)}


def _raters(study: Study) -> list[dict[str, Any]]:
    """Everybody, those first who answer unlike the others."""
    votes = study.votes
    if not len(votes):
        return []
    hits, trials = _agreeing(votes)
    apart = _apart(votes)
    left, decided = (np.bincount(votes.rater, chosen, len(votes.raters)) for chosen in _lefts(votes))
    given = np.bincount(votes.rater, votes.counts, len(votes.raters)).astype(int)
    moves = _moves(study)
    level = 1 - ALPHA / max(1, len(votes.raters))  # as many chances to stand out as there are raters
    rows = []
    for at, rater in enumerate(votes.raters):
        others = hits.sum() - hits[at], trials.sum() - trials[at]
        elsewhere = left.sum() - left[at], decided.sum() - decided[at]
        reasons = [
            *_unlike(int(hits[at]), int(trials[at]), others, level),
            *_far(apart, at, level),
            *_sided(int(left[at]), int(decided[at]), elsewhere, level),
        ]
        rows.append(
            {
                "rater": rater,
                "n": int(given[at]),
                "agreeing": hits[at] / trials[at] if trials[at] else None,
                "left": left[at] / decided[at] if decided[at] else None,
                "influence": moves[at],
                "reason": "; ".join(reasons),
            }
        )
    return sorted(rows, key=lambda row: (not row["reason"], -(row["influence"] or 0), row["rater"]))


def _agreeing(votes: Votes) -> tuple[Ints, Ints]:
    """By rater in how many shared turns they had the direction of the others' majority, and of how many."""
    signs = np.sign(votes.canonical)
    others = np.bincount(votes.unit, signs)[votes.unit] - signs
    shared = (others != 0) & (signs != 0)
    size = len(votes.raters)
    hits = np.bincount(votes.rater, shared & (np.sign(others) == signs), size)
    return hits.astype(np.int64), np.bincount(votes.rater, shared, size).astype(np.int64)


def _apart(votes: Votes) -> Floats:
    """By rater the moments of how many steps their ratings lie from the mean of the others', over shared turns.

    [3, raters]: how many, their sum, the sum of their squares.
    """
    size = np.bincount(votes.unit)[votes.unit]
    total = np.bincount(votes.unit, votes.canonical)[votes.unit]
    shared = size > 1
    own = votes.canonical[shared]
    apart = np.abs(own - (total[shared] - own) / (size[shared] - 1))
    rater, count = votes.rater[shared], len(votes.raters)
    return np.stack([np.bincount(rater, each, count) for each in (np.ones(len(apart)), apart, apart**2)])


def _far(apart: Floats, at: int, level: float) -> list[str]:
    """By Welch's test, one-sided: being nearer than the others is no reason to look."""
    mine, others = apart[:, at], apart.sum(axis=1) - apart[:, at]
    if mine[0] < LEAST_SHARED or others[0] < LEAST_SHARED:
        return []
    spread = math.sqrt(sum(_variance(each) / each[0] for each in (mine, others)))
    ahead = mine[1] / mine[0] - others[1] / others[0]
    if not spread or ahead / spread < normal_quantile(level):
        return []
    return [f"lies {mine[1] / mine[0]:.1f} steps from the others, they {others[1] / others[0]:.1f}"]


def _variance(moments: Floats) -> float:
    """Of a sample, from its size, sum and sum of squares; steps are few, so no digits are lost."""
    size, total, squares = map(float, moments)
    return max(0.0, (squares - total**2 / size) / (size - 1))


def _lefts(votes: Votes) -> tuple[Ints, Ints]:
    return (votes.for_left > 0).astype(np.int64), (votes.for_left != 0).astype(np.int64)


def _unlike(hits: int, trials: int, others: tuple[int, int], level: float) -> list[str]:
    if trials < LEAST_SHARED or not others[1]:
        return []
    usual = others[0] / others[1]
    if wilson(hits, trials, level)[1] >= usual:
        return []
    return [f"agrees in {hits / trials:.0%} of shared turns, the others in {usual:.0%}".replace("%", " %")]


def _sided(left: int, decided: int, others: tuple[int, int], level: float) -> list[str]:
    if decided < LEAST_SHARED or not others[1]:
        return []
    usual = others[0] / others[1]
    low, high = wilson(left, decided, level)
    if low <= usual <= high:
        return []
    return [f"prefers the left in {left / decided:.0%}, the others in {usual:.0%}".replace("%", " %")]


def _moves(study: Study) -> list[float | None]:
    try:
        return list(sections.influence(study.headline).values())
    except NoEstimate:
        return [None] * len(study.votes.raters)


def _rounded(value: Any) -> Any:
    """Plain values of JSON; six digits are more than any of these numbers has."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}")
    return int(value) if isinstance(value, np.integer) else value
