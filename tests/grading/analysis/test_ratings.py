"""The ratings against closed forms, a published table, a second implementation, and worlds of known truth."""

import dataclasses
import math

import numpy as np
import pytest

from grading.analysis import ratings
from grading.analysis.intervals import Spread
from grading.analysis.ratings import NoEstimate
from grading.analysis.sections import MODELS as ESTIMATES
from tests.grading.analysis.naive import Naive
from tests.grading.analysis.worlds import drawn, tallied, vote, votes_of

THREE = {"heron": 0.5, "kestrel": 0.0, "tern": -0.5}

#: American League 1987, wins of the row over the column (Agresti, Categorical Data Analysis, 10.6).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
AHEAD_OF_BALTIMORE = (1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0)


@pytest.fixture(scope="module")
def small():
    return drawn(THREE, tasks=40, votes_a_task=2, side=0.3, spread=0.5)


@pytest.fixture(scope="module", params=ESTIMATES)
def both(request, small):
    """Ours and the naive one."""
    return ESTIMATES[request.param](small), Naive(request.param, small), small


def test_bradley_terry_gives_the_published_ratings_of_a_baseball_season():
    counts = {
        (TEAMS[i], TEAMS[j], 1): wins for i, row in enumerate(WINS) for j, wins in enumerate(row) if wins
    }

    fit = ratings.bt_halfwin(tallied(counts))

    theta = dict(zip(fit.models, fit.theta, strict=True))
    found = [theta[team] - theta["Baltimore"] for team in TEAMS]
    assert found == pytest.approx(AHEAD_OF_BALTIMORE, abs=0.005)


def test_two_models_have_a_closed_form():
    votes = tallied({("heron", "tern", 2): 30, ("heron", "tern", -1): 10})
    fit = ratings.bt_halfwin(votes)

    assert fit.theta == pytest.approx([math.log(3) / 2, -math.log(3) / 2])
    assert Spread(fit, votes).hessian.errors(2) == pytest.approx([math.sqrt(1 / 30 + 1 / 10) / 2] * 2)


def test_davidson_of_two_models_has_a_closed_form():
    wins, losses, ties = 30, 10, 20
    fit = ratings.davidson(
        tallied({("heron", "tern", 2): wins, ("heron", "tern", -1): losses, ("heron", "tern", 0): ties})
    )

    assert fit.theta[0] - fit.theta[1] == pytest.approx(math.log(wins / losses))
    assert math.exp(fit.estimate[-1]) == pytest.approx(ties / math.sqrt(wins * losses))


def test_davidson_without_ties_is_bradley_terry():
    votes = tallied({("heron", "tern", 2): 30, ("heron", "tern", -1): 10})

    assert ratings.davidson(votes).theta == pytest.approx(ratings.bt_halfwin(votes).theta)


def test_the_ordinal_model_with_one_strength_is_bradley_terry():
    votes = tallied({("heron", "tern", 2): 30, ("heron", "tern", -2): 10})

    assert ratings.ordinal(votes).theta == pytest.approx(ratings.bt_halfwin(votes).theta)


def test_the_ordinal_model_with_three_levels_is_that_of_rao_and_kupper():
    # P(win) = σ(d - c), P(loss) = σ(-d - c): with two models the counts fix both.
    votes = tallied({("heron", "tern", 1): 30, ("heron", "tern", -1): 10, ("heron", "tern", 0): 20})

    fit = ratings.ordinal(votes)

    win, loss = math.log(30 / 30), math.log(10 / 50)
    assert fit.theta[0] - fit.theta[1] == pytest.approx((win - loss) / 2)
    assert fit.estimate[-1] == pytest.approx(-(win + loss) / 2)


def test_a_second_implementation_finds_the_same_ratings(both):
    ours, naive, _ = both

    assert ours.theta == pytest.approx(naive.theta, abs=1e-5)
    assert ours.log_likelihood == pytest.approx(naive.total(naive.at), abs=1e-6)
    assert abs(ours.theta.sum()) < 1e-12


