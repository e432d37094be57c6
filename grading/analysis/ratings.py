"""How good each model is: Bradley–Terry and its relatives, fitted by Newton's method to counted votes.

Every estimate is in natural-log units and sums to zero over the models: a difference of d means odds of
e^d to one. 173.72 times as much is Elo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grading.analysis.links import Cumulative, Davidson, HalfWins, Link
from grading.analysis.votes import Bools, Floats, Ints, Tally, Votes

#: Information below this, in votes, is none: the likelihood is flat and has its maximum nowhere.
FLAT = 1e-6
BLOCK = 32_768  # cells at once, so that memory does not grow with the votes
MOST_STEPS = 200


class NoEstimate(Exception):
    """The votes do not determine the number; says why in a sentence."""


@dataclass(frozen=True, eq=False)
class Scale:
    """How an outcome depends on η: a link, the outcome of each kind of votes [M], and where to begin."""

    link: Link
    outcomes: Ints
    start: Floats  # of the shape parameters, [q]


@dataclass(frozen=True, eq=False)
class Cells:
    """Votes that the model cannot tell apart, counted: M cells of (left, right, outcome, covariates)."""

    left: Ints
    right: Ints
    outcome: Ints
    also: Floats  # [M, b]: the side, style differences
    count: Floats
    of_row: Ints  # [N]: the cell of each row of the votes

    def blocks(self) -> Iterator[slice]:
        for start in range(0, len(self.count), BLOCK):
            yield slice(start, start + BLOCK)


@dataclass(frozen=True, eq=False)
class Fit:
    """A maximum of the likelihood. P parameters: K ratings, b covariates, q of the scale's shape."""

    models: tuple[str, ...]
    estimate: Floats  # [P]
    covariance: Floats  # [P, P], the inverse information in the gauge where ratings sum to zero
    log_likelihood: float
    cells: Cells
    link: Link
    also: tuple[str, ...]  # names of the covariates

    @property
    def theta(self) -> Floats:
        """[K], in the order of `models`."""
        return self.estimate[: len(self.models)]

    @property
    def coefficients(self) -> dict[str, float]:
        """By covariate; `side` is how much it helps to stand on the left."""
        values = self.estimate[len(self.models) :].tolist()
        return dict(zip(self.also, values, strict=False))

    @cached_property
    def slopes(self) -> Floats:
        """The gradient in (η, shape) of one vote's log-likelihood in each cell, [1 + q, M]."""
        models, linear = len(self.models), len(self.models) + len(self.also)
        return np.concatenate(
            [
                self.link.slopes(
                    ahead_of(self.cells, block, self.estimate, models),
                    self.cells.outcome[block],
                    self.estimate[linear:],
                )
                for block in self.cells.blocks()
            ],
            axis=1,
        )


def bt_halfwin(votes: Votes) -> Fit:
    """Bradley–Terry (1952) with a tie as half a win for both. Raises NoEstimate."""
    return fit(votes, Scale(HalfWins(), np.sign(votes.tally.rating) + 1, np.empty(0)), side=False)


def davidson(votes: Votes, *, side: bool = False) -> Fit:
    """Davidson (1970): P(tie) is proportional to ν sqrt(π_i π_j). Raises NoEstimate.

    With `side`, whoever stands on the left is stronger by a factor e^s (Davidson and Beaver 1977). The
    shape parameter is ln ν; where nobody ties, ν is zero and this is Bradley–Terry.
    """
    outcomes = np.sign(votes.tally.rating) + 1
    if not (outcomes == 1).any():
        return fit(votes, Scale(HalfWins(), outcomes, np.empty(0)), side=side)
    return fit(votes, Scale(Davidson(), outcomes, np.zeros(1)), side=side)


def ordinal(
    votes: Votes,
    *,
    side: bool = False,
    styles: Mapping[str, Floats] | None = None,
    begin: Floats | None = None,
) -> Fit:
    """The cumulative-link Bradley–Terry model (Agresti 1992), with symmetric cut points. Raises NoEstimate.

    P(R <= k) = σ(c_k - (θ_left - θ_right + s)) for the rating R in favour of the left, c_k = -c_{L-2-k}.
    A strength that nobody used has a level of width zero, so it is left out. `styles` are differences
    between model_a and model_b, float[N]; each is divided by its root mean square, not centred, so
    that exchanging the models changes nothing but the sign.
    """
    _require_comparisons(votes)
    rating = votes.tally.rating
    strengths = np.unique(np.abs(rating))
    signed = np.unique(np.concatenate([-strengths, strengths]))
    scale = Scale(Cumulative.of(strengths), np.searchsorted(signed, rating), _cuts(votes.tally, strengths))
    return fit(votes, scale, side=side, styles=styles, begin=begin)


def style_controlled(votes: Votes) -> Fit:
    """The headline model with the style differences that the votes tell. Raises NoEstimate.

    A style in which the candidates never differ explains nothing, and keeps the others from nothing.
    """
    if not votes.styles:
        raise NoEstimate("The votes do not tell how the candidates differ in length, files or tests.")
    styles = {style: apart for style, apart in votes.styles.items() if apart.any()} or votes.styles
    raw = ordinal(votes, side=True)
    # From the ratings without it the way is short, and this is the one fit that goes through every row.
    beside = len(votes.models) + 1
    begin = np.insert(raw.estimate, beside, np.zeros(len(styles)))
    return ordinal(votes, side=True, styles=styles, begin=begin)


