"""Do raters agree with each other, and with themselves? Chance-corrected, with intervals over tasks.

Most coefficients take a table int[U, Q]: how many raters gave unit u the q-th level of the scale. A unit is a
task's turn and its pair of models; the rating counts in a direction that is fixed by the models' names, never in
that of the screen, where chance would flip its sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from grading.analysis.distributions import Interval
from grading.analysis.ratings import NoEstimate
from grading.analysis.votes import Floats, Ints, Votes

#: Of counts [U, Q], each unit as often as its weight [U] says.
Coefficient: TypeAlias = Callable[[Ints, Floats | None], float]

UNSHARED = "No two raters rated the same turn of a task, so there is nothing to agree on."
ALIKE = "Every rating is the same, so agreement cannot be told from chance."


@dataclass(frozen=True, eq=False)
class Table:
    """Ratings counted by unit and level, int[U, Q], with the task of each unit, int[U]."""

    counts: Ints
    tasks: Ints
    levels: Ints  # the values of the scale, rising, [Q]

    @property
    def shared(self) -> Table:
        """The units that two raters or more have rated."""
        several = self.counts.sum(axis=1) > 1
        return Table(self.counts[several], self.tasks[several], self.levels)

    @cached_property
    def kinds(self) -> tuple[Ints, Ints]:
        """Many units were rated alike: the different rows, and for each unit the number of its row."""
        rows, row = np.unique(self.counts, axis=0, return_inverse=True)
        return rows, row


@dataclass(frozen=True)
class Consistency:
    """One rater on units they rated twice: in how many pairs of ratings they said the same."""

    pairs: int
    same: int
    same_direction: int


def table_of(votes: Votes) -> Table:
    """Each rater's first rating of each unit; repeats are about the rater, see self_consistency."""
    _, first = np.unique(votes.unit * max(1, len(votes.raters)) + votes.rater, return_index=True)
    levels = votes.levels
    units, begins, unit = np.unique(votes.unit[first], return_index=True, return_inverse=True)
    counts = np.zeros((len(units), len(levels)), dtype=np.int64)
    np.add.at(counts, (unit, np.searchsorted(levels, votes.canonical[first])), 1)
    return Table(counts, votes.task[first][begins], levels)


def alpha(
    counts: Floats | Ints,
    levels: Floats | Ints,
    metric: str = "ordinal",
    weights: Floats | None = None,
) -> float:
    """Krippendorff's alpha, 1 - D_observed / D_expected (Krippendorff 2011), at most 1.

    `counts` is [U, Q] with missing ratings allowed, `levels` the Q values, `metric` one of nominal, ordinal and
    interval; a unit with `weights` [U] counts that often. Raises NoEstimate when no unit has two ratings or all
    ratings are the same.
    """
    weights = np.ones(len(counts)) if weights is None else weights
    several = (counts.sum(axis=1) > 1) & (weights > 0)
    if not several.any():
        raise NoEstimate(UNSHARED)
    shared = counts[several]
    pairs = shared * (weights[several] / (shared.sum(axis=1) - 1))[:, None]
    coincidences = shared.T @ pairs - np.diag(pairs.sum(axis=0))
    return _alpha(coincidences, levels, metric)


def _alpha(coincidences: Floats, levels: Floats | Ints, metric: str) -> float:
    totals = coincidences.sum(axis=0)
    distance = _distance(totals, levels, metric)
    expected = float(totals @ distance @ totals) / (totals.sum() - 1)
    if expected <= 0:
        raise NoEstimate(ALIKE)
    return float(1 - (coincidences * distance).sum() / expected)


def _distance(totals: Floats, levels: Floats | Ints, metric: str) -> Floats:
    """Squared differences between levels, [Q, Q]."""
    if metric == "nominal":
        return 1 - np.eye(len(levels))
    if metric == "interval":
        return np.subtract.outer(levels, levels).astype(np.float64) ** 2
    if metric == "ordinal":
        # (sum of n_g from c to k, less half of n_c and n_k)²: ranks' midpoints.
        middles = np.cumsum(totals) - totals / 2
        return np.asarray(np.subtract.outer(middles, middles) ** 2)
    raise ValueError(f"{metric!r} is not nominal, ordinal or interval.")


def weighted_kappa(table: Floats | Ints) -> float:
    """Cohen's kappa (1968) with quadratic weights for two raters; [Q, Q] counts one against the other.

    Raises NoEstimate when nothing was rated by both or both always said the same one thing.
    """
    total = table.sum()
    if not total:
        raise NoEstimate(UNSHARED)
    steps = np.arange(len(table))
    distance = np.subtract.outer(steps, steps) ** 2
    expected = float(table.sum(axis=1) @ distance @ table.sum(axis=0)) / total
    if expected <= 0:
        raise NoEstimate(ALIKE)
    return float(1 - (table * distance).sum() / expected)


