"""Agreement against published examples and naive sums over all pairs."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from grading.analysis import agreement
from grading.analysis.ratings import NoEstimate
from tests.grading.analysis.worlds import vote, votes_of

#: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
LEVELS = np.arange(1, 6)


def units_of(text: str) -> list[list[int]]:
    observers = [line.split() for line in text.strip().splitlines()]
    return [[int(value) for value in unit if value != "."] for unit in zip(*observers, strict=True)]


def counted(units: list[list[int]], levels: np.ndarray = LEVELS) -> np.ndarray:
    return np.array([[unit.count(level) for level in levels.tolist()] for unit in units])


@pytest.fixture
def example():
    return counted(units_of(KRIPPENDORFF))


@pytest.mark.parametrize(("metric", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_krippendorffs(example, metric, value):
    assert agreement.alpha(example, LEVELS, metric) == pytest.approx(value, abs=0.0005)


def test_alpha_is_one_less_the_disagreement_of_all_pairs(example):
    shared = [unit for unit in units_of(KRIPPENDORFF) if len(unit) > 1]
    values = list(itertools.chain(*shared))
    within = sum(
        sum((a - b) ** 2 for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in shared
    )
    between = sum((a - b) ** 2 for a, b in itertools.permutations(values, 2))

    alpha = 1 - (within / len(values)) / (between / (len(values) * (len(values) - 1)))

    assert agreement.alpha(example, LEVELS, "interval") == pytest.approx(alpha)


def test_ac1_of_krippendorffs_example_is_gwets(example):
    # irrCAC's documentation: gwet.ac1.raw(cac.raw4raters).
    assert agreement.ac2(example, "identity") == pytest.approx(0.77544, abs=5e-6)


@pytest.mark.parametrize("weights", ["ordinal", "quadratic"])
def test_ac2_is_a_sum_over_raters_and_levels(example, weights):
    size = len(LEVELS)

    def worth(k, el):
        apart = abs(k - el)
        if weights == "quadratic":
            return 1 - (apart / (size - 1)) ** 2
        return 1 - (apart + 1) * apart / 2 / (size * (size - 1) / 2)

    units = units_of(KRIPPENDORFF)
    shared = [unit for unit in units if len(unit) > 1]
    observed = np.mean([np.mean([worth(a, b) for a, b in itertools.permutations(u, 2)]) for u in shared])
    shares = [np.mean([unit.count(level) / len(unit) for unit in units]) for level in LEVELS.tolist()]
    total = sum(worth(k, el) for k in range(size) for el in range(size))
    chance = total / (size * (size - 1)) * sum(share * (1 - share) for share in shares)

    assert agreement.ac2(example, weights) == pytest.approx((observed - chance) / (1 - chance))


def test_quadratic_kappa_is_a_correlation_where_both_use_the_scale_alike():
    # Same margins: kappa is then Pearson's correlation (Fleiss and Cohen 1973).
    table = np.array([[10, 4, 1], [4, 12, 3], [1, 3, 9]])
    one, other = zip(*[(i, j) for i in range(3) for j in range(3) for _ in range(table[i, j])], strict=True)

    assert agreement.weighted_kappa(table) == pytest.approx(np.corrcoef(one, other)[0, 1])


def test_kappa_of_two_levels_is_cohens():
    # Observed 0.7, by chance 0.5.
    assert agreement.weighted_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "coefficient", [agreement.ac2, lambda c, weights: agreement.alpha(c, LEVELS, weights=weights)]
)
def test_a_weight_is_so_many_units_alike(example, coefficient):
    weights = np.arange(len(example)) % 3

    repeated = coefficient(np.repeat(example, weights, axis=0), weights=None)

    assert coefficient(example, weights=weights.astype(float)) == pytest.approx(repeated)


def test_perfect_agreement_is_one(example):
    alike = counted([[level, level] for level in (1, 2, 5, 3)])

    assert agreement.alpha(alike, LEVELS) == agreement.ac2(alike) == pytest.approx(1)
    assert agreement.weighted_kappa(np.diag([3, 1, 4])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [(np.eye(5), "No two raters"), (np.array([[0, 3, 0, 0, 0]]), "Every rating is the same")],
)
def test_what_cannot_be_told_is_a_sentence(counts, sentence):
    with pytest.raises(NoEstimate, match=sentence):
        agreement.alpha(counts, LEVELS)


def test_nobody_shares_a_unit():
    with pytest.raises(NoEstimate, match="No two raters"):
        agreement.ac2(np.eye(5))
    with pytest.raises(NoEstimate, match="No two raters"):
        agreement.weighted_kappa(np.zeros((3, 3)))
    with pytest.raises(NoEstimate, match="Every rating is the same"):
        agreement.weighted_kappa(np.diag([0, 5, 0]))


@pytest.mark.parametrize(
    "call", [lambda t: agreement.alpha(t, LEVELS, "ratio"), lambda t: agreement.ac2(t, "cubic")]
)
def test_unknown_weights_are_refused(example, call):
    with pytest.raises(ValueError, match="is not"):
        call(example)


def test_the_direction_is_that_of_the_models_not_of_the_screen():
    votes = votes_of(
        vote("heron", "tern", 2, side="L", task="t1", rater="riley"),
        vote("tern", "heron", -2, side="L", task="t1", rater="sam"),
        vote("tern", "heron", 3, side="R", task="t2", rater="riley"),
        vote("heron", "tern", -3, side="R", task="t2", rater="sam"),
    )

    table = agreement.table_of(votes)

    assert agreement.alpha(table.counts, table.levels) == pytest.approx(1)
    (kappa,) = agreement.kappa_of_pairs(votes)
    assert (kappa.raters, kappa.units) == (("riley", "sam"), 2)
    assert kappa.quadratic.value == pytest.approx(1)


def test_a_second_rating_by_the_same_rater_is_no_agreement_but_consistency():
    votes = votes_of(
        vote("heron", "tern", 2, task="t1", rater="riley"),
        vote("heron", "tern", 2, task="t1", rater="riley"),
        vote("heron", "tern", 1, task="t2", rater="riley"),
        vote("tern", "heron", -3, task="t2", rater="riley", side="R"),
        vote("heron", "tern", 0, task="t2", rater="riley"),
        vote("heron", "tern", 1, task="t2", rater="sam"),
    )

    table = agreement.table_of(votes)

    assert table.counts.sum(axis=1).tolist() == [1, 2]
    assert agreement.self_consistency(votes) == {"riley": agreement.Consistency(3, 1, 2)}


@pytest.fixture(scope="module")
def overlap():
    """Three raters near a truth of each unit, two units a task, one of the raters absent now and then."""
    random = np.random.default_rng(2)
    truth = random.integers(-2, 3, size=60)
    rows = [
        replace(
            vote("heron", "tern", int(np.clip(truth[at] + random.integers(-1, 2), -3, 3)), rater=rater),
            task=f"t{at // 2}",
            turn=str(at % 2),
        )
        for at in range(60)
        for rater in ("riley", "robin", "sam")
        if rater != "sam" or at % 3
    ]
    return votes_of(*rows)


@pytest.mark.parametrize(
    ("of", "one", "kind"),
    [
        *((agreement.alpha_of, agreement.alpha, metric) for metric in ("nominal", "ordinal", "interval")),
        *(
            (agreement.ac2_of, lambda c, _, kind, w: agreement.ac2(c, kind, w), kind)
            for kind in ("ordinal", "quadratic")
        ),
    ],
)
def test_intervals_are_those_of_the_coefficient_under_weights_by_task(overlap, of, one, kind):
    table = agreement.table_of(overlap)

    found = of(table, kind, seed=1)

    random = np.random.default_rng([1, 1])
    values = []
    for _ in range(agreement.REPETITIONS):
        drawn = random.standard_exponential(30)
        values.append(one(table.counts, table.levels, kind, (drawn / drawn.mean())[table.tasks]))
    assert found.value == one(table.counts, table.levels, kind, None)
    assert found.interval == pytest.approx(np.quantile(values, [0.025, 0.975]))
    assert found.interval[0] < found.value < found.interval[1]


def test_kappas_of_pairs_are_those_of_their_tables(overlap):
    table = {}
    for at in range(len(overlap)):
        table.setdefault(overlap.unit[at], {})[overlap.raters[overlap.rater[at]]] = overlap.canonical[at] + 3

    for kappa in agreement.kappa_of_pairs(overlap):
        both = [unit for unit in table.values() if set(kappa.raters) <= set(unit)]
        counts = np.zeros((7, 7), dtype=int)
        for unit in both:
            counts[unit[kappa.raters[0]], unit[kappa.raters[1]]] += 1
        assert kappa.units == len(both)
        assert kappa.quadratic.value == pytest.approx(agreement.weighted_kappa(counts))
        assert kappa.quadratic.interval[0] < kappa.quadratic.value < kappa.quadratic.interval[1]


def test_one_task_has_no_interval():
    table = agreement.table_of(votes_of(vote("a", "b", 1, rater="riley"), vote("a", "b", 2, rater="sam")))

    assert "one task" in agreement.alpha_of(table, "ordinal").why_not
