"""Plain counts by pair of models: who won how often, and how strongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grading.analysis.distributions import Interval, normal_quantile, t_quantile
from grading.analysis.ratings import NoEstimate
from grading.analysis.votes import Floats, Votes

FEW_TASKS = 20


@dataclass(frozen=True)
class WinRate:
    """How often `model_a` was preferred to `model_b`, a tie being half; the interval is clustered by task."""

    model_a: str
    model_b: str
    votes: int
    tasks: int
    wins: int
    ties: int
    losses: int
    share: float
    interval: Interval | None  # None where all votes are of one task


def pairs(votes: Votes) -> Iterator[tuple[int, int, slice]]:
    """Every two models that were compared, the earlier name first, and where their bouts are."""
    pair = votes.bouts.pair
    begins = np.flatnonzero(np.diff(pair, prepend=-1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(pair)], strict=True):
        yield int(pair[begin]) // len(votes.models), int(pair[begin]) % len(votes.models), slice(begin, end)


def win_rates(votes: Votes) -> list[WinRate]:
    """Of every two models that were compared. Raises NoEstimate without votes.

    The spread of a share is that of its tasks: Σ (w_t - p n_t)² G / (G - 1) / n², the ratio estimator's
    (Cochran 1977, 11.7), with Student's quantile for few tasks.
    """
    if not len(votes):
        raise NoEstimate("There are no votes.")
    given, levels = distribution(votes), votes.levels
    found = []
    for one, other, rows in pairs(votes):
        names = votes.models[one], votes.models[other]
        counts = np.array(given[names])
        bouts = votes.bouts.won[rows], votes.bouts.votes[rows]
        share = float(bouts[0].sum() / bouts[1].sum())
        wins, ties, losses = (int(counts[np.sign(levels) == sign].sum()) for sign in (1, 0, -1))
        interval = _around(share, bouts[0] - share * bouts[1], int(counts.sum()))
        found.append(WinRate(*names, int(counts.sum()), len(bouts[0]), wins, ties, losses, share, interval))
    return found


def _around(share: float, spread: Floats, total: int) -> Interval | None:
    tasks = len(spread)
    if tasks < 2:
        return None
    quantile = t_quantile(0.975, tasks - 1) if tasks < FEW_TASKS else normal_quantile(0.975)
    half = quantile * float(np.sqrt((spread**2).sum() * tasks / (tasks - 1))) / total
    return max(0.0, share - half), min(1.0, share + half)


def distribution(votes: Votes) -> dict[tuple[str, str], list[int]]:
    """By pair how often each level of the scale was given, in favour of the pair's first model."""
    tally, models, levels = votes.tally, len(votes.models), votes.levels
    pair = np.minimum(tally.left, tally.right) * models + np.maximum(tally.left, tally.right)
    seen, number = np.unique(pair, return_inverse=True)
    place = np.searchsorted(levels, np.where(tally.left < tally.right, tally.rating, -tally.rating))
    counts = np.bincount(number * len(levels) + place, tally.count, len(seen) * len(levels))
    rows = counts.reshape(len(seen), len(levels)).astype(int).tolist()
    return {
        (votes.models[each // models], votes.models[each % models]): row
        for each, row in zip(seen.tolist(), rows, strict=True)
    }
