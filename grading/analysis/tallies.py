"""Plain counts by pair of models: who won how often, how strongly, and by how the model expects it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grading.analysis.distributions import Interval, normal_quantile, t_quantile
from grading.analysis.ratings import NoEstimate
from grading.analysis.votes import Bools, Floats, Ints, Votes

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


def pairs(votes: Votes) -> Iterator[tuple[int, int, Bools]]:
    """Every two models that were compared, the earlier name first, and which rows are theirs."""
    count = len(votes.models)
    key = np.minimum(votes.first, votes.second) * count + np.maximum(votes.first, votes.second)
    for pair in np.unique(key).tolist():
        yield pair // count, pair % count, key == pair


def win_rates(votes: Votes) -> list[WinRate]:
    """Of every two models that were compared. Raises NoEstimate without votes.

    The spread of a share is that of its tasks: Σ (w_t - p n_t)² G / (G - 1) / n², the ratio estimator's
    (Cochran 1977, 11.7), with Student's quantile for few tasks.
    """
    if not len(votes):
        raise NoEstimate("There are no votes.")
    counts, signs = votes.counts, np.sign(votes.canonical)
    return [
        _win_rate(votes.models[one], votes.models[other], signs[rows], counts[rows], votes.task[rows])
        for one, other, rows in pairs(votes)
    ]


def _win_rate(one: str, other: str, signs: Ints, counts: Ints, tasks: Ints) -> WinRate:
    wins, ties, losses = (int(counts[signs == sign].sum()) for sign in (1, 0, -1))
    total = wins + ties + losses
    share = (wins + ties / 2) / total
    _, task = np.unique(tasks, return_inverse=True)
    beyond = ((signs + 1) / 2 - share) * counts
    spread: Floats = np.bincount(task, beyond).astype(np.float64)
    return WinRate(
        model_a=one,
        model_b=other,
        votes=total,
        tasks=len(spread),
        wins=wins,
        ties=ties,
        losses=losses,
        share=share,
        interval=_around(share, spread, total),
    )


def _around(share: float, spread: Floats, total: int) -> Interval | None:
    tasks = len(spread)
    if tasks < 2:
        return None
    quantile = t_quantile(0.975, tasks - 1) if tasks < FEW_TASKS else normal_quantile(0.975)
    half = quantile * float(np.sqrt((spread**2).sum() * tasks / (tasks - 1))) / total
    return max(0.0, share - half), min(1.0, share + half)


def distribution(votes: Votes) -> dict[tuple[str, str], list[int]]:
    """By pair how often each level of the scale was given, in favour of the pair's first model."""
    places = np.searchsorted(votes.levels, votes.canonical)
    return {
        (votes.models[one], votes.models[other]): np.bincount(
            places[rows], votes.counts[rows], len(votes.levels)
        )
        .astype(int)
        .tolist()
        for one, other, rows in pairs(votes)
    }
