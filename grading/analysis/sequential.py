"""When may one stop? Evidence that stays valid however often one looks, for one pair or many."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np

from grading.analysis.distributions import Interval, log_beta
from grading.analysis.ratings import NoEstimate
from grading.analysis.tallies import pairs
from grading.analysis.votes import Floats, Ints, Votes

Key = TypeVar("Key", bound=Hashable)

#: Beyond this an e-value is written as this: e^700 is near the largest number there is.
MOST_LOG = 700.0
#: Further than this many decided tasks a forecast says nothing.
MOST_MORE = 10_000
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


def log_e_value(wins: float, losses: float, share: float = 0.5) -> float:
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
    low, high = confidence_sequences(np.array([wins]), np.array([losses]), alpha)
    return float(low[0]), float(high[0])


def confidence_sequences(
    wins: Floats | Ints, losses: Floats | Ints, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """The lower and the upper ends of many, [n] each."""
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between zero and one.")
    evenly = [log_e_value(int(won), int(lost)) for won, lost in zip(wins, losses, strict=True)]
    # What the evidence against a share p is above: ln E(p) = ln E(1/2) - n ln 2 - s ln p - f ln(1 - p).
    enough = -math.log(alpha) - np.array(evenly) + (wins + losses) * math.log(2)
    share = np.where(wins + losses > 0, wins / np.maximum(wins + losses, 1), 0.5)
    return _edges(wins, losses, share, 0.0, enough), _edges(wins, losses, share, 1.0, enough)


def _edges(
    wins: Floats | Ints, losses: Floats | Ints, share: Floats, outside: float, enough: Floats
) -> Floats:
    """E grows from the observed share to both ends; the places where it reaches 1/α, by bisection."""

    def strong(at: Floats) -> Any:
        # Zero wins at a share of zero are no evidence, and 0 * -1e300 is zero where 0 * -inf is not a number.
        logs = [np.log(each, out=np.full(each.shape, -1e300), where=each > 0) for each in (at, 1 - at)]
        return -wins * logs[0] - losses * logs[1] >= enough

    inner, outer = share, np.full(share.shape, outside)
    inner = np.where(strong(outer), inner, outer)
    for _ in range(100):
        middle = (inner + outer) / 2
        found = strong(middle)
        inner, outer = np.where(found, inner, middle), np.where(found, middle, outer)
    return outer


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
    found = []
    for one, other, rows in pairs(votes):
        voices = np.sign(votes.bouts.balance[rows])
        wins, losses, ties = (int((voices == sign).sum()) for sign in (1, -1, 0))
        found.append(Duel(votes.models[one], votes.models[other], wins, losses, ties))
    return found


@dataclass(frozen=True)
class Judged:
    """What may be said of a duel, however often one has looked."""

    log_e_value: float
    interval: Interval
    decided: bool  # together with the others of its list, by e-BH

    @property
    def e_value(self) -> float:
        """At most e^700."""
        return math.exp(min(MOST_LOG, self.log_e_value))


def judged(duels: Mapping[Key, Duel], alpha: float = 0.05) -> dict[Key, Judged]:
    """The duels of one list, decided together."""
    evidence = {key: log_e_value(duel.wins, duel.losses) for key, duel in duels.items()}
    decided = e_bh(evidence, alpha)
    wins, losses = (np.array([getattr(duel, name) for duel in duels.values()]) for name in ("wins", "losses"))
    ends = zip(*(edge.tolist() for edge in confidence_sequences(wins, losses, alpha)), strict=True)
    return {
        key: Judged(evidence[key], interval, key in decided)
        for key, interval in zip(duels, ends, strict=True)
    }


def more_tasks(duel: Duel, alpha: float = 0.05, most: int = MOST_MORE) -> int | None:
    """About how many more tasks the e-value needs if wins and ties stay as frequent; None beyond `most` decided."""
    if not duel.decided:
        return None

    def enough(decided: int) -> bool:
        grown = decided / duel.decided  # wins in fractions, so that the evidence only grows
        return log_e_value(grown * duel.wins, grown * duel.losses) >= -math.log(alpha)

    if enough(duel.decided):
        return 0
    if not enough(duel.decided + most):
        return None
    low, high = duel.decided, duel.decided + most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.ceil((high - duel.decided) * (duel.decided + duel.ties) / duel.decided)


def verdict(
    duel: Duel,
    interval: Interval,
    *,
    decided: bool,
    margin: float = 0.03,
    alpha: float = 0.05,
    price: Decimal | None = None,
    currency: str = "$",
) -> str:
    """One sentence: decided, equivalent within ±`margin` of one half, or what is missing.

    `interval` is the confidence sequence of the share of wins, `price` that of a task, in `currency`, to say
    what the missing ones will cost.
    """
    if not duel.decided:
        return "Keep collecting: no task has been decided yet."
    low, high = interval
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
    needed = _needed(more, price, currency)
    return f"Keep collecting, {needed}, if this goes on: {better}, {said}."


def _needed(tasks: int, price: Decimal | None, currency: str) -> str:
    cost = f" ({currency}{tasks * price:,.0f})" if price is not None else ""
    return f"about {tasks:,} more task{'s' * (tasks != 1)}{cost}"


def _tasks(decided: int) -> str:
    return f"{decided:,} decided task{'s' * (decided != 1)}"


def overall_verdict(
    duels: Sequence[Duel],
    decided: Collection[tuple[str, str]],
    verdicts: Sequence[str],
    *,
    alpha: float = 0.05,
    price: Decimal | None = None,
    currency: str = "$",
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
    counted = f"{len(better)} of {len(duels)} pairs decided"
    if best:
        return f"Decided: {best[0]} better than each of the other {len(models) - 1}; {counted}."
    missing = [more_tasks(duel, alpha) for duel in duels if (duel.one, duel.other) not in decided]
    tasks = [more for more in missing if more]
    needed = f"; {_needed(sum(tasks), price, currency)} might decide {len(tasks)} more" if tasks else ""
    return f"Keep collecting: {counted}{needed}; no model is better than all others yet."


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
    low, high = min(one, other), max(one, other)
    if votes.day is None:
        raise NoEstimate(UNDATED)
    for first, second, rows in pairs(votes):
        if (first, second) == (low, high):
            return _paths([_Grown.of(votes, rows, most, 1 if low == one else -1)], alpha)[0]
    raise NoEstimate(f"{votes.models[one]} and {votes.models[other]} were never compared.")


def paths(votes: Votes, *, alpha: float = 0.05, most: int = 60) -> dict[tuple[str, str], list[Step]]:
    """The same of every two models that were compared, the one whose name sorts first before the other.

    Raises NoEstimate when the votes do not tell their days.
    """
    names = [(votes.models[one], votes.models[other]) for one, other, _ in pairs(votes)]
    grown = [_Grown.of(votes, rows, most) for _, _, rows in pairs(votes)]
    return dict(zip(names, _paths(grown, alpha), strict=True))


@dataclass(frozen=True)
class _Grown:
    """How many tasks each of two models had won at the end of some days, [steps] each."""

    days: Ints
    wins: Ints
    losses: Ints
    ties: Ints

    @classmethod
    def of(cls, votes: Votes, rows: slice, most: int, sign: int = 1) -> _Grown:
        bouts = votes.bouts
        if bouts.day is None:
            raise NoEstimate(UNDATED)
        voices = sign * np.sign(bouts.balance[rows])
        days, day = np.unique(bouts.day[rows], return_inverse=True)
        steps = np.unique(np.linspace(0, len(days) - 1, min(most, len(days))).round().astype(int))
        wins, losses, ties = (
            np.cumsum(np.bincount(day, voices == won, len(days)))[steps].astype(np.int64)
            for won in (1, -1, 0)
        )
        return cls(days[steps], wins, losses, ties)


def _paths(grown: list[_Grown], alpha: float) -> list[list[Step]]:
    """All ends at once: bisection takes as long for one as for thousands."""
    if not grown:
        return []
    wins, losses = (np.concatenate([getattr(each, name) for each in grown]) for name in ("wins", "losses"))
    ends = zip(*(edge.tolist() for edge in confidence_sequences(wins, losses, alpha)), strict=True)
    return [
        [
            Step(day, won, lost, tied, log_e_value(won, lost), next(ends))
            for day, won, lost, tied in zip(*_columns(each), strict=True)
        ]
        for each in grown
    ]


def _columns(grown: _Grown) -> list[list[int]]:
    return [column.tolist() for column in (grown.days, grown.wins, grown.losses, grown.ties)]
