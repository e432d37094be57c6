"""When may one stop? Evidence that stays valid however often one looks, for one pair or many."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import numpy as np

from grading.analysis.distributions import Interval, log_beta
from grading.analysis.ratings import NoEstimate
from grading.analysis.votes import Votes

Key = TypeVar("Key", bound=Hashable)

#: Beyond this an e-value is written as this: e^700 is near the largest number there is.
MOST_LOG = 700.0
UNDATED = "The votes do not tell when they were given."


@dataclass(frozen=True)
class Duel:
    """Two models, and for how many tasks each was preferred."""

    one: str
    other: str
    wins: int
    losses: int
    ties: int

    @property
    def decided(self) -> int:
        return self.wins + self.losses


def log_e_value(wins: int, losses: int, share: float = 0.5) -> float:
    """ln of the evidence against "wins happen with probability `share`", by Robbins' (1970) mixture.

    E = B(1/2 + s, 1/2 + f) / B(1/2, 1/2) / (p^s (1 - p)^f). Under the null hypothesis E ever reaches 1/α with
    probability α at most (Ville 1939), however often one looks. Wins must come from independent tasks.
    """
    against = wins * _log(share) + losses * _log(1 - share)
    return log_beta(0.5 + wins, 0.5 + losses) - log_beta(0.5, 0.5) - against


def e_value(wins: int, losses: int) -> float:
    """As log_e_value, at most e^700."""
    return math.exp(min(MOST_LOG, log_e_value(wins, losses)))


def confidence_sequence(wins: int, losses: int, alpha: float = 0.05) -> Interval:
    """The shares p with E(p) < 1/α: contains the truth at all times at once with probability 1 - α."""
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between zero and one.")
    if not wins + losses:
        return 0.0, 1.0
    share = wins / (wins + losses)
    return _edge(wins, losses, alpha, share, 0.0), _edge(wins, losses, alpha, share, 1.0)


def _edge(wins: int, losses: int, alpha: float, inside: float, outside: float) -> float:
    """E grows from the observed share to both ends; the place where it reaches 1/α."""
    enough = -math.log(alpha)
    if log_e_value(wins, losses, outside) < enough:
        return outside
    for _ in range(100):
        middle = (inside + outside) / 2
        if log_e_value(wins, losses, middle) < enough:
            inside = middle
        else:
            outside = middle
    return outside


def _log(value: float) -> float:
    # Zero wins at a share of zero are no evidence, and 0 * -1e300 is zero where 0 * -inf is not a number.
    return math.log(value) if value > 0 else -1e300


def e_bh(log_values: Mapping[Key, float], alpha: float = 0.05) -> set[Key]:
    """Which of m hypotheses to reject: the k* with the largest E, k* = max{k : E_(k) >= m / (α k)}.

    Of those rejected, a share α at most is wrong on average, however they depend on each other (Wang and
    Ramdas 2022). Takes ln E.
    """
    ordered = sorted(log_values, key=lambda key: -log_values[key])
    most = 0
    for count, key in enumerate(ordered, 1):
        if log_values[key] >= math.log(len(ordered) / (alpha * count)):
            most = count
    return set(ordered[:most])


def duels(votes: Votes) -> list[Duel]:
    """Every two models that were compared. One voice for each task: the sign of its ratings' sum."""
    count = len(votes.models)
    low, high = np.minimum(votes.first, votes.second), np.maximum(votes.first, votes.second)
    keys, place = np.unique((votes.task * count + low) * count + high, return_inverse=True)
    sums = np.sign(np.bincount(place, votes.canonical * votes.counts, len(keys)))
    pairs = keys % (count * count)
    return [
        Duel(
            one=votes.models[pair // count],
            other=votes.models[pair % count],
            wins=int((sums[pairs == pair] > 0).sum()),
            losses=int((sums[pairs == pair] < 0).sum()),
            ties=int((sums[pairs == pair] == 0).sum()),
        )
        for pair in np.unique(pairs).tolist()
    ]


def more_tasks(duel: Duel, alpha: float = 0.05, most: int = 100_000) -> int | None:
    """About how many more decided tasks the e-value needs if the share stays as it is; None for too many."""
    if not duel.decided:
        return None
    share = max(duel.wins, duel.losses) / duel.decided

    def enough(decided: int) -> bool:
        wins = round(share * decided)
        return log_e_value(wins, decided - wins) >= -math.log(alpha)

    if enough(duel.decided):
        return 0
    if not enough(duel.decided + most):
        return None
    low, high = duel.decided, duel.decided + most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - duel.decided


def verdict(
    duel: Duel,
    *,
    decided: bool,
    margin: float = 0.03,
    alpha: float = 0.05,
    price: Decimal | None = None,
    currency: str = "$",
) -> str:
    """One sentence: decided, equivalent within ±`margin` of one half, or what is missing.

    `price` is that of a task, in `currency`, to say what the missing ones will cost.
    """
    if not duel.decided:
        return "Keep collecting: no task has been decided yet."
    low, high = confidence_sequence(duel.wins, duel.losses, alpha)
    better, share = (duel.one, duel.wins) if duel.wins >= duel.losses else (duel.other, duel.losses)
    if better == duel.other:
        low, high = 1 - high, 1 - low
    said = f"{share / duel.decided:.0%} [{100 * low:.0f}, {100 * high:.0f}] of {_tasks(duel.decided)}"
    said = said.replace("%", " %")
    if decided:
        return f"Decided: {better} better, {said}."
    if low > 0.5 - margin and high < 0.5 + margin:
        return f"Equivalent within ±{100 * margin:g} points: {better} was preferred in {said}."
    more = more_tasks(duel, alpha)
    if more == 0:
        return f"Keep collecting: {better}, {said}; enough for one comparison, not among this many."
    if more is None:
        return f"Keep collecting: {better}, {said}; no end is in sight."
    tasks = math.ceil(more * (duel.decided + duel.ties) / duel.decided)  # some will be ties again
    cost = f", {currency}{tasks * price:,.0f}" if price is not None else ""
    return f"Keep collecting, about {tasks:,} more tasks{cost}, if this goes on: {better}, {said}."


def _tasks(decided: int) -> str:
    return f"{decided:,} decided task{'s' * (decided != 1)}"


def overall_verdict(
    duels: Sequence[Duel], decided: Collection[tuple[str, str]], verdicts: Sequence[str]
) -> str:
    """One sentence for all pairs, `decided` being those of (one, other) that are: of two models their verdict."""
    if len(duels) == 1:
        return verdicts[0]
    better = {
        (duel.one, duel.other) if duel.wins > duel.losses else (duel.other, duel.one)
        for duel in duels
        if (duel.one, duel.other) in decided
    }
    models = sorted({name for duel in duels for name in (duel.one, duel.other)})
    best = [model for model in models if all((model, other) in better for other in models if other != model)]
    counted = f"{len(better)} of {len(duels)} pairs are decided"
    if best:
        return f"Decided: {best[0]} better than each of the other {len(models) - 1}; {counted}."
    beaten = {loser for _, loser in better}
    left = [model for model in models if model not in beaten]
    return f"Keep collecting: {counted}, and {len(left)} of {len(models)} models are beaten by none."


@dataclass(frozen=True)
class Step:
    """Where a duel stood at the end of a day, as date.toordinal()."""

    day: int
    wins: int
    losses: int
    ties: int
    log_e_value: float
    interval: Interval


def path(votes: Votes, one: int, other: int, *, alpha: float = 0.05, most: int = 60) -> list[Step]:
    """How the evidence between two models grew, in at most `most` steps; each task counts on its last day.

    Raises NoEstimate when the votes do not tell their days or the two were never compared.
    """
    if votes.day is None:
        raise NoEstimate(UNDATED)
    low, high = min(one, other), max(one, other)
    chosen = (np.minimum(votes.first, votes.second) == low) & (np.maximum(votes.first, votes.second) == high)
    if not chosen.any():
        raise NoEstimate(f"{votes.models[one]} and {votes.models[other]} were never compared.")
    tasks, task = np.unique(votes.task[chosen], return_inverse=True)
    sums = np.sign(np.bincount(task, (votes.canonical * votes.counts)[chosen], len(tasks)))
    last = np.zeros(len(tasks), dtype=np.int64)
    np.maximum.at(last, task, votes.day[chosen])
    days, day = np.unique(last, return_inverse=True)
    seen = [np.cumsum(np.bincount(day, sums == sign, len(days))).astype(int) for sign in (1, -1, 0)]
    wins, losses, ties = (seen[1], seen[0], seen[2]) if low == other else (seen[0], seen[1], seen[2])
    steps = np.unique(np.linspace(0, len(days) - 1, min(most, len(days))).round().astype(int)).tolist()
    return [
        Step(
            day=int(days[at]),
            wins=int(wins[at]),
            losses=int(losses[at]),
            ties=int(ties[at]),
            log_e_value=log_e_value(int(wins[at]), int(losses[at])),
            interval=confidence_sequence(int(wins[at]), int(losses[at]), alpha),
        )
        for at in steps
    ]