def test_a_second_implementation_finds_the_same_standard_errors(both):
    ours, naive, votes = both
    found = [
        Spread(ours, votes).hessian,
        Spread(ours, votes).sandwich,
        Spread(ours, votes).by_task,
        Spread(ours, votes).by_rater,
        Spread(ours, votes).two_way,
    ]

    tasks, raters = votes.task.tolist(), votes.rater.tolist()
    wanted = [
        naive.errors(),
        naive.sandwich(),
        naive.errors(tasks),
        naive.errors(raters),
        naive.errors(tasks, raters),
    ]
    assert not any(each.note.startswith("no two-way") for each in found)
    for one, other in zip(found, wanted, strict=True):
        assert one.errors(3) == pytest.approx(other, rel=1e-4)


def test_a_second_implementation_finds_the_same_side(both):
    ours, naive, _ = both

    assert ours.coefficients == ({"side": pytest.approx(naive.at[2], abs=1e-5)} if naive.side else {})


@pytest.mark.parametrize("name", ESTIMATES)
def test_other_names_permute_the_ratings(name, small):
    renamed = dataclasses.replace(small, models=("c", "a", "b"))
    names = dict(zip(small.models, renamed.models, strict=True))

    before, after = ESTIMATES[name](small), ESTIMATES[name](renamed)

    theta = dict(zip(after.models, after.theta, strict=True))
    assert [theta[names[model]] for model in before.models] == pytest.approx(before.theta.tolist())


@pytest.mark.parametrize("name", ESTIMATES)
def test_the_direction_in_which_a_vote_is_written_changes_nothing(name, small):
    turned = dataclasses.replace(
        small, first=small.second, second=small.first, on_left=~small.on_left, rating=-small.rating
    )

    assert ESTIMATES[name](turned).theta == pytest.approx(ESTIMATES[name](small).theta)


@pytest.mark.parametrize("name", ["davidson_side", "ordinal_side"])
def test_mirrored_sides_turn_the_bias_and_leave_the_ratings(name, small):
    mirrored = dataclasses.replace(small, on_left=~small.on_left)

    before, after = ESTIMATES[name](small), ESTIMATES[name](mirrored)

    assert after.theta == pytest.approx(before.theta)
    assert after.coefficients["side"] == pytest.approx(-before.coefficients["side"])


@pytest.mark.parametrize("name", ESTIMATES)
def test_the_same_votes_twice_are_the_same_ratings(name, small):
    twice = small.where(np.repeat([True], len(small)))
    doubled = dataclasses.replace(
        twice,
        **{
            each: np.tile(getattr(twice, each), 2)
            for each in ("first", "second", "on_left", "rater", "task", "unit", "rating")
        },
    )

    assert ESTIMATES[name](doubled).theta == pytest.approx(ESTIMATES[name](small).theta)


def test_the_headline_recovers_a_world_of_known_truth():
    truth = {"heron": 0.8, "kestrel": 0.1, "osprey": -0.2, "tern": -0.7}
    votes = drawn(truth, tasks=4000, votes_a_task=1, side=0.3, seed=7)

    fit = ratings.ordinal(votes, side=True)

    errors = Spread(fit, votes).hessian.errors(5)
    assert np.abs(fit.theta - list(truth.values())).max() < 4 * errors[:4].max()
    assert abs(fit.coefficients["side"] - 0.3) < 4 * errors[4]
    assert fit.estimate[5:] == pytest.approx([0.4, 1.2, 2.0], abs=0.1)
    assert errors.max() < 0.06


def test_a_strength_that_nobody_used_is_left_out():
    votes = tallied({("heron", "tern", 3): 30, ("heron", "tern", -1): 10, ("heron", "tern", 1): 12})

    fit = ratings.ordinal(votes)

    assert len(fit.estimate) == 3  # two ratings and the cut between 1 and 3


