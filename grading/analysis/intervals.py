"""How sure a rating is: standard errors that know about tasks and raters, differences, ranks, resampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grading.analysis.distributions import Interval, normal_quantile, t_quantile
from grading.analysis.ratings import Fit, NoEstimate, reweighted
from grading.analysis.votes import Floats, Ints, Votes

#: Fewer clusters than this make the normal quantile too small; we take Student's and say so.
FEW_CLUSTERS = 20
ROWS = 65_536  # votes at once
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


def hessian(fit: Fit) -> Covariance:
    """The inverse of the information: right if the model is and all votes are independent."""
    return Covariance(fit.covariance)


def sandwich(fit: Fit) -> Covariance:
    """HC0 (White 1980): right for independent votes, whatever the model."""
    scores = fit.scores()
    return _checked(fit, scores.T @ (fit.cells.count[:, None] * scores), None, "votes")


def by_task(fit: Fit, votes: Votes) -> Covariance:
    """Votes of one task lean the same way, and only tasks are independent. Our default."""
    return _clustered(fit, votes, votes.task, len(votes.tasks), "tasks")


def by_rater(fit: Fit, votes: Votes) -> Covariance:
    """Votes of one rater lean the same way, and only raters are independent."""
    return _clustered(fit, votes, votes.rater, len(votes.raters), "raters")


def two_way(fit: Fit, votes: Votes) -> Covariance:
    """Tasks and raters at once: V_task + V_rater - V_HC0 (Cameron, Gelbach and Miller 2011).

    Where that is no covariance matrix, the larger of the two one-way ones stands in. A rater with
    several votes on a task has their common part counted twice: wider than need be, never narrower.
    """
    task, rater, alone = by_task(fit, votes), by_rater(fit, votes), sandwich(fit)
    for one in (task, rater, alone):
        if one.matrix is None:
            return one
    clusters = min(len(votes.tasks), len(votes.raters))
    both, count = task.known + rater.known - alone.known, len(fit.models)
    curvature = np.linalg.eigvalsh(both[:count, :count])
    least = float(np.diag(both)[:count].min())
    if least > NOTHING**2 and curvature[0] >= -1e-9 * abs(curvature[-1]):
        return Covariance(both, clusters, note=_note(clusters, "tasks or raters"))
    larger = max(task, rater, key=lambda one: float(np.trace(one.known[:count, :count])))
    return Covariance(larger.matrix, clusters, note="no two-way matrix; the larger one-way one")


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


def bootstrap(fit: Fit, votes: Votes, *, repetitions: int = 1000, seed: int = 0) -> Floats:
    """Ratings under random weights of the tasks, [repetitions, K]: the Bayesian bootstrap (Rubin 1981).

    A task's weight is exponential with mean one, so no draw loses a pair altogether and every one has a
    maximum. Raises NoEstimate for less than two tasks.
    """
    if len(votes.tasks) < 2:
        raise NoEstimate("All votes are of one task, so tasks cannot be resampled.")
    random = np.random.default_rng(seed)
    cells = len(fit.cells.count)
    keys, place = np.unique(votes.task * cells + fit.cells.of_vote, return_inverse=True)
    counts = np.bincount(place, votes.counts.astype(np.float64))
    task, cell = keys // cells, keys % cells
    draws = np.empty((repetitions, len(fit.models)))
    for draw in draws:
        weight = random.exponential(size=len(votes.tasks))
        draw[:] = reweighted(fit, np.bincount(cell, counts * weight[task], cells).astype(np.float64))
    return draws


def percentiles(draws: Floats, level: float = 0.95) -> list[Interval]:
    """The middle `level` of each column."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def influence(fit: Fit, votes: Votes) -> Floats:
    """By rater how far each rating would move without them, [raters, K]: one Newton step, -V s_rater."""
    scores = np.concatenate(list(_sums_by(fit, votes, votes.rater)))
    return -(scores @ fit.covariance)[:, : len(fit.models)]


def _clustered(fit: Fit, votes: Votes, cluster: Ints, count: int, noun: str) -> Covariance:
    if count < 2:
        return Covariance(
            why_not=f"All votes are of one {noun[:-1]}, so the spread between {noun} is unknown."
        )
    meat = np.zeros((len(fit.estimate), len(fit.estimate)))
    for sums in _sums_by(fit, votes, cluster):
        meat += sums.T @ sums
    return _checked(fit, count / (count - 1) * meat, count, noun)


def _checked(fit: Fit, meat: Floats, clusters: int | None, noun: str) -> Covariance:
    matrix = fit.covariance @ meat @ fit.covariance
    if np.sqrt(np.maximum(0, np.diag(matrix)[: len(fit.models)])).min() < NOTHING:
        return Covariance(why_not=f"The scores of the {noun} cancel exactly, so their spread says nothing.")
    return Covariance((matrix + matrix.T) / 2, clusters, note=_note(clusters, noun))


def _note(clusters: int | None, noun: str) -> str:
    return f"only {clusters} {noun}: take Student's quantile" if clusters and clusters < FEW_CLUSTERS else ""


def _sums_by(fit: Fit, votes: Votes, cluster: Ints) -> Iterator[Floats]:
    """The sums of the scores by cluster, in order of the cluster's number, in pieces of [some, P]."""
    scores = fit.scores()
    order = np.argsort(cluster, kind="stable")
    begins = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    ends = np.append(begins[1:], len(order))
    at = 0
    while at < len(begins):
        # Whole clusters, about so many votes at once; a large cluster is a piece of its own.
        upto = max(at + 1, int(np.searchsorted(ends, begins[at] + ROWS, side="right")))
        rows = order[begins[at] : ends[upto - 1]]
        starts = begins[at:upto] - begins[at]
        yield np.add.reduceat(scores[fit.cells.of_vote[rows]] * votes.counts[rows, None], starts, axis=0)
        at = upto