def fit(
    votes: Votes,
    scale: Scale,
    *,
    side: bool,
    styles: Mapping[str, Floats] | None = None,
    begin: Floats | None = None,
) -> Fit:
    """The maximum of the likelihood, with ratings that sum to zero. Raises NoEstimate where there is none.

    `begin` is where to look first, [P].
    """
    _require_comparisons(votes)
    names, cells = _cells(votes, scale.outcomes, side=side, styles=styles or {})
    models = len(votes.models)
    _require_told_apart(cells, names, models)
    start = np.concatenate([np.zeros(models + len(names)), scale.start]) if begin is None else begin
    estimate, information, height = _maximum(cells, start, scale.link, models)
    return Fit(
        models=votes.models,
        estimate=estimate,
        covariance=inverse(information, models),
        log_likelihood=height,
        cells=cells,
        link=scale.link,
        also=names,
    )


def _require_comparisons(votes: Votes) -> None:
    """A maximum exists only if nobody is beaten by all others alone (Ford 1957)."""
    if not len(votes):
        raise NoEstimate("There are no votes.")
    if not votes.tally.rating.any():
        raise NoEstimate("Every vote is a tie, so nothing tells the models apart.")
    tally = votes.tally
    better = np.zeros((len(votes.models), len(votes.models)), dtype=bool)
    better[tally.left[tally.rating >= 0], tally.right[tally.rating >= 0]] = True
    better[tally.right[tally.rating <= 0], tally.left[tally.rating <= 0]] = True
    compared = _reachable(better | better.T)
    if not compared.all():
        groups = sorted({tuple(np.flatnonzero(row).tolist()) for row in compared})
        said = " and ".join(f"({', '.join(votes.models[each] for each in group)})" for group in groups)
        raise NoEstimate(f"The models fall into groups that were never compared with each other: {said}.")
    if not _reachable(better).all():
        reached = _reachable(better)
        top = np.flatnonzero((reached >= reached.T).all(axis=1))  # who comes before them comes after them too
        said = ", ".join(votes.models[each] for each in top)
        raise NoEstimate(f"The data are separated: nothing was ever preferred to or tied with {said}.")


def _reachable(edges: Bools) -> Bools:
    """Which models lead to which, [K, K], by repeated squaring."""
    reached = edges | np.eye(len(edges), dtype=bool)
    for _ in range(max(1, len(edges).bit_length())):
        reached = (reached.astype(np.float64) @ reached) > 0
    return reached


def _cells(
    votes: Votes, outcomes: Ints, *, side: bool, styles: Mapping[str, Floats]
) -> tuple[tuple[str, ...], Cells]:
    """The names of the covariates, and the votes counted as far as these allow."""
    tally = votes.tally
    if not styles:
        also = np.ones((len(tally.count), int(side)))
        names = ("side",) * side
        return names, Cells(tally.left, tally.right, outcomes, also, tally.count, tally.of_row)
    # Differences in style are another number in each row: nothing to count together.
    columns = [np.ones(len(votes))] * side + [_towards_left(votes, *style) for style in styles.items()]
    kind = tally.of_row
    return (*("side",) * side, *styles), Cells(
        tally.left[kind],
        tally.right[kind],
        outcomes[kind],
        np.stack(columns, axis=1),
        votes.counts.astype(np.float64),
        np.arange(len(votes)),
    )


def _towards_left(votes: Votes, name: str, difference: Floats) -> Floats:
    size = float(np.sqrt(np.average(difference**2, weights=votes.counts)))
    if not np.isfinite(size) or size == 0:
        raise NoEstimate(f"The candidates never differ in {name.replace('_', ' ')}.")
    return np.where(votes.on_left, difference, -difference) / size


def _require_told_apart(cells: Cells, names: tuple[str, ...], models: int) -> None:
    """Every covariate needs votes in which it differs while the models stay the same."""
    if not names:
        return
    design = np.zeros((models + len(names), models + len(names)))
    for block in cells.blocks():
        rows = design_of(cells, block, models)
        design += rows.T @ rows
    if np.linalg.matrix_rank(design, hermitian=True) < models - 1 + len(names):
        if names == ("side",):
            raise NoEstimate(
                "Every pair was always shown the same way round, so the side cannot be told from the models."
            )
        raise NoEstimate("The side and the style differences cannot be told from the models.")


def _maximum(cells: Cells, start: Floats, link: Link, models: int) -> tuple[Floats, Floats, float]:
    """Newton's method with halved steps: estimate [P], information [P, P], log-likelihood."""
    at, height = start, _height(cells, start, link, models)
    for _ in range(MOST_STEPS):
        gradient, information = _derivatives(cells, at, link, models)
        step = _solved(information, gradient, models)
        gain = float(gradient @ step)
        if not np.isfinite(gain) or gain < 0:
            break
        if gain < 1e-12:
            _require_curved(information, models)
            return _refined(at + step, cells, link, models)
        at, height = _climbed(at, step, height, cells, link, models)
    raise NoEstimate(SEPARATED)