def kappa_of_pairs(votes: Votes) -> dict[tuple[str, str], float]:
    """Weighted kappa of every two raters who share units and differ at all, by their names."""
    ratings: dict[int, dict[int, int]] = defaultdict(dict)
    places = np.searchsorted(votes.levels, votes.canonical)
    for unit, rater, place in zip(votes.unit.tolist(), votes.rater.tolist(), places.tolist(), strict=True):
        ratings[unit].setdefault(rater, place)
    tables: dict[tuple[int, int], Ints] = {}
    size = len(votes.levels)
    for by_rater in ratings.values():
        raters = sorted(by_rater)
        for at, one in enumerate(raters):
            for other in raters[at + 1 :]:
                table = tables.setdefault((one, other), np.zeros((size, size), dtype=np.int64))
                table[by_rater[one], by_rater[other]] += 1
    found = {}
    for (one, other), table in sorted(tables.items()):
        try:
            found[votes.raters[one], votes.raters[other]] = weighted_kappa(table)
        except NoEstimate:
            continue
    return found


def ac2(counts: Floats | Ints, kind: str = "ordinal", weights: Floats | None = None) -> float:
    """Gwet's AC2 (Gwet 2014), which stays sensible when nearly all ratings are one level; [U, Q] counts.

    `kind` is ordinal (1 - C(|k - l| + 1, 2) / C(Q, 2)), quadratic or identity (AC1). Units with one rating
    count for chance alone; one with `weights` [U] counts that often. Raises NoEstimate when no unit has two ratings.
    """
    weights = np.ones(len(counts)) if weights is None else weights
    used = (counts.sum(axis=1) > 0) & (weights > 0)
    counts, weights = counts[used], weights[used]
    per_unit = counts.sum(axis=1)
    several = per_unit > 1
    if not several.any():
        raise NoEstimate(UNSHARED)
    if counts.shape[1] < 2:
        raise NoEstimate(ALIKE)
    worth = _worth(counts.shape[1], kind)
    shared, raters = counts[several], per_unit[several]
    agreeing = (shared * (shared @ worth - 1)).sum(axis=1) / (raters * (raters - 1))
    observed = float(weights[several] @ agreeing / weights[several].sum())
    return _ac2(observed, weights @ (counts / per_unit[:, None]) / weights.sum(), worth)


def _ac2(observed: float, shares: Floats, worth: Floats) -> float:
    levels = len(shares)
    chance = worth.sum() * float((shares * (1 - shares)).sum()) / (levels * (levels - 1))
    return float((observed - chance) / (1 - chance))


def _worth(levels: int, kind: str) -> Floats:
    steps = np.arange(levels)
    apart = np.abs(np.subtract.outer(steps, steps))
    if kind == "identity":
        return np.eye(levels)
    if kind == "quadratic":
        return np.asarray(1 - apart**2 / (levels - 1) ** 2)
    if kind == "ordinal":
        return np.asarray(1 - apart * (apart + 1) / (levels * (levels - 1)))
    raise ValueError(f"{kind!r} is not ordinal, quadratic or identity.")


def interval(
    table: Table, coefficient: Coefficient, *, repetitions: int = 500, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentiles of a coefficient over resampled tasks: those of one task belong together.

    Raises NoEstimate for less than two tasks, or when too many draws have no value.
    """
    tasks, task = np.unique(table.tasks, return_inverse=True)
    if len(tasks) < 2:
        raise NoEstimate("All shared ratings are of one task, so the spread between tasks is unknown.")
    kinds, kind = table.kinds
    random = np.random.default_rng(seed)
    values = []
    for _ in range(repetitions):
        drawn = np.bincount(random.integers(len(tasks), size=len(tasks)), minlength=len(tasks))
        weights = np.bincount(kind, drawn[task], len(kinds)).astype(np.float64)
        try:
            values.append(coefficient(kinds, weights))
        except NoEstimate:
            continue
    if len(values) < 0.9 * repetitions:
        raise NoEstimate("The ratings are too few or too alike for an interval.")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def self_consistency(votes: Votes) -> dict[str, Consistency]:
    """By rater how a second rating of the same unit compares with the first, for those who gave one."""
    repeats: dict[str, list[tuple[int, int]]] = defaultdict(list)
    first: dict[tuple[int, int], int] = {}
    rows = zip(
        *(each.tolist() for each in (votes.rater, votes.unit, votes.canonical, votes.counts)), strict=True
    )
    for rater, unit, rating, count in rows:
        again = count if (rater, unit) in first else count - 1
        before = first.setdefault((rater, unit), rating)
        repeats[votes.raters[rater]] += [(before, rating)] * again
    return {rater: _consistency(pairs) for rater, pairs in sorted(repeats.items()) if pairs}


def _consistency(pairs: list[tuple[int, int]]) -> Consistency:
    return Consistency(
        pairs=len(pairs),
        same=sum(before == after for before, after in pairs),
        same_direction=sum(_sign(before) == _sign(after) for before, after in pairs),
    )


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
