"""A second implementation of the ratings: vote by vote, derivatives by differences, the last rating left out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from grading.analysis.votes import Floats, Votes

LogChance = Callable[[Floats, float, int, bool], float]


class Naive:
    """Maximum likelihood for one of the models, by its name in the report."""

    def __init__(self, name: str, votes: Votes) -> None:
        self.models = len(votes.models)
        self.side = name.endswith("_side")
        self.of_one = {"bt": half_win, "davidson": davidson, "ordinal": ordinal}[name.split("_")[0]]
        shape = {"bt": [], "davidson": [0.1], "ordinal": [0.5, 1.0, 1.5]}[name.split("_")[0]]
        self.rows = list(zip(votes.left.tolist(), votes.right.tolist(), votes.for_left.tolist(), strict=True))
        self.at = np.array([0.0] * (self.models - 1 + self.side) + shape)
        for _ in range(30):
            step = np.linalg.solve(self.curvature(), self.slope(self.total))
            while self.total(self.at + step) < self.total(self.at) - 1e-9:
                step = step / 2
            self.at = self.at + step
            if np.abs(step).max() < 1e-8:
                break

    def one(self, at: Floats, row: tuple[int, int, int]) -> float:
        theta = [*at[: self.models - 1], -at[: self.models - 1].sum()]
        ahead = theta[row[0]] - theta[row[1]] + (at[self.models - 1] if self.side else 0.0)
        return self.of_one(ahead, row[2], at[self.models - 1 + self.side :])

    def total(self, at: Floats) -> float:
        try:
            return sum(self.one(at, row) for row in self.rows)
        except ValueError:  # cut points out of order
            return -math.inf

    def slope(self, function: Callable[[Floats], float], step: float = 1e-5) -> Floats:
        moves = np.eye(len(self.at)) * step
        return np.array([(function(self.at + m) - function(self.at - m)) / (2 * step) for m in moves])

    def curvature(self, step: float = 1e-3) -> Floats:
        """Minus the Hessian."""
        moves = np.eye(len(self.at)) * step
        f, at = self.total, self.at
        return -np.array(
            [
                [
                    (f(at + m + n) - f(at + m - n) - f(at - m + n) + f(at - m - n)) / (4 * step**2)
                    for m in moves
                ]
                for n in moves
            ]
        )

    @property
    def theta(self) -> list[float]:
        free = self.at[: self.models - 1].tolist()
        return [*free, -sum(free)]

    def errors(self, *clusterings: Sequence[Hashable]) -> list[float]:
        """Of the ratings. Without clusterings from the Hessian; two mean two-way."""
        inverse = np.linalg.inv(self.curvature())
        if not clusterings:
            return self._roots(inverse)
        meat = sum(self._meat(clusters) for clusters in clusterings)
        if len(clusterings) == 2:
            meat = meat - self._meat(range(len(self.rows)), small=False)
        return self._roots(inverse @ meat @ inverse)

    def sandwich(self) -> list[float]:
        inverse = np.linalg.inv(self.curvature())
        return self._roots(inverse @ self._meat(range(len(self.rows)), small=False) @ inverse)

    def _meat(self, clusters: Sequence[Hashable], *, small: bool = True) -> Floats:
        sums: dict[Hashable, Floats] = defaultdict(lambda: np.zeros(len(self.at)))
        for row, cluster in zip(self.rows, clusters, strict=True):
            sums[cluster] = sums[cluster] + self.slope(lambda at, row=row: self.one(at, row))
        factor = len(sums) / (len(sums) - 1) if small else 1.0
        return factor * sum(np.outer(each, each) for each in sums.values())

    def _roots(self, covariance: Floats) -> list[float]:
        free = self.models - 1
        ratings = np.vstack([np.eye(free), -np.ones((1, free))])
        return np.sqrt(np.diag(ratings @ covariance[:free, :free] @ ratings.T)).tolist()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def half_win(ahead: float, rating: int, shape: Floats) -> float:
    won = 0.5 if rating == 0 else float(rating > 0)
    return won * math.log(sigmoid(ahead)) + (1 - won) * math.log(sigmoid(-ahead))


def davidson(ahead: float, rating: int, shape: Floats) -> float:
    # Powers of the strengths as Davidson and Beaver write them: the side in the numerator alone.
    left, right = math.exp(ahead), 1.0
    tie = math.exp(shape[0]) * math.sqrt(left * right)
    return math.log((left if rating > 0 else right if rating < 0 else tie) / (left + right + tie))


def ordinal(ahead: float, rating: int, shape: Floats) -> float:
    cuts = [-math.inf, *sorted([*-shape, *shape]), math.inf]
    if list(shape) != sorted(shape) or shape[0] <= 0:
        raise ValueError
    level = rating + 3
    upper = 1.0 if level == 6 else sigmoid(cuts[level + 1] - ahead)
    lower = 0.0 if level == 0 else sigmoid(cuts[level] - ahead)
    return math.log(upper - lower)
