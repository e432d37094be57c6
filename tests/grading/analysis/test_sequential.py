"""Stopping: the worked examples, the promise under peeking, and many comparisons at once."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from grading.analysis import sequential
from grading.analysis.sequential import Duel
from tests.grading.analysis.worlds import vote, votes_of


def test_twelve_wins_in_a_row_cross_twenty_at_the_seventh_and_a_hundred_at_the_tenth():
    values = [sequential.e_value(wins, 0) for wins in range(13)]

    assert next(n for n, e in enumerate(values) if e >= 20) == 7
    assert next(n for n, e in enumerate(values) if e >= 100) == 10


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 2), (10, 4), (0, 9)])
def test_the_e_value_is_a_product_of_bets(wins, losses):
    # Betting (wins so far + 1/2) / (votes so far + 1) on the next win, at even odds (Krichevsky and Trofimov).
    capital, won, lost = Fraction(1), 0, 0
    for outcome in [True] * wins + [False] * losses:
        ours = won if outcome else lost
        capital *= 2 * Fraction(2 * ours + 1, 2 * (won + lost + 1))
        won, lost = won + outcome, lost + (not outcome)

    assert sequential.e_value(wins, losses) == pytest.approx(float(capital))


def test_looking_after_every_vote_seldom_calls_a_fair_coin():
    random = np.random.default_rng(8)
    called = 0
    for _ in range(300):
        wins = np.cumsum(random.random(300) < 0.5)
        called += any(
            sequential.log_e_value(int(w), n - int(w)) >= math.log(20) for n, w in enumerate(wins, 1)
        )

    assert called / 300 <= 0.05


def test_a_confidence_sequence_is_where_the_evidence_is_weak():
    low, high = sequential.confidence_sequence(70, 30)

    assert sequential.log_e_value(70, 30, low) == pytest.approx(math.log(20))
    assert sequential.log_e_value(70, 30, high) == pytest.approx(math.log(20))
    assert low < 0.7 < high


def test_a_confidence_sequence_turned_round_is_mirrored():
    low, high = sequential.confidence_sequence(9, 2)

    assert sequential.confidence_sequence(2, 9) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("wins", "losses", "edge"), [(0, 0, (0, 1)), (12, 0, (None, 1)), (0, 12, (0, None))])
def test_a_confidence_sequence_ends_where_shares_do(wins, losses, edge):
    for found, wanted in zip(sequential.confidence_sequence(wins, losses), edge, strict=True):
        assert 0 < found < 1 if wanted is None else found == wanted


def test_the_sequence_leaves_one_half_when_the_e_value_says_so():
    for wins in range(41):
        low, high = sequential.confidence_sequence(wins, 40 - wins)
        assert (not low <= 0.5 <= high) == (sequential.e_value(wins, 40 - wins) >= 20)


@pytest.mark.parametrize("alpha", [0, 1])
def test_alpha_is_a_probability(alpha):
    with pytest.raises(ValueError, match="alpha"):
        sequential.confidence_sequence(1, 1, alpha)


@pytest.mark.parametrize(
    ("values", "rejected"),
    [
        ({"a": 20}, {"a"}),
        ({"a": 19}, set()),
        ({"a": 30, "b": 1}, set()),
        ({"a": 40, "b": 1}, {"a"}),
        ({"a": 25, "b": 20}, {"a", "b"}),
        ({"a": 70, "b": 35, "c": 21, "d": 1}, set()),
        ({"a": 70, "b": 45, "c": 27, "d": 1}, {"a", "b", "c"}),
        ({}, set()),
    ],
)
def test_many_hypotheses_are_rejected_together(values, rejected):
    assert sequential.e_bh({key: math.log(value) + 1e-12 for key, value in values.items()}) == rejected


def test_a_task_has_one_voice():
    votes = votes_of(
        *(vote("a", "b", rating, task="one") for rating in (1, 1, 1)),
        *(vote("b", "a", rating, task="two") for rating in (1, 1, -3)),
        *(vote("a", "b", rating, task="three", side="R") for rating in (2, -2)),
        vote("a", "c", -1, task="three"),
        vote("b", "a", 3, task="four"),
    )

    assert sequential.duels(votes) == [Duel("a", "b", 2, 1, 1), Duel("a", "c", 0, 1, 0)]


def test_how_many_more_tasks_is_when_the_e_value_gets_there():
    more = sequential.more_tasks(Duel("a", "b", 12, 8, 0))

    wins = 0.6 * (20 + more)
    assert sequential.log_e_value(wins, 20 + more - wins) >= math.log(20)
    assert 100 < more < 300
    assert sequential.more_tasks(Duel("a", "b", 12, 0, 0)) == 0
    assert sequential.more_tasks(Duel("a", "b", 10, 10, 0)) is None
    assert sequential.more_tasks(Duel("a", "b", 0, 0, 4)) is None


def test_who_waits_for_as_many_ties_as_before_needs_more_tasks():
    without, half = (sequential.more_tasks(Duel("a", "b", 12, 8, ties)) for ties in (0, 20))

    assert half == 2 * without


def test_a_forecast_does_not_hang_on_how_far_it_may_look():
    duel = Duel("a", "b", 37, 26, 3)

    assert sequential.more_tasks(duel, most=1_000) == sequential.more_tasks(duel, most=77_777)


VERDICTS = [
    (Duel("a", "b", 61, 19, 0), True, "Decided: a better, 76 % [59, 89] of 80 decided tasks."),
    (Duel("a", "b", 19, 61, 0), True, "Decided: b better, 76 % [59, 89] of 80 decided tasks."),
    (Duel("a", "b", 5000, 5010, 0), False, "Equivalent within ±3 points: b was preferred in 50 %"),
    (
        Duel("a", "b", 12, 8, 5),
        False,
        "Keep collecting, about 353 more tasks ($98,840), if this goes on: a, 60 %",
    ),
    (Duel("a", "b", 10, 10, 0), False, "Keep collecting: a, 50 %"),
    (Duel("a", "b", 20, 2, 0), False, "not among this many"),
    (Duel("a", "b", 0, 0, 3), False, "no task has been decided yet"),
]


@pytest.mark.parametrize(("duel", "decided", "sentence"), VERDICTS)
def test_the_verdict_is_a_sentence(duel, decided, sentence):
    interval = sequential.confidence_sequence(duel.wins, duel.losses)

    assert sentence in sequential.verdict(duel, interval, decided=decided, price=Decimal(280))


THREE = [Duel("a", "b", 61, 19, 0), Duel("a", "c", 12, 8, 5), Duel("b", "c", 10, 10, 0)]


@pytest.mark.parametrize(
    ("decided", "sentence"),
    [
        ({("a", "b"), ("a", "c")}, "Decided: a better than each of the other 2; 2 of 3 pairs decided."),
        (
            {("a", "b")},
            "Keep collecting: 1 of 3 pairs decided; about 353 more tasks ($98,840) might decide 1 more; no model",
        ),
        ({("a", "b"), ("b", "c")}, "Keep collecting: 2 of 3 pairs decided; about 353"),
    ],
)
def test_one_sentence_sums_up_all_pairs(decided, sentence):
    verdict = sequential.overall_verdict(THREE, decided, [""] * 3, price=Decimal(280))

    assert verdict.startswith(sentence)
