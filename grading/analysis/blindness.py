"""Did the blinding hold, and did it matter which side somebody stood on?

The blinding indices take counts of what raters answered to "which side was the newer one": an arm of the
question is where the newer one truly stood.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grading.analysis.cells import Guess
from grading.analysis.distributions import (
    Interval,
    chi_square_above,
    fair_coin,
    normal_quantile,
    two_sided,
    wilson,
)
from grading.analysis.ratings import Fit, NoEstimate
from grading.analysis.votes import Floats, Votes


@dataclass(frozen=True)
class Guesses:
    """One arm's answers, counted."""

    correct: int
    wrong: int
    unknown: int

    @property
    def total(self) -> int:
        return self.correct + self.wrong + self.unknown


@dataclass(frozen=True)
class Index:
    """A number with its standard error, on the scale of the index it is."""

    value: float
    error: float

    def interval(self, level: float = 0.95) -> Interval:
        half = normal_quantile((1 + level) / 2) * self.error
        return self.value - half, self.value + half

    @property
    def z(self) -> float:
        """How many standard errors from zero; infinite when there is no error at all."""
        return self.value / self.error if self.error else math.copysign(math.inf, self.value or 1.0)


def bang(arm: Guesses) -> Index:
    """Bang's index of one arm (Bang, Ni and Davis 2004): -1 all wrong, 0 as by chance, 1 all correct.

    Raises NoEstimate without answers.
    """
    if not arm.total:
        raise NoEstimate("Nobody was asked in this arm.")
    right, wrong = arm.correct / arm.total, arm.wrong / arm.total
    variance = (right * (1 - right) + wrong * (1 - wrong) + 2 * right * wrong) / arm.total
    return Index(right - wrong, math.sqrt(variance))


def james(one: Guesses, other: Guesses) -> Index:
    """James' index of both arms (James et al. 1996): 1 complete blinding, 0.5 as by chance, 0 none.

    Many who do not know pull it towards 1 whatever the others guess, so never read it without Bang's. The
    error is by the delta method on the six cells. Raises NoEstimate without answers.
    """
    cells = np.array(
        [[one.correct, one.wrong, one.unknown], [other.wrong, other.correct, other.unknown]], dtype=np.float64
    )
    total = cells.sum()
    if not total:
        raise NoEstimate("Nobody was asked.")
    shares = cells / total
    if not shares[:, :2].any():
        return Index(1.0, 0.0)
    slopes = _slopes(shares)
    variance = float((shares * slopes**2).sum() - (shares * slopes).sum() ** 2) / total
    return Index(_james(shares), math.sqrt(max(0.0, variance)))


def _james(shares: Floats) -> float:
    """`shares` is [truth, guess], the last guess being "do not know"."""
    unknown = shares[:, 2].sum()
    weights = np.array([[0.0, 0.5], [0.5, 0.0]])
    guesses = shares[:, :2]
    observed = float((weights * guesses).sum()) / (1 - unknown)
    expected = float(guesses.sum(axis=1) @ weights @ guesses.sum(axis=0)) / (1 - unknown) ** 2
    if expected <= 0:
        raise NoEstimate("Every guess is the same in an arm without its counterpart.")
    return float(1 + unknown + (1 - unknown) * (observed - expected) / expected) / 2


def _slopes(shares: Floats) -> Floats:
    """Central differences of the index in each cell's share: exact to far more digits than are shown."""
    slopes, step = np.zeros_like(shares), 1e-6
    for place in np.ndindex(*shares.shape):
        moved = np.zeros_like(shares)
        moved[place] = step
        slopes[place] = (_james(shares + moved) - _james(shares - moved)) / (2 * step)
    return slopes


def leak(one: Guesses, other: Guesses) -> Index:
    """The mean of the two arms' Bang indices, with its error. Raises NoEstimate for an empty arm.

    Raters who always name the same side are wishful, not informed: they cancel here, and show as arms of
    opposite sign.
    """
    first, second = bang(one), bang(other)
    return Index((first.value + second.value) / 2, math.hypot(first.error, second.error) / 2)


def counted(guesses: Iterable[Guess]) -> tuple[Guesses, Guesses]:
    """The answers where the newer one stood on the left, and where it stood on the right."""
    told: Counter[tuple[str, str]] = Counter()
    for each in guesses:
        told[each.newer, each.guess] += each.answers
    return (
        Guesses(told["L", "L"], told["L", "R"], told["L", ""]),
        Guesses(told["R", "R"], told["R", "L"], told["R", ""]),
    )


@dataclass(frozen=True)
class Balance:
    """How often each model stood on the left, and whether a fair draw would do that."""

    lefts: dict[str, tuple[int, int]]  # by model: on the left, in all
    shares: dict[str, Interval]
    chi_square: float
    freedom: int  # pairs of models
    p_value: float


def side_balance(votes: Votes) -> Balance:
    """Sides against models: chi-square with a degree of freedom for each pair. Raises NoEstimate without votes.

    A fair draw that leans against imbalance, as ours does, is more even than a coin: expect a p-value near one.
    """
    if not len(votes):
        raise NoEstimate("There are no votes.")
    count = len(votes.models)
    tally = votes.tally
    pairs = tally.left * count + tally.right
    shown = np.bincount(pairs, tally.count, count * count).astype(np.int64).reshape(count, count)
    ahead, together = np.triu(shown - shown.T), np.triu(shown + shown.T)
    compared = together > 0
    statistic = float((ahead[compared] ** 2 / together[compared]).sum())
    lefts = {
        model: (int(shown[each].sum()), int(shown[each].sum() + shown[:, each].sum()))
        for each, model in enumerate(votes.models)
    }
    return Balance(
        lefts=lefts,
        shares={model: wilson(*counts) for model, counts in lefts.items()},
        chi_square=statistic,
        freedom=int(compared.sum()),
        p_value=chi_square_above(statistic, int(compared.sum())),
    )


@dataclass(frozen=True)
class PositionBias:
    """What the left side is worth: `share` of decided votes, with Wilson's interval and the exact test."""

    left: int
    right: int
    ties: int
    share: float
    interval: Interval
    p_value: float


def position_bias(votes: Votes) -> PositionBias:
    """Who wins, left or right, whatever stood there. Raises NoEstimate when nothing was decided."""
    if not len(votes):
        raise NoEstimate("There are no votes.")
    tally = votes.tally
    left, right = (int(tally.count[sign * tally.rating > 0].sum()) for sign in (1, -1))
    if not left + right:
        raise NoEstimate("Every vote is a tie, so no side was preferred.")
    return PositionBias(
        left=left,
        right=right,
        ties=votes.number - left - right,
        share=left / (left + right),
        interval=wilson(left, left + right),
        p_value=fair_coin(left, right),
    )


def side_test(with_side: Fit, without: Fit) -> tuple[float, float]:
    """Likelihood ratio of Davidson's model with and without the side term, and its p-value.

    It takes votes for independent.
    """
    ratio = max(0.0, 2 * (with_side.log_likelihood - without.log_likelihood))
    return ratio, two_sided(math.sqrt(ratio))
