"""Do raters agree with each other, and with themselves? Chance-corrected, with intervals over tasks.

Most coefficients take a table int[U, Q]: how many raters gave unit u the q-th level of the scale. A unit is a
task's turn and its pair of models; the rating counts in a direction that is fixed by the models' names, never in
that of the screen, where chance would flip its sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from grading.analysis.distributions import Interval
from grading.analysis.ratings import NoEstimate
from grading.analysis.resampling import groups, resampled
from grading.analysis.votes import Bools, Floats, Ints, Votes

REPETITIONS = 1000
#: Of more pairs of raters than this, those with the most in common are told.
PAIRS = 100

UNSHARED = "No two raters rated the same turn of a task, so there is nothing to agree on."
ALIKE = "Every rating is the same, so agreement cannot be told from chance."


@dataclass(frozen=True, eq=False)
class Table:
    """Ratings counted by unit and level, int[U, Q], with the task of each unit, int[U]."""

    counts: Ints
    tasks: Ints
    levels: Ints  # the values of the scale, rising, [Q]
    days: Ints | None = None  # of each unit's last rating

    @property
    def shared(self) -> Table:
        """The units that two raters or more have rated."""
        return self.where(self.counts.sum(axis=1) > 1)

    def where(self, chosen: Bools) -> Table:
        days = None if self.days is None else self.days[chosen]
        return replace(self, counts=self.counts[chosen], tasks=self.tasks[chosen], days=days)

    @property
    def weeks(self) -> Iterator[tuple[int, Table]]:
        """By the Monday of each unit's last rating, as date.toordinal(); nothing where nobody knows the days."""
        if self.days is None:
            return
        mondays = self.days - (self.days - 1) % 7
        for monday in np.unique(mondays).tolist():
            yield monday, self.where(mondays == monday)


@dataclass(frozen=True)
class Coefficient:
    """A number with its interval over resampled tasks, or in `why_not` the sentence why there is none."""

    value: float
    interval: Interval | None
    why_not: str = ""


@dataclass(frozen=True)
class Kappa:
    """How two raters agree on the units that both rated."""

    raters: tuple[str, str]
    units: int
    quadratic: Coefficient


@dataclass(frozen=True)
class Consistency:
    """One rater on units they rated twice: in how many pairs of ratings they said the same."""

    pairs: int
    same: int
    same_direction: int


def table_of(votes: Votes) -> Table:
    """Each rater's first rating of each unit; repeats are about the rater, see self_consistency."""
    rows = _first_ratings(votes)
    levels = votes.levels
    units, begins, unit = np.unique(votes.unit[rows], return_index=True, return_inverse=True)
    place = np.searchsorted(levels, votes.canonical[rows])
    counts = np.bincount(unit * len(levels) + place, minlength=len(units) * len(levels))
    return Table(
        counts=counts.reshape(len(units), len(levels)),
        tasks=votes.task[rows][begins],
        levels=levels,
        days=None if votes.day is None else np.maximum.reduceat(votes.day[rows], begins),
    )


def _first_ratings(votes: Votes) -> Ints:
    """The rows that are a rater's first of a unit, in order of the unit, then the rater."""
    key = votes.unit.astype(np.int64) * max(1, len(votes.raters)) + votes.rater
    return np.asarray(np.unique(key, return_index=True)[1])


def alpha_of(table: Table, metric: str, *, seed: int = 0) -> Coefficient:
    """Krippendorff's alpha with its interval over tasks. Raises NoEstimate."""
    value = alpha(table.counts, table.levels, metric)
    shared, size = table.shared, len(table.levels)
    others = shared.counts.sum(axis=1) - 1
    columns = (
        shared.counts[:, one] * (shared.counts[:, other] - (one == other)) / others
        for one in range(size)
        for other in range(size)
    )

    def again(sums: Floats) -> Floats:
        return _alpha(sums.reshape(len(sums), size, size), table.levels, metric)

    return _with_interval(value, columns, shared.tasks, again, seed)


def ac2_of(table: Table, kind: str, *, seed: int = 0) -> Coefficient:
    """Gwet's AC2 with its interval over tasks. Raises NoEstimate."""
    value = ac2(table.counts, kind)
    counts, raters = table.counts, table.counts.sum(axis=1)
    worth = _worth(len(table.levels), kind)
    several = raters > 1
    agreeing = (counts * (counts @ worth - 1)).sum(axis=1) / np.maximum(1, raters * (raters - 1))
    columns = [agreeing * several, several, np.ones(len(counts)), *(counts / raters[:, None]).T]

    def again(sums: Floats) -> Floats:
        return _ac2(sums[:, 0] / sums[:, 1], sums[:, 3:] / sums[:, 2:3], worth)

    # Tasks without a shared unit count for chance alone; those with one are what is to be resampled.
    shared = np.isin(table.tasks, table.tasks[several])
    return _with_interval(value, [column[shared] for column in columns], table.tasks[shared], again, seed)


