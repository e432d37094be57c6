"""How an outcome depends on how far the left model is ahead: likelihoods with their derivatives.

Each takes `ahead` (η, [..., m]), the outcomes [m] and the shape parameters [..., q], so that many sets of
parameters can be tried on the same outcomes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grading.analysis.votes import Floats, Ints


class Link(Protocol):
    """A model of one outcome."""

    def values(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        """Log-likelihoods, [..., m]."""
        ...

    def slopes(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        """Gradients in (η, shape), [1 + q, ..., m]: each parameter's numbers lie together."""
        ...

    def bends(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        """Hessians in (η, shape), [1 + q, 1 + q, ..., m]."""
        ...


class HalfWins:
    """y log σ(η) + (1 - y) log σ(-η), with y = 0, 1/2, 1 for the outcomes right, tie, left."""

    def values(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        won = outcome / 2
        return np.asarray(-won * np.logaddexp(0, -ahead) - (1 - won) * np.logaddexp(0, ahead))

    def slopes(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        return np.asarray(outcome / 2 - sigmoid(ahead))[None]

    def bends(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        return np.asarray(-sigmoid(ahead) * sigmoid(-ahead))[None, None]


class Davidson:
    """Davidson's model as the log-linear one it is (Fienberg and Larntz 1976): utilities -η/2, ln ν, η/2."""

    def values(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        utilities = self._utilities(ahead, shape)
        chosen = np.take_along_axis(utilities, np.broadcast_to(outcome, ahead.shape)[None], axis=0)[0]
        return np.asarray(chosen - np.logaddexp.reduce(utilities, axis=0))

    def slopes(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        right, tie, left = self._chances(ahead, shape)
        return np.stack([(outcome - 1) / 2 - (left - right) / 2, (outcome == 1) - tie])

    def bends(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        right, tie, left = self._chances(ahead, shape)
        lead = (left - right) / 2
        crossed = lead * tie
        return np.stack(
            [
                np.stack([lead**2 - (left + right) / 4, crossed]),
                np.stack([crossed, tie**2 - tie]),
            ]
        )

    def _chances(self, ahead: Floats, shape: Floats) -> Floats:
        utilities = self._utilities(ahead, shape)
        return np.asarray(np.exp(utilities - np.logaddexp.reduce(utilities, axis=0)))

    def _utilities(self, ahead: Floats, shape: Floats) -> Floats:
        return np.stack([-ahead / 2, np.broadcast_to(shape[..., :1], ahead.shape), ahead / 2])


@dataclass(frozen=True, eq=False)
class Cumulative:
    """Levels between symmetric cut points; the shape is the positive cuts, rising.

    The log-likelihood is log(σ(u) - σ(l)) with u and l the cut points above and below the level, less η. It
    is written log σ(u) + log σ(-l) + log(1 - e^(l - u)), of which no term loses digits; the outermost cut
    points are infinite.
    """

    above: Floats  # [L, q]: which shape parameter, with which sign, is the cut point above each level
    below: Floats

    @classmethod
    def of(cls, strengths: Ints) -> Cumulative:
        """For ratings ±strengths; without a zero among them the middle cut point is zero."""
        cuts = len(strengths) - 1
        middle = [] if strengths[0] == 0 else [np.zeros((1, cuts))]
        turned = np.vstack([-np.eye(cuts)[::-1], *middle, np.eye(cuts)])
        nowhere = np.zeros((1, cuts))
        return cls(above=np.vstack([turned, nowhere]), below=np.vstack([nowhere, turned]))

    def values(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        upper, lower, width = self._between(ahead, outcome, shape)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            values = -np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log(-np.expm1(-width))
        return np.where(width > 0, values, -np.inf)

    def slopes(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        upper, lower, width = self._between(ahead, outcome, shape)
        narrow = _narrow(width)
        past, short = sigmoid(-upper), sigmoid(lower)
        d_upper, d_lower = past + narrow, -short - narrow
        above, below = self.above.T[:, outcome], self.below.T[:, outcome]
        shapes = [d_upper * above[each] + d_lower * below[each] for each in range(len(above))]
        return np.stack([short - past, *shapes])

    def bends(self, ahead: Floats, outcome: Ints, shape: Floats) -> Floats:
        upper, lower, width = self._between(ahead, outcome, shape)
        narrow = _narrow(width)
        both = narrow * (1 + narrow)
        dd_upper = -sigmoid(upper) * sigmoid(-upper) - both
        dd_lower = -sigmoid(lower) * sigmoid(-lower) - both
        ups = [-np.isfinite(upper).astype(float), *self.above.T[:, outcome]]
        downs = [-np.isfinite(lower).astype(float), *self.below.T[:, outcome]]
        pairs = list(zip(ups, downs, strict=True))
        return np.stack(
            [
                np.stack(
                    [
                        dd_upper * up * other_up
                        + dd_lower * down * other_down
                        + both * (up * other_down + down * other_up)
                        for other_up, other_down in pairs
                    ]
                )
                for up, down in pairs
            ]
        )

    def _between(self, ahead: Floats, outcome: Ints, shape: Floats) -> tuple[Floats, Floats, Floats]:
        """The cut points above and below each outcome, less η, and how far they lie apart."""
        ends = np.full((*shape.shape[:-1], 1), np.inf)
        cuts = np.concatenate([-ends, shape @ self.below[1:].T, ends], axis=-1)
        above, below = cuts[..., outcome + 1], cuts[..., outcome]
        return above - ahead, below - ahead, above - below


def _narrow(width: Floats) -> Floats:
    """1 / (e^width - 1); for levels of no width, which have no likelihood, nothing."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / np.expm1(np.where(width > 0, width, np.inf)))


def sigmoid(value: Floats) -> Floats:
    """1 / (1 + e^-value), to the last digits on both sides."""
    small = np.exp(-np.abs(value))
    return np.asarray(np.where(value < 0, small, 1) / (1 + small))