SEPARATED = (
    "The data are separated: the farther apart the ratings, the better they fit. More tasks will end that."
)


def _refined(at: Floats, cells: Cells, link: Link, models: int) -> tuple[Floats, Floats, float]:
    at[:models] -= at[:models].mean()
    return at, _derivatives(cells, at, link, models)[1], _height(cells, at, link, models)


def _climbed(
    at: Floats, step: Floats, height: float, cells: Cells, link: Link, models: int
) -> tuple[Floats, float]:
    for _ in range(60):
        reached = _height(cells, at + step, link, models)
        # Rounding in the sum of many votes may cost a few digits near the top.
        if reached >= height - 1e-10 * abs(height):
            return at + step, reached
        step = step / 2
    raise NoEstimate(SEPARATED)


def _height(cells: Cells, at: Floats, link: Link, models: int) -> float:
    shape = at[models + cells.also.shape[1] :]
    return sum(
        float(
            cells.count[block] @ link.values(ahead_of(cells, block, at, models), cells.outcome[block], shape)
        )
        for block in cells.blocks()
    )


def _derivatives(cells: Cells, at: Floats, link: Link, models: int) -> tuple[Floats, Floats]:
    """The gradient [P] of the log-likelihood, and minus its Hessian [P, P]."""
    linear = models + cells.also.shape[1]
    gradient, hessian = np.zeros(len(at)), np.zeros((len(at), len(at)))
    for block in cells.blocks():
        ahead, outcome, count = ahead_of(cells, block, at, models), cells.outcome[block], cells.count[block]
        design = design_of(cells, block, models)
        slopes = link.slopes(ahead, outcome, at[linear:]) * count
        bends = link.bends(ahead, outcome, at[linear:]) * count
        gradient[:linear] += slopes[0] @ design
        gradient[linear:] += slopes[1:].sum(axis=1)
        hessian[:linear, :linear] += (bends[0, 0] * design.T) @ design
        hessian[linear:, :linear] += bends[1:, 0] @ design
        hessian[linear:, linear:] += bends[1:, 1:].sum(axis=-1)
    hessian[:linear, linear:] = hessian[linear:, :linear].T
    return gradient, -hessian


def ahead_of(cells: Cells, block: slice, at: Floats, models: int) -> Floats:
    """η of each cell: how far the left one is ahead."""
    linear = models + cells.also.shape[1]
    return np.asarray(at[cells.left[block]] - at[cells.right[block]] + cells.also[block] @ at[models:linear])


def ahead_of_many(cells: Cells, at: Floats, models: int) -> tuple[Floats, Floats]:
    """η of each cell under each row of parameters [B, P], [B, M], and the design it comes from."""
    design = design_of(cells, slice(None), models)
    linear = models + cells.also.shape[1]
    return at[:, :linear] @ design.T, design


def design_of(cells: Cells, block: slice, models: int) -> Floats:
    """η = design @ (θ, coefficients), [m, K + b]."""
    left = cells.left[block]
    design = np.zeros((len(left), models + cells.also.shape[1]))
    rows = np.arange(len(left))
    design[rows, left] = 1
    design[rows, cells.right[block]] = -1
    design[:, models:] = cells.also[block]
    return design


def gauge_of(information: Floats, models: int) -> Floats:
    """The direction in which nothing changes, all ratings together, as curvature of the common size, [..., P, P]."""
    size = information.shape[-1]
    direction = np.zeros(size)
    direction[:models] = models**-0.5
    scale = np.maximum(1.0, np.trace(information, axis1=-2, axis2=-1) / size)
    return np.asarray(scale[..., None, None] * np.outer(direction, direction))


def _solved(information: Floats, gradient: Floats, models: int) -> Floats:
    try:
        return np.asarray(np.linalg.solve(information + gauge_of(information, models), gradient))
    except np.linalg.LinAlgError:
        raise NoEstimate(SEPARATED) from None


def _require_curved(information: Floats, models: int) -> None:
    curvature = np.linalg.eigvalsh(information + gauge_of(information, models))
    if curvature[0] < FLAT:
        raise NoEstimate(SEPARATED)


def inverse(information: Floats, models: int) -> Floats:
    """The inverse on everything but the gauge: variances of ratings that sum to zero."""
    gauge = gauge_of(information, models)
    scale = float(gauge[0, 0] * models)
    inverted = np.linalg.inv(information + gauge) - gauge / scale**2
    return np.asarray((inverted + inverted.T) / 2)


def _cuts(tally: Tally, strengths: Ints) -> Floats:
    """Where the cut points would be if all models were alike: a beginning in the right order."""
    sizes, total = np.abs(tally.rating), tally.count.sum()
    shares = np.array([tally.count[sizes <= strength].sum() / total for strength in strengths[:-1]])
    cuts: Floats = np.log1p(shares) - np.log1p(-shares)
    return cuts
