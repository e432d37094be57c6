"""The few distribution functions that intervals and tests ask for, so that nobody has to install more."""

from __future__ import annotations

import math
from statistics import NormalDist

Interval = tuple[float, float]


def normal_quantile(probability: float) -> float:
    """The point below which a standard normal variable falls with this probability, in (0, 1)."""
    return NormalDist().inv_cdf(probability)


def two_sided(z: float) -> float:
    """How often a standard normal variable lies at least as far from zero as `z`."""
    return math.erfc(abs(z) / math.sqrt(2))


def t_quantile(probability: float, freedom: int) -> float:
    """Student's quantile for `probability` >= 0.5, by bisection. Raises ValueError for no freedom."""
    if freedom < 1 or not 0.5 <= probability < 1:
        raise ValueError("A quantile needs a degree of freedom and a probability in [0.5, 1).")
    low, high = 0.0, 1.0
    while _t_above(high, freedom) > 1 - probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if _t_above(middle, freedom) > 1 - probability:
            low = middle
        else:
            high = middle
    return high


def _t_above(t: float, freedom: int) -> float:
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2


def chi_square_above(value: float, freedom: int) -> float:
    """P(X >= value) with whole degrees of freedom, by Q(a + 1, x) = Q(a, x) + x^a e^-x / Γ(a + 1)."""
    if freedom < 1 or value < 0:
        raise ValueError("A chi-square value is at least zero and has a degree of freedom.")
    if value == 0:
        return 1.0
    half = value / 2
    shape = 0.5 if freedom % 2 else 1.0
    above = math.erfc(math.sqrt(half)) if freedom % 2 else math.exp(-half)
    while shape < freedom / 2:
        above += math.exp(shape * math.log(half) - half - math.lgamma(shape + 1))
        shape += 1
    return min(1.0, above)


def fair_coin(heads: int, tails: int) -> float:
    """The exact two-sided binomial test against one half: how often a fair coin is at least as uneven."""
    if heads == tails:
        return 1.0
    most, throws = max(heads, tails), heads + tails
    return min(1.0, 2 * incomplete_beta(most, throws - most + 1, 0.5))


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """The score interval of a share (Wilson 1927). Raises ValueError without trials."""
    if trials < 1:
        raise ValueError("A share needs at least one trial.")
    z = normal_quantile((1 + level) / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    # The fraction converges quickly below the mean; above it the mirror image does.
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)) / a
    return front / _continued_fraction(a, b, x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's algorithm for 1 + d1/(1 + d2/(1 + …))."""
    tiny = 1e-300
    value, up, down = 1.0, 1.0, 0.0
    for step in range(1, 100_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        up = 1 + term / up or tiny
        down = 1 / (1 + term * down or tiny)
        value *= up * down
        if abs(up * down - 1) < 1e-15:
            break
    return value
