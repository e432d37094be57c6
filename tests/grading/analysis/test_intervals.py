"""Standard errors know what belongs together; differences, ranks and resampling follow from them."""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest

from grading.analysis import bootstrap as module
from grading.analysis import distributions, intervals, ratings, resampling
from grading.analysis.bootstrap import bootstrap
from grading.analysis.intervals import Spread
from grading.analysis.ratings import NoEstimate
from tests.grading.analysis.worlds import crowd, drawn, tallied, vote, votes_of

THREE = {"heron": 0.5, "kestrel": 0.0, "tern": -0.5}
headline = partial(ratings.ordinal, side=True)


@pytest.fixture(scope="module")
def votes():
    return drawn(THREE, tasks=200, votes_a_task=3, raters=25, spread=1.0, seed=5)


@pytest.fixture(scope="module")
def fit(votes):
    return headline(votes)


def test_votes_that_lean_together_widen_the_interval_by_task(votes, fit):
    by_task, alone = Spread(fit, votes).by_task.errors(3), Spread(fit, votes).sandwich.errors(3)

    assert (by_task > 1.1 * alone).all()


def test_where_every_vote_is_its_own_task_the_clusters_are_the_votes(votes):
    alone = dataclasses.replace(votes, task=np.arange(len(votes)), tasks=tuple(map(str, range(len(votes)))))
    fit = headline(alone)

    factor = math.sqrt(len(votes) / (len(votes) - 1))
    assert Spread(fit, alone).by_task.errors(3) == pytest.approx(
        Spread(fit, alone).sandwich.errors(3) * factor
    )


def test_pieces_of_clusters_add_up_to_the_whole(votes, fit, monkeypatch):
    whole = Spread(fit, votes).by_task.errors(3)

    monkeypatch.setattr(intervals, "CLUSTERS", 7)
    monkeypatch.setattr(ratings, "BLOCK", 7)

    assert Spread(headline(votes), votes).by_task.errors(3) == pytest.approx(whole)


def test_a_difference_of_two_models_is_twice_its_half():
    votes = tallied({("heron", "tern", 1): 30, ("heron", "tern", -1): 10})
    fit = ratings.bt_halfwin(votes)

    low, high = intervals.difference(fit, Spread(fit, votes).hessian, 0, 1)

    half = 1.959964 * math.sqrt(1 / 30 + 1 / 10)
    assert (low, high) == pytest.approx((math.log(3) - half, math.log(3) + half))


def test_a_difference_turned_round_is_mirrored(votes, fit):
    covariance = Spread(fit, votes).by_task

    low, high = intervals.difference(fit, covariance, 0, 2)

    assert intervals.difference(fit, covariance, 2, 0) == pytest.approx((-high, -low))


def test_few_clusters_take_students_quantile(votes):
    few = votes.where(votes.task < 10)
    fit = headline(few)

    covariance = Spread(fit, few).by_task

    assert covariance.quantile() == pytest.approx(2.262157)  # nine degrees of freedom
    assert "only 10 tasks" in covariance.note
    assert Spread(fit, votes).hessian.quantile() == pytest.approx(1.959964)


def test_one_cluster_has_no_spread(votes):
    alone = votes.where(votes.rater == 3)
    one_task = votes_of(*(vote("a", "b", rating) for rating in (1, 1, -1)))

    assert "one rater" in Spread(headline(alone), alone).by_rater.why_not
    assert "one rater" in Spread(headline(alone), alone).two_way.why_not
    with pytest.raises(NoEstimate, match="All votes are of one task"):
        Spread(ratings.ordinal(one_task), one_task).by_task.errors(2)


def test_scores_that_cancel_give_a_sentence_instead_of_zero():
    # In each task one vote for either: no task leans, which is luck and not precision.
    votes = votes_of(*(vote("a", "b", rating, task=f"t{at}") for at in range(30) for rating in (1, -1)))

    covariance = Spread(ratings.bt_halfwin(votes), votes).by_task

    assert "cancel exactly" in covariance.why_not


def test_a_matrix_that_is_none_is_replaced_by_the_larger_one_way():
    # Tasks and raters each balance most of the votes, so that their sum is less than the votes' own spread.
    rows = [
        vote("a", "b", (1, -1)[(t + r) % 2], task=f"t{t}", rater=f"r{r}") for t in range(6) for r in range(6)
    ]
    votes = votes_of(*rows, vote("a", "b", 1, task="t0", rater="r0"))
    fit = ratings.bt_halfwin(votes)

    both = Spread(fit, votes).two_way

    larger = max(Spread(fit, votes).by_task.errors(2)[0], Spread(fit, votes).by_rater.errors(2)[0])
    assert "no two-way matrix" in both.note
    assert both.errors(2)[0] == pytest.approx(larger)


def test_a_two_way_error_of_nothing_is_replaced_too():
    rows = [
        ("t0", "r1", 2),
        ("t1", "r0", 2),
        ("t1", "r0", -3),
        ("t0", "r0", 2),
        ("t0", "r1", 0),
        ("t1", "r1", 0),
    ]
    rows += [
        ("t0", "r0", -3),
        ("t1", "r0", -2),
        ("t1", "r0", 3),
        ("t1", "r1", 0),
        ("t1", "r0", -3),
        ("t0", "r0", 0),
    ]
    votes = votes_of(*(vote("a", "b", rating, task=task, rater=rater) for task, rater, rating in rows))
    fit = ratings.bt_halfwin(votes)

    both = Spread(fit, votes).two_way

    assert "no two-way matrix" in both.note
    assert both.errors(2).min() > 0.1


