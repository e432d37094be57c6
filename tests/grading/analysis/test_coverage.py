"""Do 95 % intervals hold the truth 95 times in a hundred? By simulation; `make simulations` takes the time for it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from grading.analysis import ratings
from grading.analysis.intervals import Covariance, Spread
from tests.grading.analysis.worlds import crowd
from tests.long import LONG

MODELS, TASKS = 6, 200
REPETITIONS = 3000 if LONG else 60
#: A few dozen worlds tell a wrong formula; only thousands tell 95 % from 93.
BOUNDS = (0.935, 0.965) if LONG else (0.90, 0.99)

headline = partial(ratings.ordinal, side=True)
world = partial(crowd, models=MODELS, raters=40, spread=1.0)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """What the fitted model says of endlessly many votes: tasks that differ flatten its curve."""
    return headline(world(1_500_000 if LONG else 300_000, seed=0)).theta


@pytest.mark.parametrize("votes_a_task", [1, 3])
def test_intervals_by_task_cover_the_truth_as_often_as_they_say(truth, votes_a_task):
    spreads = []
    for repetition in range(REPETITIONS):
        votes = world(TASKS * votes_a_task, votes_a_task=votes_a_task, seed=(votes_a_task, repetition))
        spreads.append(Spread(headline(votes), votes))

    found = np.mean([covered(each, each.by_task, truth) for each in spreads])

    print(f"{votes_a_task} votes a task: by task {found:.1%}, {told(spreads, truth)}")
    assert BOUNDS[0] <= found <= BOUNDS[1]


def covered(spread: Spread, covariance: Covariance, truth: np.ndarray) -> float:
    """The share of all differences whose interval holds the true one."""
    one, other = np.triu_indices(MODELS, 1)
    matrix, theta = covariance.known, spread.fit.theta
    half = covariance.quantile() * np.sqrt(matrix[one, one] + matrix[other, other] - 2 * matrix[one, other])
    return float(np.mean(np.abs(theta[one] - theta[other] - truth[one] + truth[other]) < half))


def told(spreads: list[Spread], truth: np.ndarray) -> str:
    """The other errors beside it, for the notes."""
    others = ("hessian", "sandwich", "by_rater", "two_way")
    shares = [np.mean([covered(each, getattr(each, name), truth) for each in spreads]) for name in others]
    return ", ".join(f"{name} {share:.1%}" for name, share in zip(others, shares, strict=True))
