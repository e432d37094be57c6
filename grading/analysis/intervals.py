"""How sure a rating is: standard errors that know about tasks and raters, differences, ranks, resampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from grading.analysis.distributions import Interval, normal_quantile, t_quantile
from grading.analysis.ratings import Fit, NoEstimate, design_of
from grading.analysis.votes import Floats, Ints, Votes

#: Fewer clusters than this make the normal quantile too small; we take Student's and say so.
FEW_CLUSTERS = 20
#: So many clusters and rows at once, so that memory does not grow with the votes.
CLUSTERS, ROWS = 16_384, 131_072
#: A standard error below this is not precision: the scores cancel.
NOTHING = 1e-8


@dataclass(frozen=True, eq=False)
class Covariance:
    """A covariance of all parameters, [P, P], or in `why_not` the sentence why there is none."""

    matrix: Floats | None = None
    clusters: int | None = None  # None when each vote stands for itself
    why_not: str = ""
    note: str = ""

    def errors(self, count: int) -> Floats:
        """Standard errors of the first `count` parameters, [count]. Raises NoEstimate."""
        return np.sqrt(np.maximum(0, np.diag(self.known)[:count]))

    @property
    def known(self) -> Floats:
        if self.matrix is None:
            raise NoEstimate(self.why_not)
        return self.matrix

    def quantile(self, level: float = 0.95) -> float:
        """Of the normal distribution, or of Student's with G - 1 degrees below FEW_CLUSTERS clusters."""
        if self.clusters is not None and self.clusters < FEW_CLUSTERS:
            return t_quantile((1 + level) / 2, self.clusters - 1)
        return normal_quantile((1 + level) / 2)


class Spread:
    """All the covariances of one fit; what they have in common is computed once."""

    def __init__(self, fit: Fit, votes: Votes) -> None:
        self.fit, self.votes = fit, votes

    @cached_property
    def hessian(self) -> Covariance:
        """The inverse of the information: right if the model is and all votes are independent."""
        return Covariance(self.fit.covariance)

    @cached_property
    def sandwich(self) -> Covariance:
        """HC0 (White 1980): right for independent votes, whatever the model."""
        fit, meat = self.fit, np.zeros(self.fit.covariance.shape)
        for block in fit.cells.blocks():
            scores = _scores(fit, block)
            meat += (fit.cells.count[block] * scores.T) @ scores
        return _checked(fit, meat, None, "votes")

    @cached_property
    def by_task(self) -> Covariance:
        """Votes of one task lean the same way, and only tasks are independent. Our default."""
        count = len(self.votes.tasks)
        if count < 2:
            return _alone("tasks")
        meat = sum(sums.T @ sums for sums in score_sums(self.fit, self.votes, self.votes.task, count))
        return _clustered(self.fit, np.asarray(meat), count, "tasks")

    @cached_property
    def by_rater(self) -> Covariance:
        """Votes of one rater lean the same way, and only raters are independent."""
        count = len(self.votes.raters)
        if count < 2:
            return _alone("raters")
        return _clustered(self.fit, self._raters.T @ self._raters, count, "raters")

    @cached_property
    def two_way(self) -> Covariance:
        """Tasks and raters at once: V_task + V_rater - V_HC0 (Cameron, Gelbach and Miller 2011).

        Where that is no covariance matrix, the larger of the two one-way ones stands in. A rater with
        several votes on a task has their common part counted twice: wider than need be, never narrower.
        """
        task, rater, alone = self.by_task, self.by_rater, self.sandwich
        for one in (task, rater, alone):
            if one.matrix is None:
                return one
        clusters = min(len(self.votes.tasks), len(self.votes.raters))
        both, count = task.known + rater.known - alone.known, len(self.fit.models)
        curvature = np.linalg.eigvalsh(both[:count, :count])
        least = float(np.diag(both)[:count].min())
        if least > NOTHING**2 and curvature[0] >= -1e-9 * abs(curvature[-1]):
            return Covariance(both, clusters, note=_note(clusters, "tasks or raters"))
        larger = max(task, rater, key=lambda one: float(np.trace(one.known[:count, :count])))
        return Covariance(larger.matrix, clusters, note="no two-way matrix; the larger one-way one")

    @cached_property
    def influence(self) -> Floats:
        """By rater how far each rating would move without them, [raters, K]: one Newton step, -V s_rater."""
        return -(self._raters @ self.fit.covariance)[:, : len(self.fit.models)]

    @cached_property
    def _raters(self) -> Floats:
        """The sums of the scores by rater, [raters, P]."""
        return np.concatenate(
            list(score_sums(self.fit, self.votes, self.votes.rater, len(self.votes.raters)))
        )