def test_style_control_takes_away_what_length_explains():
    random = np.random.default_rng(3)
    votes = drawn({"heron": 0.0, "tern": 0.0}, tasks=1500, votes_a_task=1, seed=3)
    # heron writes longer, and raters like length alone.
    longer = np.where(votes.first == 0, 1.0, -1.0) + random.standard_normal(len(votes))
    rating = (
        np.searchsorted((-2, -1.2, -0.4, 0.4, 1.2, 2), 0.7 * longer + random.logistic(size=len(votes))) - 3
    )
    votes = dataclasses.replace(votes, rating=rating, styles={"changed_lines": longer})

    raw, controlled = ratings.ordinal(votes, side=True), ratings.style_controlled(votes)

    size = math.sqrt(np.mean(longer**2))
    error = Spread(controlled, votes).hessian.errors(2)[0]
    assert raw.theta[0] > 10 * error / 2
    assert abs(controlled.theta[0]) < 3 * error
    assert controlled.coefficients["changed_lines"] / size == pytest.approx(0.7, abs=0.1)


def test_style_control_needs_styles(small):
    with pytest.raises(NoEstimate, match="do not tell how the candidates differ"):
        ratings.style_controlled(small)


def test_a_style_that_never_differs_is_refused(small):
    with pytest.raises(NoEstimate, match="never differ in files"):
        ratings.ordinal(small, styles={"files": np.zeros(len(small))})


#: Votes that determine nothing, and a word of the sentence that says so.
HOPELESS = {
    "none": ([], "no votes"),
    "one": ([("a", "b", 2)], "separated"),
    "all ties": ([("a", "b", 0)] * 5, "Every vote is a tie"),
    "one sided": ([("a", "b", 1), ("a", "b", 3)], "separated"),
    "two that never lost": ([("a", "c", 1), ("b", "c", 2)], "preferred to or tied with a, b"),
    "islands": ([("a", "b", 1), ("a", "b", -1), ("c", "d", 1), ("c", "d", -1)], r"\(a, b\) and \(c, d\)"),
}


@pytest.mark.parametrize("name", ESTIMATES)
@pytest.mark.parametrize("case", HOPELESS)
def test_votes_that_determine_nothing_give_a_sentence(name, case):
    rows, sentence = HOPELESS[case]
    votes = votes_of(*(vote(a, b, rating, side="LR"[at % 2]) for at, (a, b, rating) in enumerate(rows)))

    with pytest.raises(NoEstimate, match=sentence):
        ESTIMATES[name](votes)


#: Half wins have a maximum here; where ties have a width of their own the likelihood grows without end.
FLAT = {
    "wins and ties": [("a", "b", 1), ("a", "b", 0)] * 6,
    "a circle of ties and one sure win": [("a", "b", 2), ("b", "c", 0), ("c", "a", 0)] * 6,
}


@pytest.mark.parametrize("name", [name for name in ESTIMATES if name != "bt_halfwin"])
@pytest.mark.parametrize("case", FLAT)
def test_a_likelihood_without_a_maximum_is_noticed(name, case):
    votes = votes_of(
        *(vote(a, b, rating, side="LLR"[at % 3]) for at, (a, b, rating) in enumerate(FLAT[case]))
    )

    with pytest.raises(NoEstimate, match="separated"):
        ESTIMATES[name](votes)


def test_one_upset_in_a_hundred_thousand_is_not_taken_for_separation():
    votes = dataclasses.replace(tallied({("a", "b", 1): 1, ("a", "b", -1): 1}), count=np.array([99_999, 1]))

    fit = ratings.ordinal(votes)

    assert fit.theta[0] - fit.theta[1] == pytest.approx(math.log(99_999), abs=1e-6)


def test_a_side_that_never_changes_cannot_be_told_from_the_models():
    votes = votes_of(*(vote("a", "b", rating, side="L") for rating in (1, 1, -1, 0, 2, -2)))

    with pytest.raises(NoEstimate, match="same way round"):
        ratings.ordinal(votes, side=True)
    assert ratings.ordinal(votes).theta[0] > 0
