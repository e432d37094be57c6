"""How many votes, tasks and how much money a decision needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from grading.analysis.distributions import normal_quantile


@dataclass(frozen=True)
class Plan:
    """What has to be collected."""

    votes: int
    tasks: int
    cost: Decimal  # in the currency of the price


def votes_needed(share: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Decided, independent votes for a two-sided test of one half to find a true `share` with `power`.

    n = [(z_{1-α/2} sqrt(1/4) + z_power sqrt(p (1 - p))) / (p - 1/2)]² (Fleiss 1981). Looking more than once
    needs the e-value instead, about half as many again at 55 %. Raises ValueError for a share of one half,
    and for what is no probability.
    """
    if not 0 < share < 1 or share == 0.5:
        raise ValueError("The share lies between zero and one and is not one half.")
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError("alpha and power lie between zero and one.")
    spread = normal_quantile(1 - alpha / 2) / 2 + normal_quantile(power) * math.sqrt(share * (1 - share))
    return math.ceil((spread / (share - 0.5)) ** 2)


def design_effect(votes_a_task: float, correlation: float) -> float:
    """How many votes of a task are worth one that stands alone: 1 + (m - 1) ρ (Kish 1965)."""
    return 1 + (votes_a_task - 1) * correlation


def plan(
    share: float,
    *,
    ties: float,
    votes_a_task: float,
    correlation: float,
    price: Decimal,
    power: float = 0.8,
    alpha: float = 0.05,
    gain: float = 1.0,
) -> Plan:
    """Votes, tasks and cost, at `price` a task, when a share `ties` of all votes decides nothing.

    `correlation` is that of two votes on a task. `gain` is what the strength of a preference is worth, in votes:
    1.5 to 1.9 in simulations, 1 to be careful. Raises ValueError for what is impossible.
    """
    if not 0 <= ties < 1 or votes_a_task < 1 or not 0 <= correlation <= 1 or gain <= 0 or price < 0:
        raise ValueError("Ties and correlation are shares; votes, gain and price are positive.")
    independent = votes_needed(share, power=power, alpha=alpha)
    exact = independent / (1 - ties) * design_effect(votes_a_task, correlation) / gain
    votes = math.ceil(exact)
    tasks = math.ceil(votes / votes_a_task)
    return Plan(votes=votes, tasks=tasks, cost=tasks * price)