def difference(fit: Fit, covariance: Covariance, one: int, other: int, level: float = 0.95) -> Interval:
    """Of θ_one - θ_other: se² = V_ii + V_jj - 2 V_ij. Two intervals that overlap say nothing about this."""
    matrix = covariance.known
    half = covariance.quantile(level) * np.sqrt(
        max(0.0, matrix[one, one] + matrix[other, other] - 2 * matrix[one, other])
    )
    ahead = fit.theta[one] - fit.theta[other]
    return float(ahead - half), float(ahead + half)


def rank_ranges(fit: Fit, covariance: Covariance, level: float = 0.95) -> list[tuple[int, int]]:
    """By model the best and the worst rank that the differences allow: 1 + the models surely better, and
    K less those surely worse (the rule of FastChat's leaderboard)."""
    count = len(fit.models)
    sure = np.zeros((count, count), dtype=bool)
    for one in range(count):
        for other in range(count):
            sure[one, other] = one != other and difference(fit, covariance, one, other, level)[0] > 0
    return [(1 + int(sure[:, each].sum()), count - int(sure[each].sum())) for each in range(count)]


def percentiles(draws: Floats, level: float = 0.95) -> list[Interval]:
    """The middle `level` of each column."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def score_sums(fit: Fit, votes: Votes, cluster: Ints, count: int) -> Iterator[Floats]:
    """The sums of the votes' scores by cluster, in order of its number, in pieces of [some clusters, P]."""
    if count <= CLUSTERS:
        pieces = (slice(begin, begin + ROWS) for begin in range(0, len(cluster), ROWS))
        yield sum((_summed(fit, votes, rows, cluster[rows], count) for rows in pieces), _nothing(fit, count))
        return
    order = np.argsort(cluster, kind="stable").astype(np.int32)
    edges = np.append(np.arange(0, count, CLUSTERS), count)
    cuts = np.searchsorted(cluster, edges, sorter=order)
    for at, (begin, end) in enumerate(pairwise(cuts.tolist())):
        rows = order[begin:end]
        yield _summed(fit, votes, rows, cluster[rows] - edges[at], int(edges[at + 1] - edges[at]))


def _nothing(fit: Fit, count: int) -> Floats:
    return np.zeros((count, len(fit.estimate)))


def _summed(fit: Fit, votes: Votes, rows: Ints | slice, cluster: Ints, count: int) -> Floats:
    """[count, P]. Every score is a slope in η, to the left one's rating and from the right one's, and the rest."""
    cells, models = fit.cells, len(fit.models)
    cell = cells.of_row[rows]
    counts = 1 if votes.count is None else votes.count[rows]
    slopes = [slope[cell] * counts for slope in fit.slopes]
    sums = _nothing(fit, count)
    for sign, side in ((1, cells.left), (-1, cells.right)):
        towards = np.bincount(cluster * models + side[cell], slopes[0], count * models)
        sums[:, :models] += sign * towards.reshape(count, models)
    for at, column in enumerate(cells.also.T, models):
        sums[:, at] = np.bincount(cluster, slopes[0] * column[cell], count)
    for at, slope in enumerate(slopes[1:], models + len(fit.also)):
        sums[:, at] = np.bincount(cluster, slope, count)
    return sums


def _scores(fit: Fit, block: slice) -> Floats:
    """Of one vote in each cell of the block, [m, P]."""
    slopes = fit.slopes[:, block]
    return np.concatenate(
        [slopes[0][:, None] * design_of(fit.cells, block, len(fit.models)), slopes[1:].T], axis=1
    )


def _alone(noun: str) -> Covariance:
    return Covariance(why_not=f"All votes are of one {noun[:-1]}, so the spread between {noun} is unknown.")


def _clustered(fit: Fit, meat: Floats, count: int, noun: str) -> Covariance:
    return _checked(fit, count / (count - 1) * meat, count, noun)


def _checked(fit: Fit, meat: Floats, clusters: int | None, noun: str) -> Covariance:
    matrix = fit.covariance @ meat @ fit.covariance
    if np.sqrt(np.maximum(0, np.diag(matrix)[: len(fit.models)])).min() < NOTHING:
        return Covariance(why_not=f"The scores of the {noun} cancel exactly, so their spread says nothing.")
    return Covariance((matrix + matrix.T) / 2, clusters, note=_note(clusters, noun))


def _note(clusters: int | None, noun: str) -> str:
    return f"only {clusters} {noun}: take Student's quantile" if clusters and clusters < FEW_CLUSTERS else ""
