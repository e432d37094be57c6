"""How good each model is: Bradley–Terry and its relatives, fitted by Newton's method to counted votes.

Every estimate is in natural-log units and sums to zero over the models: a difference of d means odds of
e^d to one. 173.72 times as much is Elo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from grading.analysis.votes import Bools, Floats, Ints, Votes

#: Information below this, in votes, is none: the likelihood is flat and has its maximum nowhere.
FLAT = 1e-6
BLOCK = 32_768  # cells at once, so that memory does not grow with the votes
MOST_STEPS = 200


class NoEstimate(Exception):
    """The votes do not determine the number; says why in a sentence."""


#: Log-likelihood [m], its gradient [m, 1 + q] and Hessian [m, 1 + q, 1 + q] in (η, shape), where η is how
#: far the left model is ahead on the latent scale.
Likelihood: TypeAlias = Callable[[Floats, Ints, Floats], tuple[Floats, Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Scale:
    """How an outcome depends on η: a likelihood, the outcome [N] of each vote, and where to begin."""

    likelihood: Likelihood
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
    of_vote: Ints  # [N]: the cell of each vote

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
    likelihood: Likelihood
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

    def scores(self) -> Floats:
        """The gradient of one vote's log-likelihood in each cell, [M, P]."""
        return np.concatenate(
            [
                _spread(self.cells, block, gradient, len(self.models))
                for block, _, gradient, _ in _local(
                    self.cells, self.estimate, self.likelihood, len(self.models)
                )
            ]
        )


def bt_halfwin(votes: Votes) -> Fit:
    """Bradley–Terry (1952) with a tie as half a win for both. Raises NoEstimate."""
    return fit(votes, Scale(_half_wins, np.sign(votes.for_left) + 1, np.empty(0)), side=False)


def davidson(votes: Votes, *, side: bool = False) -> Fit:
    """Davidson (1970): P(tie) is proportional to ν sqrt(π_i π_j). Raises NoEstimate.

    With `side`, whoever stands on the left is stronger by a factor e^s (Davidson and Beaver 1977). The
    shape parameter is ln ν; where nobody ties, ν is zero and this is Bradley–Terry.
    """
    outcomes = np.sign(votes.for_left) + 1
    if not (outcomes == 1).any():
        return fit(votes, Scale(_half_wins, outcomes, np.empty(0)), side=side)
    return fit(votes, Scale(_davidson, outcomes, np.zeros(1)), side=side)


def ordinal(votes: Votes, *, side: bool = False, styles: Mapping[str, Floats] | None = None) -> Fit:
    """The cumulative-link Bradley–Terry model (Agresti 1992), with symmetric cut points. Raises NoEstimate.

    P(R <= k) = σ(c_k - (θ_left - θ_right + s)) for the rating R in favour of the left, c_k = -c_{L-2-k}.
    A strength that nobody used has a level of width zero, so it is left out. `styles` are differences
    between model_a and model_b, float[N]; each is divided by its root mean square, not centred, so
    that exchanging the models changes nothing but the sign.
    """
    _require_comparisons(votes)
    strengths = np.unique(np.abs(votes.rating))
    signed = np.unique(np.concatenate([-strengths, strengths]))
    scale = Scale(_cumulative(strengths), np.searchsorted(signed, votes.for_left), _cuts(votes, strengths))
    return fit(votes, scale, side=side, styles=styles)


def style_controlled(votes: Votes) -> Fit:
    """The headline model with all style differences that the votes tell. Raises NoEstimate."""
    if not votes.styles:
        raise NoEstimate("The votes do not tell how the candidates differ in length, files or tests.")
    return ordinal(votes, side=True, styles=votes.styles)


def fit(votes: Votes, scale: Scale, *, side: bool, styles: Mapping[str, Floats] | None = None) -> Fit:
    """The maximum of the likelihood, with ratings that sum to zero. Raises NoEstimate where there is none."""
    _require_comparisons(votes)
    names, columns = _covariates(votes, side=side, styles=styles or {})
    _require_told_apart(votes, names, columns)
    cells = _counted(votes, scale.outcomes, columns)
    start = np.concatenate([np.zeros(len(votes.models) + len(names)), scale.start])
    estimate, information, height = _maximum(cells, start, scale.likelihood, len(votes.models))
    return Fit(
        models=votes.models,
        estimate=estimate,
        covariance=_inverse(information, len(votes.models)),
        log_likelihood=height,
        cells=cells,
        likelihood=scale.likelihood,
        also=names,
    )


