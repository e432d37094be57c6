"""Each rater beside the others: how much they rated, which side they like, how far their votes are from expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grading.analysis.distributions import Interval, wilson
from grading.analysis.intervals import Spread
from grading.analysis.ratings import Fit, ahead_of
from grading.analysis.votes import Floats, Votes


@dataclass(frozen=True)
class Rater:
    """One row of the table of raters."""

    name: str
    votes: int
    ties: int
    left: int  # of the votes that are no tie
    left_interval: Interval | None  # None where all are ties


def side_shares(votes: Votes) -> list[Rater]:
    """How often each rater preferred the left."""
    tally, count = votes.tally, len(votes.raters)
    sign = np.sign(tally.rating)[tally.of_row]
    by_sign = np.bincount(votes.rater * 3 + sign + 1, votes.count, 3 * count).astype(int).reshape(count, 3)
    return [
        Rater(
            name=name,
            votes=right + ties + left,
            ties=ties,
            left=left,
            left_interval=wilson(left, left + right) if left + right else None,
        )
        for name, (right, ties, left) in zip(votes.raters, by_sign.tolist(), strict=True)
    ]


def surprise(spread: Spread) -> Floats:
    """By rater how much less likely their votes are than the fit expects, in standard errors, [raters].

    Σ (E ln p - ln p) / sqrt(Σ Var ln p) over their votes: the standardised log-likelihood of person-fit statistics
    (Drasgow, Levine and Williams 1985). Above 3 is a rater whose votes hardly depend on the models; with one
    vote in a thousand that low by chance, it is a reason to look.
    """
    fit, votes = spread.fit, spread.votes
    chance = _log_chances(fit)
    expected = (np.exp(chance) * chance).sum(axis=0)
    spreads = (np.exp(chance) * chance**2).sum(axis=0) - expected**2
    given = np.take_along_axis(chance, fit.cells.outcome[None], axis=0)[0]
    cell, count = fit.cells.of_row, len(votes.raters)
    beyond = np.bincount(votes.rater, (expected - given)[cell] * votes.counts, count)
    errors = np.sqrt(np.bincount(votes.rater, spreads[cell] * votes.counts, count))
    return np.asarray(beyond / np.maximum(errors, 1e-12))


def _log_chances(fit: Fit) -> Floats:
    """Of each outcome in each cell, [outcomes, M]; at least e^-700, so that none is minus infinity."""
    models = len(fit.models)
    ahead = ahead_of(fit.cells, slice(None), fit.estimate, models)
    shape = fit.estimate[models + len(fit.also) :]
    outcomes = range(int(fit.cells.outcome.max()) + 1)
    values = [fit.link.values(ahead, np.full(len(ahead), each), shape) for each in outcomes]
    return np.maximum(np.stack(values), -700)