def test_ranks_overlap_until_the_difference_is_sure():
    clear = tallied({("a", "b", 1): 900, ("a", "b", -1): 300, ("b", "c", 1): 32, ("b", "c", -1): 30})
    fit = ratings.bt_halfwin(clear)

    assert intervals.rank_ranges(fit, Spread(fit, clear).hessian) == [(1, 1), (2, 3), (2, 3)]


def test_resampled_tasks_agree_with_the_clustered_error(votes, fit):
    draws = bootstrap(fit, votes, repetitions=300, seed=4)

    assert draws.std(axis=0) == pytest.approx(Spread(fit, votes).by_task.errors(3), rel=0.15)
    assert np.abs(draws.sum(axis=1)).max() < 1e-9
    assert all(
        low < theta < high for (low, high), theta in zip(intervals.percentiles(draws), fit.theta, strict=True)
    )


def test_one_step_is_as_good_as_a_new_fit_where_there_are_many_tasks(monkeypatch):
    votes = crowd(4500, models=3)
    fit = headline(votes)
    fitted = bootstrap(fit, votes, repetitions=200, seed=1)

    monkeypatch.setattr(module, "TABLE", 0)
    stepped = bootstrap(fit, votes, repetitions=200, seed=1)

    errors = fitted.std(axis=0)
    assert (np.sqrt(np.mean((stepped - fitted) ** 2, axis=0)) < 0.06 * errors).all()
    assert stepped.std(axis=0) == pytest.approx(errors, rel=0.02)


def test_tasks_dealt_into_groups_vary_as_the_tasks_do(monkeypatch):
    votes = crowd(6000, models=3)
    fit = headline(votes)
    monkeypatch.setattr(module, "TABLE", 0)
    monkeypatch.setattr(resampling, "GROUPS", 500)

    draws = bootstrap(fit, votes, repetitions=1000, seed=1)

    assert draws.std(axis=0) == pytest.approx(Spread(fit, votes).by_task.errors(3), rel=0.1)


def test_draws_of_a_handful_of_tasks_are_maxima_too():
    votes = drawn(THREE, tasks=9, votes_a_task=3, seed=6)
    fit = ratings.davidson(votes)
    drawn_weights = next(resampling.weights(9, 40, 0))

    draws = bootstrap(fit, votes, repetitions=40)

    for weights, draw in zip(drawn_weights, draws, strict=True):
        by_hand = dataclasses.replace(votes, count=np.round(1e9 * weights[votes.task]).astype(np.int64))
        assert draw == pytest.approx(ratings.davidson(by_hand).theta, abs=2e-3)


def test_the_same_seed_draws_the_same_tasks(votes, fit):
    first, again, other = (bootstrap(fit, votes, repetitions=3, seed=seed) for seed in (1, 1, 2))

    assert (first == again).all()
    assert (first != other).all()


def test_one_task_cannot_be_resampled():
    votes = votes_of(*(vote("a", "b", rating) for rating in (1, 1, -1)))

    with pytest.raises(NoEstimate, match="cannot be resampled"):
        bootstrap(ratings.ordinal(votes), votes)


def test_influence_foretells_what_leaving_a_rater_out_does(votes, fit):
    moves = Spread(fit, votes).influence

    for rater in (0, 7, 20):
        without = headline(votes.where(votes.rater != rater))
        assert without.theta - fit.theta == pytest.approx(moves[rater], abs=0.02)
    assert np.abs(moves).max() > 0.03


def test_a_rater_against_all_others_has_the_most_influence(votes):
    contrary = dataclasses.replace(votes, rating=np.where(votes.rater == 3, -votes.rating, votes.rating))

    moves = np.abs(Spread(headline(contrary), contrary).influence).max(axis=1)

    assert moves.argmax() == 3


QUANTILES = [
    (0.975, 1, 12.7062),
    (0.975, 2, 4.30265),
    (0.975, 9, 2.26216),
    (0.975, 18, 2.10092),
    (0.95, 5, 2.01505),
]


@pytest.mark.parametrize(("probability", "freedom", "value"), QUANTILES)
def test_students_quantiles_are_those_of_the_tables(probability, freedom, value):
    assert distributions.t_quantile(probability, freedom) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("value", "freedom"), [(3.841459, 1), (5.991465, 2), (7.814728, 3), (18.307038, 10)])
def test_chi_square_exceeds_its_tabled_value_one_time_in_twenty(value, freedom):
    assert distributions.chi_square_above(value, freedom) == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize(("heads", "tails"), [(0, 1), (3, 0), (7, 3), (2, 9), (5, 5), (60, 40)])
def test_the_fair_coin_is_the_sum_of_its_tails(heads, tails):
    throws = heads + tails
    worse = [k for k in range(throws + 1) if abs(2 * k - throws) >= abs(heads - tails)]

    assert distributions.fair_coin(heads, tails) == pytest.approx(
        sum(math.comb(throws, k) for k in worse) / 2**throws
    )


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, table I: 81 of 263.
    assert distributions.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: distributions.wilson(0, 0),
        lambda: distributions.t_quantile(0.975, 0),
        lambda: distributions.t_quantile(0.2, 3),
        lambda: distributions.chi_square_above(1, 0),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"needs|has"):
        call()