def reweighted(fitted: Fit, count: Floats) -> Floats:
    """The ratings [K] if each cell held `count` [M] votes instead. Raises NoEstimate."""
    cells = replace(fitted.cells, count=count)
    return _maximum(cells, fitted.estimate, fitted.likelihood, len(fitted.models))[0][: len(fitted.models)]


def _require_comparisons(votes: Votes) -> None:
    """A maximum exists only if nobody is beaten by all others alone (Ford 1957)."""
    if not len(votes):
        raise NoEstimate("There are no votes.")
    if not votes.rating.any():
        raise NoEstimate("Every vote is a tie, so nothing tells the models apart.")
    better = np.zeros((len(votes.models), len(votes.models)), dtype=bool)
    better[votes.first[votes.rating >= 0], votes.second[votes.rating >= 0]] = True
    better[votes.second[votes.rating <= 0], votes.first[votes.rating <= 0]] = True
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


def _covariates(
    votes: Votes, *, side: bool, styles: Mapping[str, Floats]
) -> tuple[tuple[str, ...], list[Floats]]:
    towards_left = np.where(votes.on_left, 1.0, -1.0)
    names, columns = ["side"] * side, [np.ones(len(votes))] * side
    for name, difference in styles.items():
        size = float(np.sqrt(np.mean(difference**2)))
        if not np.isfinite(size) or size == 0:
            raise NoEstimate(f"The candidates never differ in {name.replace('_', ' ')}.")
        names.append(name)
        columns.append(towards_left * difference / size)
    return tuple(names), columns


def _require_told_apart(votes: Votes, names: tuple[str, ...], columns: list[Floats]) -> None:
    """Every covariate needs votes in which it differs while the models stay the same."""
    if not names:
        return
    count = len(votes.models)
    design = np.zeros((count + len(names), count + len(names)))
    for start in range(0, len(votes), BLOCK):
        rows = slice(start, start + BLOCK)
        block = _design(
            votes.left[rows], votes.right[rows], np.stack([each[rows] for each in columns], 1), count
        )
        design += block.T @ block
    if np.linalg.matrix_rank(design, hermitian=True) < count - 1 + len(names):
        if names == ("side",):
            raise NoEstimate(
                "Every pair was always shown the same way round, so the side cannot be told from the models."
            )
        raise NoEstimate("The side and the style differences cannot be told from the models.")


def _counted(votes: Votes, outcomes: Ints, columns: list[Floats]) -> Cells:
    also = np.stack(columns, axis=1) if columns else np.empty((len(votes), 0))
    constant = bool((also == also[0]).all())
    if not constant:
        # Differences in style are another number in each vote: nothing to count together.
        each = np.arange(len(votes))
        return Cells(votes.left, votes.right, outcomes, also, votes.counts.astype(np.float64), each)
    models, kinds = len(votes.models), int(outcomes.max()) + 1
    key = (votes.left * models + votes.right) * kinds + outcomes
    keys, of_vote = np.unique(key, return_inverse=True)
    count: Floats = np.bincount(of_vote, votes.counts, len(keys)).astype(np.float64)
    pair = keys // kinds
    return Cells(
        left=pair // models,
        right=pair % models,
        outcome=keys % kinds,
        also=np.repeat(also[:1], len(keys), axis=0),
        count=count,
        of_vote=of_vote,
    )


def _maximum(
    cells: Cells, start: Floats, likelihood: Likelihood, models: int
) -> tuple[Floats, Floats, float]:
    """Newton's method with halved steps: estimate [P], information [P, P], log-likelihood."""
    at, (height, gradient, information) = start, _sums(cells, start, likelihood, models)
    for _ in range(MOST_STEPS):
        step = _solved(information, gradient, models)
        gain = float(gradient @ step)
        if not np.isfinite(gain) or gain < 0:
            break
        if gain < 1e-12:
            _require_curved(information, models)
            return _refined(at + step, cells, likelihood, models)
        at, (height, gradient, information) = _climbed(at, step, height, cells, likelihood, models)
    raise NoEstimate(SEPARATED)


