"""Blinding indices against the published trial, and sides against what a coin would do."""

import dataclasses

import numpy as np
import pytest

from grading.analysis import blindness
from grading.analysis.blindness import Guesses
from grading.analysis.ratings import NoEstimate, davidson
from tests.grading.analysis.worlds import drawn, vote, votes_of

#: The CRISP trial, Bang, Ni and Davis 2004, table 7.
TREATED, CONTROL = Guesses(82, 25, 170), Guesses(29, 27, 83)


@pytest.mark.parametrize(
    ("arm", "value", "error", "interval"),
    [(TREATED, 0.206, 0.035, (0.137, 0.275)), (CONTROL, 0.014, 0.054, (-0.091, 0.120))],
)
def test_bangs_index_is_that_of_the_published_trial(arm, value, error, interval):
    index = blindness.bang(arm)

    assert (index.value, index.error) == pytest.approx((value, error), abs=0.0005)
    assert index.interval() == pytest.approx(interval, abs=0.001)


def test_james_index_is_that_of_the_published_trial():
    index = blindness.james(TREATED, CONTROL)

    assert (index.value, index.error) == pytest.approx((0.7479, 0.0217), abs=0.00005)
    assert index.interval() == pytest.approx((0.705, 0.791), abs=0.0006)


def test_a_small_leak_that_james_calls_fine_is_found():
    arms = Guesses(230, 170, 600), Guesses(235, 175, 590)

    leak = blindness.leak(*arms)

    assert (leak.value, leak.error, leak.z) == pytest.approx((0.06, 0.0141, 4.3), rel=0.02)
    assert blindness.james(*arms).value == pytest.approx(0.77, abs=0.01)


def test_wishful_raters_are_no_leak():
    arms = Guesses(80, 10, 10), Guesses(12, 78, 10)

    assert blindness.bang(arms[0]).value == pytest.approx(0.70)
    assert blindness.bang(arms[1]).value == pytest.approx(-0.66)
    assert abs(blindness.leak(*arms).z) < 1


@pytest.mark.parametrize(
    ("arms", "bang", "james"),
    [
        ((Guesses(50, 0, 0), Guesses(50, 0, 0)), 1, 0),
        ((Guesses(25, 25, 0), Guesses(25, 25, 0)), 0, 0.5),
        ((Guesses(0, 0, 50), Guesses(0, 0, 50)), 0, 1),
        ((Guesses(25, 25, 50), Guesses(25, 25, 50)), 0, 0.75),
    ],
)
def test_the_ends_of_the_scales(arms, bang, james):
    assert blindness.bang(arms[0]).value == bang
    assert blindness.james(*arms).value == pytest.approx(james)


def test_the_error_of_james_is_that_of_resampled_answers():
    random = np.random.default_rng(1)
    cells = np.array([82, 25, 170, 27, 29, 83])
    draws = random.multinomial(cells.sum(), cells / cells.sum(), size=2000)

    values = [
        blindness.james(Guesses(*row[:3].tolist()), Guesses(*row[[4, 3, 5]].tolist())).value for row in draws
    ]

    assert np.std(values) == pytest.approx(blindness.james(TREATED, CONTROL).error, rel=0.07)


def test_nobody_asked_is_a_sentence():
    nobody = Guesses(0, 0, 0)

    for call in (blindness.james, blindness.leak):
        with pytest.raises(NoEstimate, match="Nobody was asked"):
            call(nobody, nobody)


def test_a_coin_for_the_sides_is_not_suspicious():
    balance = blindness.side_balance(drawn({"a": 0, "b": 0, "c": 0}, tasks=300, seed=3))

    assert balance.freedom == 3
    assert balance.p_value > 0.05
    assert all(low < 0.5 < high for low, high in balance.shares.values())


def test_a_model_that_mostly_stands_left_is_found():
    votes = drawn({"a": 0, "b": 0}, tasks=200, seed=3)
    random = np.random.default_rng(1)
    a_left = random.random(len(votes)) < 0.6
    leaning = dataclasses.replace(votes, on_left=np.where(votes.first == 0, a_left, ~a_left))

    balance = blindness.side_balance(leaning)

    lefts, shown = balance.lefts["a"]
    assert lefts == a_left.sum()
    assert balance.chi_square == pytest.approx((2 * lefts - shown) ** 2 / shown)
    assert balance.p_value < 0.001
    assert balance.shares["a"][0] > 0.5


def test_position_bias_counts_winners_by_side():
    votes = votes_of(
        vote("a", "b", 2, side="L"),
        vote("a", "b", -1, side="R"),
        vote("a", "b", -3, side="L"),
        vote("a", "b", 0, side="R"),
    )

    bias = blindness.position_bias(votes)

    assert (bias.left, bias.right, bias.ties) == (2, 1, 1)
    assert bias.share == pytest.approx(2 / 3)
    assert bias.p_value == 1


def test_a_planted_side_bias_is_found():
    votes = drawn({"a": 0.3, "b": 0.0, "c": -0.3}, tasks=700, side=0.3, seed=2)

    ratio, p_value = blindness.side_test(davidson(votes, side=True), davidson(votes))

    assert ratio > 15
    assert p_value < 1e-4
    assert blindness.position_bias(votes).interval[0] > 0.5


def test_without_a_bias_the_side_test_is_quiet():
    votes = drawn({"a": 0.3, "b": -0.3}, tasks=700, seed=2)

    assert blindness.side_test(davidson(votes, side=True), davidson(votes))[1] > 0.01


@pytest.mark.parametrize(
    ("rows", "sentence"), [([], "no votes"), ([vote("a", "b", 0)], "Every vote is a tie")]
)
def test_no_side_was_preferred(rows, sentence):
    with pytest.raises(NoEstimate, match=sentence):
        blindness.position_bias(votes_of(*rows))


def test_sides_of_no_votes_are_not_balanced():
    with pytest.raises(NoEstimate, match="no votes"):
        blindness.side_balance(votes_of())
