"""Random weights for tasks: the Bayesian bootstrap (Rubin 1981).

A task's weight is exponential with mean one, so no draw loses a task altogether, and whatever can be computed from all
tasks can be computed from every draw.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grading.analysis.votes import Floats, Ints

#: More tasks than this are dealt into as many random groups, each weighted as one. The sum over a group has the
#: variance of its tasks (the random groups of survey sampling, Wolter 2007), and its own error, 1 in 2 √1000, is
#: that of a thousand draws.
GROUPS = 2000
ROWS = 1 << 17  # weights at once


def groups(tasks: int, seed: int) -> tuple[Ints, int]:
    """The group of each task, and how many there are: of few tasks each is its own."""
    if tasks <= GROUPS:
        return np.arange(tasks), tasks
    return np.random.default_rng(seed).permutation(tasks) % GROUPS, GROUPS


def weights(count: int, repetitions: int, seed: int) -> Iterator[Floats]:
    """Random weights of `count` groups, [some, count], until there were `repetitions`."""
    random = np.random.default_rng([seed, 1])
    some = max(1, ROWS // max(1, count))
    for begin in range(0, repetitions, some):
        yield random.standard_exponential((min(some, repetitions - begin), count))


def resampled(sums: Floats, *, repetitions: int, seed: int) -> Floats:
    """Sums over the tasks, [repetitions, S], from those of each task, [T, S], under random weights with mean one."""
    group, count = groups(len(sums), seed)
    pooled = np.stack([np.bincount(group, column, count) for column in sums.T], axis=1)
    # Scaled so that their number stays what it is: it enters small-sample corrections.
    return np.concatenate(
        [drawn @ pooled / drawn.mean(axis=1, keepdims=True) for drawn in weights(count, repetitions, seed)]
    )