SEPARATED = "The data are separated: the likelihood grows without end, so it has no finite maximum."

Sums: TypeAlias = tuple[float, Floats, Floats]


def _refined(at: Floats, cells: Cells, likelihood: Likelihood, models: int) -> tuple[Floats, Floats, float]:
    height, _, information = _sums(cells, at, likelihood, models)
    at[:models] -= at[:models].mean()
    return at, information, height


def _climbed(
    at: Floats, step: Floats, height: float, cells: Cells, likelihood: Likelihood, models: int
) -> tuple[Floats, Sums]:
    for _ in range(60):
        sums = _sums(cells, at + step, likelihood, models)
        # Rounding in the sum of many votes may cost a few digits near the top.
        if sums[0] >= height - 1e-10 * abs(height):
            return at + step, sums
        step = step / 2
    raise NoEstimate(SEPARATED)


def _sums(cells: Cells, at: Floats, likelihood: Likelihood, models: int) -> Sums:
    """The log-likelihood, its gradient [P], and minus its Hessian [P, P]."""
    height, gradient, hessian = 0.0, np.zeros(len(at)), np.zeros((len(at), len(at)))
    linear = models + cells.also.shape[1]
    for block, values, slopes, bends in _local(cells, at, likelihood, models):
        count = cells.count[block]
        height += float(count @ values)
        gradient += count @ _spread(cells, block, slopes, models)
        design = _design(cells.left[block], cells.right[block], cells.also[block], models)
        bends = bends * count[:, None, None]
        hessian[:linear, :linear] += design.T @ (bends[:, 0, :1] * design)
        hessian[:linear, linear:] += design.T @ bends[:, 0, 1:]
        hessian[linear:, linear:] += bends[:, 1:, 1:].sum(axis=0)
    hessian[linear:, :linear] = hessian[:linear, linear:].T
    return height, gradient, -hessian


def _local(
    cells: Cells, at: Floats, likelihood: Likelihood, models: int
) -> Iterator[tuple[slice, Floats, Floats, Floats]]:
    linear = models + cells.also.shape[1]
    for block in cells.blocks():
        ahead = at[cells.left[block]] - at[cells.right[block]] + cells.also[block] @ at[models:linear]
        yield block, *likelihood(ahead, cells.outcome[block], at[linear:])


def _spread(cells: Cells, block: slice, slopes: Floats, models: int) -> Floats:
    """Gradients in (η, shape), [m, 1 + q], as gradients in the parameters, [m, P]."""
    design = _design(cells.left[block], cells.right[block], cells.also[block], models)
    return np.concatenate([slopes[:, :1] * design, slopes[:, 1:]], axis=1)


def _design(left: Ints, right: Ints, also: Floats, models: int) -> Floats:
    """η = design @ (θ, coefficients), [m, K + b]."""
    design = np.zeros((len(left), models + also.shape[1]))
    rows = np.arange(len(left))
    design[rows, left] = 1
    design[rows, right] = -1
    design[:, models:] = also
    return design


def _gauge(parameters: int, models: int) -> Floats:
    """The direction in which nothing changes: all ratings together."""
    direction = np.zeros(parameters)
    direction[:models] = models**-0.5
    return np.outer(direction, direction)


def _solved(information: Floats, gradient: Floats, models: int) -> Floats:
    scale = max(1.0, float(np.trace(information)) / len(information))
    try:
        return np.asarray(
            np.linalg.solve(information + scale * _gauge(len(information), models), gradient),
            dtype=np.float64,
        )
    except np.linalg.LinAlgError:
        raise NoEstimate(SEPARATED) from None


def _require_curved(information: Floats, models: int) -> None:
    scale = max(1.0, float(np.trace(information)))
    curvature = np.linalg.eigvalsh(information + scale * _gauge(len(information), models))
    if curvature[0] < FLAT:
        raise NoEstimate(SEPARATED)


def _inverse(information: Floats, models: int) -> Floats:
    """The inverse on everything but the gauge: variances of ratings that sum to zero."""
    scale = max(1.0, float(np.trace(information)) / len(information))
    gauge = _gauge(len(information), models)
    inverse = np.linalg.inv(information + scale * gauge) - gauge / scale
    return np.asarray((inverse + inverse.T) / 2)


