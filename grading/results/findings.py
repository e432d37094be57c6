"""What the ballots say, as one dictionary for JSON: a number, or in its place the sentence why there is none.

Arms are numbers here, as they were masked; nothing in it names an agent, so it may be stored where raters' pages
can read. The shape is described in docs/results.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from grading.analysis import agreement, blindness, intervals, power, ratings, sections, sequential, tallies
from grading.analysis.cells import Guess
from grading.analysis.distributions import normal_quantile, wilson
from grading.analysis.ratings import Fit, NoEstimate
from grading.analysis.sequential import Duel
from grading.analysis.votes import Floats, Ints, Votes
from grading.results.sentences import MARGIN

#: Changes when something in the dictionary means something else.
FORMAT = 1
ALPHA = 0.05
#: In `guess`: nobody asked.
NOT_ASKED = -1
#: A rater with fewer shared turns cannot be told from chance.
LEAST_SHARED = 8
POINTS = (2, 3, 5, 10)
#: Further than this a forecast says nothing.
MOST_MORE = 10_000

Section: TypeAlias = dict[str, Any] | str


@dataclass(frozen=True, eq=False)
class Ballots:
    """Votes with their arms masked, and beside them what only a result needs; each column is int[N]."""

    votes: Votes
    repository: Ints
    repositories: tuple[str, ...]
    newer: Ints  # 0 not known, 1 the first, 2 the second
    guess: Ints  # the same, or NOT_ASKED


def findings(ballots: Ballots, axes: Mapping[str, str]) -> dict[str, Any]:
    """Everything a page shows that depends on votes. `axes` are names by key, in the order of the rubric."""
    votes = ballots.votes
    pairs = _pairs(votes)
    found: dict[str, Any] = _rounded(
        {
            "format": FORMAT,
            "counts": {"votes": votes.number, "tasks": len(votes.tasks), "raters": len(votes.raters)},
            "points": votes.points,
            "seen": _seen(votes),
            "overall": _axis(votes),
            "axes": [
                {"key": key, "name": name, **_axis(votes.of_axis(key))}
                for key, name in axes.items()
                if key in votes.axes
            ],
            "pairs": pairs,
            "position": _said(_position, votes),
            "blinding": _said(_blinding, ballots),
            "agreement": _said(_agreement, votes),
            "raters": _raters(votes),
            "style": _said(_style, votes),
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
    return (
        sentence.replace("The models", "The arms")
        .replace("the models", "the arms")
        .replace("votes", "preferences")
    )


def _seen(votes: Votes) -> dict[str, int]:
    shown = [np.bincount(side, votes.counts, len(votes.models)) for side in (votes.first, votes.second)]
    return dict(zip(votes.models, (shown[0] + shown[1]).astype(int).tolist(), strict=True))


# --- Ratings ------------------------------------------------------------------------------------------------


def _axis(votes: Votes) -> dict[str, Any]:
    levels = tallies.distribution(votes) if len(votes) else {}
    return {
        "n": votes.number,
        "fit": _said(_fit, votes, partial(ratings.ordinal, side=True)),
        "levels": {f"{one}-{other}": counts for (one, other), counts in levels.items()},
    }


def _fit(votes: Votes, fitted: Callable[[Votes], Fit]) -> dict[str, Any]:
    fit = fitted(votes)
    spread = intervals.Spread(fit, votes)
    by_task, both = spread.by_task, spread.two_way
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
    fit = _fit(votes, ratings.style_controlled)
    return {"theta": fit["theta"], "interval": fit["interval"]}


# --- Pairs ---------------------------------------------------------------------------------------------------


def _pairs(votes: Votes) -> list[dict[str, Any]]:
    if not len(votes):
        return []
    duels = {(duel.one, duel.other): duel for duel in sequential.duels(votes)}
    decided = sequential.e_bh(
        {key: sequential.log_e_value(duel.wins, duel.losses) for key, duel in duels.items()}, ALPHA
    )
    rates = {(rate.model_a, rate.model_b): rate for rate in tallies.win_rates(votes)}
    return [
        {
            "one": int(key[0]),
            "other": int(key[1]),
            "n": rates[key].votes,
            "wins": rates[key].wins,
            "losses": rates[key].losses,
            "ties": rates[key].ties,
            "tasks": (duel.wins, duel.losses, duel.ties),
            "interval": sequential.confidence_sequence(duel.wins, duel.losses, ALPHA),
            "e_value": sequential.e_value(duel.wins, duel.losses),
            "decided": key in decided,
            "state": _state(duel, key in decided),
            "more": _more(duel),
            "path": _path(votes, duel),
        }
        for key, duel in duels.items()
    ]


def _state(duel: Duel, decided: bool) -> str:
    if decided:
        return "decided"
    if not duel.decided:
        return "none"
    low, high = sequential.confidence_sequence(duel.wins, duel.losses, ALPHA)
    return "equivalent" if low > 0.5 - MARGIN and high < 0.5 + MARGIN else "keep"


def _more(duel: Duel) -> int | None:
    """Tasks, some of which will be ties again."""
    decided = sequential.more_tasks(duel, ALPHA, most=MOST_MORE)
    return decided and math.ceil(decided * (duel.decided + duel.ties) / duel.decided)


def _path(votes: Votes, duel: Duel) -> list[Any]:
    one, other = votes.models.index(duel.one), votes.models.index(duel.other)
    steps = sequential.path(votes, one, other, alpha=ALPHA, most=40)
    return [
        (date.fromordinal(step.day).isoformat(), step.wins, step.losses, *step.interval) for step in steps
    ]


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
    guesses = list(_guesses(ballots))
    found = sections.blinding(guesses)
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


def _guesses(ballots: Ballots) -> Iterator[Guess]:
    """Counted by repository and rater, where somebody was asked and one is known to be newer."""
    votes = ballots.votes
    asked = (ballots.guess != NOT_ASKED) & (ballots.newer > 0)
    # On the left stands the first arm where `on_left`, else the second.
    newer = np.where((ballots.newer == 1) == votes.on_left, 0, 1)
    guess = np.where(ballots.guess == 0, 2, np.where((ballots.guess == 1) == votes.on_left, 0, 1))
    rows = np.stack([votes.rater, ballots.repository, newer, guess], axis=1)[asked]
    keys, counts = np.unique(rows, axis=0, return_counts=True)
    for (rater, repository, truth, answer), count in zip(keys.tolist(), counts.tolist(), strict=True):
        yield Guess(
            rater=votes.raters[rater],
            newer="LR"[truth],
            guess=("L", "R", "")[answer],
            group=ballots.repositories[repository],
            answers=count,
        )


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
    if shared.days is None:
        return
    mondays = shared.days - (shared.days - 1) % 7
    for monday in np.unique(mondays).tolist():
        week = shared.where(mondays == monday)
        told = _said(_alpha, week)
        until = (date.fromordinal(monday) + timedelta(days=6)).isoformat()
        nothing = {"value": None, "interval": None, "shared": len(week.counts)}
        yield {"until": until} | (told if isinstance(told, dict) else nothing)


def _alpha(shared: agreement.Table) -> dict[str, Any]:
    coefficient = agreement.alpha_of(shared, "ordinal")
    return {"value": coefficient.value, "interval": coefficient.interval, "shared": len(shared.counts)}


def _raters(votes: Votes) -> list[dict[str, Any]]:
    """Everybody, those first who answer unlike the others."""
    if not len(votes):
        return []
    hits, trials = _agreeing(votes)
    apart = _apart(votes)
    left, decided = (np.bincount(votes.rater, chosen, len(votes.raters)) for chosen in _lefts(votes))
    given = np.bincount(votes.rater, votes.counts, len(votes.raters)).astype(int)
    moves = _moves(votes)
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


def _apart(votes: Votes) -> tuple[Floats, Ints]:
    """By shared turn how many steps a rating lies from the mean of the others', and whose it is."""
    size = np.bincount(votes.unit)[votes.unit]
    total = np.bincount(votes.unit, votes.canonical)[votes.unit]
    shared = size > 1
    mean = (total[shared] - votes.canonical[shared]) / (size[shared] - 1)
    return np.abs(votes.canonical[shared] - mean), votes.rater[shared]


def _far(apart: tuple[Floats, Ints], at: int, level: float) -> list[str]:
    """By Welch's test, one-sided: being nearer than the others is no reason to look."""
    mine, others = (apart[0][chosen] for chosen in (apart[1] == at, apart[1] != at))
    if len(mine) < LEAST_SHARED or len(others) < LEAST_SHARED:
        return []
    spread = math.sqrt(mine.var(ddof=1) / len(mine) + others.var(ddof=1) / len(others))
    if not spread or (mine.mean() - others.mean()) / spread < normal_quantile(level):
        return []
    return [f"lies {mine.mean():.1f} steps from the others, they {others.mean():.1f}"]


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


def _moves(votes: Votes) -> list[float | None]:
    try:
        if len(votes.raters) < 2:
            raise NoEstimate("Nobody can be left out.")
        spread = intervals.Spread(ratings.ordinal(votes, side=True), votes)
        return list(np.abs(spread.influence).max(axis=1).tolist())
    except NoEstimate:
        return [None] * len(votes.raters)


def _rounded(value: Any) -> Any:
    """Plain values of JSON; six digits are more than any of these numbers has."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}")
    return int(value) if isinstance(value, np.integer) else value
