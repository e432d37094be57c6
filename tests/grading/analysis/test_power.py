"""What a decision costs: the worked example, and a simulation of the promised power."""

from decimal import Decimal

import numpy as np
import pytest

from grading.analysis import power


@pytest.mark.parametrize(
    ("share", "chance", "alpha", "votes"),
    [
        (0.55, 0.8, 0.05, 783),
        (0.55, 0.9, 0.05, 1047),
        (0.55, 0.8, 0.01, 1166),
        (0.6, 0.8, 0.05, 194),
        (0.7, 0.8, 0.05, 47),
    ],
)
def test_the_tabled_numbers_of_votes(share, chance, alpha, votes):
    assert abs(power.votes_needed(share, power=chance, alpha=alpha) - votes) <= 1


def test_a_worse_model_is_found_as_easily_as_a_better_one():
    assert power.votes_needed(0.4) == power.votes_needed(0.6)


def test_so_many_votes_find_the_difference_as_often_as_promised():
    votes = power.votes_needed(0.6)
    wins = np.random.default_rng(1).binomial(votes, 0.6, size=20_000)

    found = np.abs(wins - votes / 2) > 1.959964 * np.sqrt(votes) / 2

    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_the_worked_example_of_a_study():
    plan = power.plan(0.55, ties=0.3, votes_a_task=3, correlation=0.3, price=Decimal(280))

    assert (plan.votes, plan.tasks, plan.cost) == (1790, 597, Decimal(167_160))


def test_the_strength_of_a_preference_is_worth_votes():
    careful = power.plan(0.55, ties=0.3, votes_a_task=3, correlation=0.3, price=Decimal(280))
    ordinal = power.plan(0.55, ties=0.3, votes_a_task=3, correlation=0.3, price=Decimal(280), gain=1.9)

    assert ordinal.tasks == 314
    assert ordinal.cost < careful.cost


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_share_that_nobody_can_find_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        power.votes_needed(share)


def test_probabilities_are_checked():
    with pytest.raises(ValueError, match="alpha and power"):
        power.votes_needed(0.6, power=1)


@pytest.mark.parametrize(
    "wrong", [{"ties": 1}, {"votes_a_task": 0}, {"correlation": 2}, {"price": Decimal(-1)}]
)
def test_an_impossible_plan_is_refused(wrong):
    fields = {"ties": 0.3, "votes_a_task": 3, "correlation": 0.3, "price": Decimal(280)}

    with pytest.raises(ValueError, match="are"):
        power.plan(0.55, **fields | wrong)