def _half_wins(ahead: Floats, outcome: Ints, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """y log σ(η) + (1 - y) log σ(-η), with y = 0, 1/2, 1 for the outcomes right, tie, left."""
    won = outcome / 2
    left = _sigmoid(ahead)
    values = -won * np.logaddexp(0, -ahead) - (1 - won) * np.logaddexp(0, ahead)
    return values, (won - left)[:, None], (-left * _sigmoid(-ahead))[:, None, None]


def _davidson(ahead: Floats, outcome: Ints, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Davidson's model as the log-linear one it is (Fienberg and Larntz 1976): utilities -η/2, ln ν, η/2."""
    features = np.array([[-0.5, 0.0], [0.0, 1.0], [0.5, 0.0]])
    utilities = np.stack([-ahead / 2, np.full(len(ahead), shape[0]), ahead / 2], axis=1)
    total = np.logaddexp.reduce(utilities, axis=1)
    chances = np.exp(utilities - total[:, None])
    expected = chances @ features
    squares = np.einsum("mk,ki,kj->mij", chances, features, features)
    values = utilities[np.arange(len(ahead)), outcome] - total
    return values, features[outcome] - expected, expected[:, :, None] * expected[:, None, :] - squares


def _cumulative(strengths: Ints) -> Likelihood:
    """The likelihood of levels between symmetric cut points; the shape is the positive cuts, rising."""
    tied = strengths[0] == 0
    cuts = len(strengths) - 1
    # Each row makes one cut point of the shape: -d_q … -d_1, (0,) d_1 … d_q.
    turned = np.vstack([-np.eye(cuts)[::-1], *([] if tied else [np.zeros((1, cuts))]), np.eye(cuts)])

    def likelihood(ahead: Floats, outcome: Ints, shape: Floats) -> tuple[Floats, Floats, Floats]:
        return _between(ahead, outcome, turned, shape)

    return likelihood


def _between(ahead: Floats, level: Ints, turned: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """log(σ(u) - σ(l)) with u and l the cut points above and below the level, less η.

    It is log σ(u) + log σ(-l) + log(1 - e^(l - u)), of which no term loses digits; the outermost cut
    points are infinite.
    """
    nowhere = np.zeros((1, turned.shape[1]))
    above = np.vstack([turned, nowhere])[level]
    below = np.vstack([nowhere, turned])[level]
    cuts = np.concatenate([[-np.inf], turned @ shape, [np.inf]])
    upper, lower = cuts[level + 1] - ahead, cuts[level] - ahead
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        width = cuts[level + 1] - cuts[level]
        values = -np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log(-np.expm1(-width))
        values = np.where(width > 0, values, -np.inf)
        narrow = 1 / np.expm1(np.where(width > 0, width, np.inf))
    d_upper, d_lower = _sigmoid(-upper) + narrow, -_sigmoid(lower) - narrow
    both = narrow * (1 + narrow)
    dd_upper = -_sigmoid(upper) * _sigmoid(-upper) - both
    dd_lower = -_sigmoid(lower) * _sigmoid(-lower) - both
    minus = -np.ones((len(ahead), 1))
    along_upper = np.concatenate([np.where(np.isinf(upper), 0, 1)[:, None] * minus, above], axis=1)
    along_lower = np.concatenate([np.where(np.isinf(lower), 0, 1)[:, None] * minus, below], axis=1)
    slopes = d_upper[:, None] * along_upper + d_lower[:, None] * along_lower
    crossed = along_upper[:, :, None] * along_lower[:, None, :]
    bends = (
        dd_upper[:, None, None] * along_upper[:, :, None] * along_upper[:, None, :]
        + dd_lower[:, None, None] * along_lower[:, :, None] * along_lower[:, None, :]
        + both[:, None, None] * (crossed + crossed.transpose(0, 2, 1))
    )
    return values, slopes, bends


def _cuts(votes: Votes, strengths: Ints) -> Floats:
    """Where the cut points would be if all models were alike: a beginning in the right order."""
    sizes = np.abs(votes.rating)
    shares = np.array([float(np.mean(sizes <= strength)) for strength in strengths[:-1]], dtype=np.float64)
    cuts: Floats = np.log1p(shares) - np.log1p(-shares)
    return cuts


def _sigmoid(value: Floats) -> Floats:
    share: Floats = np.exp(-np.logaddexp(0, -value))
    return share