def _with_interval(
    value: float, columns: Iterable[Floats], tasks: Ints, again: Callable[[Floats], Floats], seed: int
) -> Coefficient:
    """The middle 95 % of what `again` makes of the columns' sums [B, S] over resampled tasks."""
    seen, task = np.unique(tasks, return_inverse=True)
    if len(seen) < 2:
        return Coefficient(
            value, None, "All shared ratings are of one task, so the spread between tasks is unknown."
        )
    group, count = groups(len(seen), seed)
    dealt = group[task]
    parts = [np.bincount(dealt, column, count).astype(np.float64) for column in columns]
    sums = np.stack(parts, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = again(resampled(sums, repetitions=REPETITIONS, seed=seed))
    if np.isfinite(values).mean() < 0.9:
        return Coefficient(value, None, "The ratings are too few or too alike for an interval.")
    low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
    return Coefficient(value, (float(low), float(high)))


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
    found = float(_alpha(coincidences, levels, metric))
    if not np.isfinite(found):
        raise NoEstimate(ALIKE)
    return found


def _alpha(coincidences: Floats, levels: Floats | Ints, metric: str) -> Floats:
    """Of coincidences [..., Q, Q]; not a number where all ratings are the same."""
    totals = coincidences.sum(axis=-2)
    distance = _distance(totals, levels, metric)
    expected = (totals[..., :, None] * distance * totals[..., None, :]).sum(axis=(-2, -1))
    observed = (coincidences * distance).sum(axis=(-2, -1))
    some = expected > 1e-12 * totals.sum(axis=-1)
    return np.asarray(
        np.where(some, 1 - observed * (totals.sum(axis=-1) - 1) / np.where(some, expected, 1), np.nan)
    )


def _distance(totals: Floats, levels: Floats | Ints, metric: str) -> Floats:
    """Squared differences between levels, [..., Q, Q]."""
    if metric == "nominal":
        return 1 - np.eye(len(levels))
    if metric == "interval":
        return np.subtract.outer(levels, levels).astype(np.float64) ** 2
    if metric == "ordinal":
        # (sum of n_g from c to k, less half of n_c and n_k)²: ranks' midpoints.
        middles = np.cumsum(totals, axis=-1) - totals / 2
        return np.asarray((middles[..., :, None] - middles[..., None, :]) ** 2)
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


def kappa_of_pairs(votes: Votes, *, seed: int = 0) -> list[Kappa]:
    """Of every two raters who share units and differ at all, with intervals over tasks; at most PAIRS."""
    pair, task, one, other = _shared_ratings(votes)
    order = np.argsort(pair, kind="stable")
    pairs, begins, units = np.unique(pair[order], return_index=True, return_counts=True)
    told = np.sort(np.argsort(-units, kind="stable")[:PAIRS])
    found = []
    for each in told.tolist():
        rows = order[begins[each] : begins[each] + units[each]]
        raters = pairs[each] // len(votes.raters), pairs[each] % len(votes.raters)
        columns = _moments(one[rows].astype(np.float64), other[rows].astype(np.float64))
        value = float(_kappa(np.array([[column.sum() for column in columns]]))[0])
        if np.isfinite(value):
            quadratic = _with_interval(value, columns, task[rows], _kappa, seed)
            names = votes.raters[raters[0]], votes.raters[raters[1]]
            found.append(Kappa(names, int(units[each]), quadratic))
    return found


def _shared_ratings(votes: Votes) -> tuple[Ints, Ints, Ints, Ints]:
    """Each two ratings of a unit: the raters as one number, the task, and the places on the scale of both."""
    rows = _first_ratings(votes)
    unit, rater, task = votes.unit[rows], votes.rater[rows].astype(np.int64), votes.task[rows]
    place = np.searchsorted(votes.levels, votes.canonical[rows])
    found = []
    for apart in range(1, len(rows)):
        begins = np.flatnonzero(unit[apart:] == unit[:-apart])
        if not len(begins):
            break
        pair = rater[begins] * len(votes.raters) + rater[begins + apart]
        found.append((pair, task[begins], place[begins], place[begins + apart]))
    if not found:
        raise NoEstimate(UNSHARED)
    pair, task, one, other = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pair, task, one, other


def _moments(one: Floats, other: Floats) -> list[Floats]:
    return [np.ones(len(one)), one, other, one**2, other**2, (one - other) ** 2]


def _kappa(sums: Floats) -> Floats:
    """Quadratic kappa from moments [B, 6]: 1 - E(x - y)² / (σ²_x + σ²_y + (μ_x - μ_y)²) (Lin 1989)."""
    means = sums[:, 1:] / sums[:, :1]
    expected = means[:, 2] + means[:, 3] - 2 * means[:, 0] * means[:, 1]
    some = expected > 1e-12
    return np.asarray(np.where(some, 1 - means[:, 4] / np.where(some, expected, 1), np.nan))


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
    observed = weights[several] @ agreeing / weights[several].sum()
    return float(_ac2(observed, weights @ (counts / per_unit[:, None]) / weights.sum(), worth))


def _ac2(observed: Floats, shares: Floats, worth: Floats) -> Floats:
    levels = shares.shape[-1]
    chance = worth.sum() * (shares * (1 - shares)).sum(axis=-1) / (levels * (levels - 1))
    return np.asarray((observed - chance) / (1 - chance))


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


def self_consistency(votes: Votes) -> dict[str, Consistency]:
    """By rater how a second rating of the same unit compares with the first, for those who gave one."""
    key = votes.unit.astype(np.int64) * max(1, len(votes.raters)) + votes.rater
    _, number, times = np.unique(key, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero((times[number] > 1) | (votes.counts > 1))
    columns = (votes.rater, key, votes.canonical, votes.counts)
    repeats: dict[str, list[tuple[int, int]]] = defaultdict(list)
    first: dict[int, int] = {}
    for rater, each, rating, count in zip(*(column[repeated].tolist() for column in columns), strict=True):
        again = count if each in first else count - 1
        repeats[votes.raters[rater]] += [(first.setdefault(each, rating), rating)] * again
    return {rater: _consistency(pairs) for rater, pairs in sorted(repeats.items())}


def _consistency(pairs: list[tuple[int, int]]) -> Consistency:
    return Consistency(
        pairs=len(pairs),
        same=sum(before == after for before, after in pairs),
        same_direction=sum(_sign(before) == _sign(after) for before, after in pairs),
    )


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
