"""Each rule of a preference, and which of them bar handing in."""

import pytest

from grading import checks
from grading.models import Revision
from tests import factories

WORDS = "one two three four five six seven eight nine ten"


@pytest.fixture
def rubric(db):
    """Eight points, two axes, five words at least."""
    return factories.make_rubric(least_words=5)


def write(ratings=None, key_axis="clarity", justification=WORDS):
    return Revision(
        ratings={"overall": 4, "efficiency": 4, "clarity": 4} if ratings is None else ratings,
        key_axis=key_axis,
        texts={"justification": justification},
    )


def found(rubric, revision):
    return [(finding.field, finding.stops) for finding in checks.findings(rubric, revision)]


def test_a_finished_preference_has_no_findings(rubric):
    assert found(rubric, write()) == []


def test_nothing_written_stops(rubric):
    assert [finding.sentence for finding in checks.findings(rubric, None)] == ["Nothing is written yet."]
    assert found(rubric, None) == [("overall", True)]


def test_overall_must_be_rated(rubric):
    finding = checks.overall_is_rated(rubric, write({"efficiency": 4, "clarity": 4}))

    assert (finding.sentence, finding.field, finding.stops) == (
        "“Overall” is not rated yet.",
        "overall",
        True,
    )


def test_every_axis_must_be_rated(rubric):
    finding = checks.every_axis_is_rated(rubric, write({"overall": 4, "efficiency": 4}))

    assert (finding.sentence, finding.field, finding.stops) == (
        "“Clarity” is not rated yet.",
        "clarity",
        True,
    )


def test_where_the_rubric_allows_it_an_axis_may_be_skipped(db):
    rubric = factories.make_rubric(may_skip=True)

    finding = checks.every_axis_is_rated(rubric, write({"overall": 4, "clarity": 4}))

    assert (finding.field, finding.stops) == ("efficiency", False)


def test_the_axis_that_decided_must_be_named(rubric):
    assert found(rubric, write(key_axis="")) == [("key_axis", True)]


@pytest.mark.parametrize(("words", "stops"), [("", True), ("one two three four", True), ("a b c d e", False)])
def test_the_reason_must_be_long_enough(rubric, words, stops):
    assert found(rubric, write(justification=words)) == ([("justification", True)] if stops else [])


def test_the_reason_says_how_many_words_it_has(rubric):
    finding = checks.justification_is_long_enough(rubric, write(justification="too short"))

    assert finding.sentence == "The reason has 2 of the 5 words it needs."


@pytest.mark.parametrize(("overall", "warns"), [(1, True), (2, True), (3, False), (6, False), (7, True)])
def test_a_strong_rating_deserves_a_longer_reason(rubric, overall, warns):
    revision = write({"overall": overall, "efficiency": 4, "clarity": overall}, justification="a b c d e f")

    assert found(rubric, revision) == ([("justification", False)] if warns else [])


def test_a_strong_rating_with_a_long_reason_is_fine(rubric):
    assert found(rubric, write({"overall": 1, "efficiency": 4, "clarity": 1})) == []


@pytest.mark.parametrize(
    ("overall", "key", "warns"), [(4, 5, True), (5, 4, True), (4, 3, False), (6, 5, False), (None, 5, False)]
)
def test_the_axis_that_decided_should_point_where_overall_does(rubric, overall, key, warns):
    ratings = {"efficiency": 4, "clarity": key} | ({"overall": overall} if overall else {})

    finding = checks.overall_agrees_with_the_key_axis(rubric, write(ratings))

    assert bool(finding) is warns
    assert not (finding and finding.stops)


def test_the_middle_of_seven_points_disagrees_with_nothing(db):
    rubric = factories.make_rubric(points=7)

    assert found(rubric, write({"overall": 4, "efficiency": 4, "clarity": 7})) == []


def test_what_stops_comes_before_what_warns(rubric):
    revision = write({"overall": 1, "efficiency": 4, "clarity": 8}, key_axis="clarity", justification="")

    assert [stops for _, stops in found(rubric, revision)] == [True, False, False]


def test_a_demand_names_the_first_thing_that_is_missing(rubric):
    with pytest.raises(checks.Refused, match="“Overall” is not rated yet") as refused:
        checks.demand(rubric, write({}))

    assert (refused.value.sentence, refused.value.field) == ("“Overall” is not rated yet.", "overall")


def test_a_demand_lets_warnings_pass(rubric):
    checks.demand(rubric, write({"overall": 1, "efficiency": 4, "clarity": 8}, justification="a b c d e"))


def test_a_demand_refuses_an_empty_form(rubric):
    with pytest.raises(checks.Refused, match="Nothing is written yet"):
        checks.demand(rubric, None)


BOTH = {"a_strengths": "Small.", "b_strengths": "It is small."}

# --- What a rubric asks for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "overall", "texts", "stops"),
    [
        ({"strengths": "always"}, 4, {"a_strengths": "Small."}, ["b_strengths"]),
        ({"strengths": "always", "strengths_words": 2}, 4, BOTH, ["a_strengths"]),
        ({"strengths": "leaning"}, 1, {}, ["a_strengths"]),
        ({"strengths": "leaning"}, 7, {}, ["b_strengths"]),
        ({"weaknesses": "leaning"}, 1, {}, ["b_weaknesses"]),
        ({"weaknesses": "leaning", "strengths": "leaning"}, 4, {}, []),
        ({"justification": "leaning"}, 4, {"justification": ""}, []),
        ({"justification": "leaning"}, 5, {"justification": ""}, ["justification"]),
        ({"justification": "optional"}, 5, {"justification": ""}, []),
        ({"strengths": "optional", "strengths_words": 9}, 1, {"a_strengths": "Small."}, []),
    ],
)  # fmt: skip
def test_the_rubric_says_which_texts_a_rating_needs(db, asked, overall, texts, stops):
    rubric = factories.make_rubric(points=7, least_words=5, **asked)
    revision = write({"overall": overall, "efficiency": 4, "clarity": 4})
    revision.texts |= texts

    assert [finding.field for finding in checks.findings(rubric, revision) if finding.stops] == stops


@pytest.mark.parametrize(("may_skip", "found_axis"), [(True, []), (False, ["clarity"])])
def test_not_applicable_answers_an_axis_only_where_it_is_allowed(db, may_skip, found_axis):
    rubric = factories.make_rubric(may_skip=may_skip)
    revision = write({"overall": 4, "efficiency": 4})
    revision.not_applicable = ["clarity"]

    assert [finding.field for finding in checks.findings(rubric, revision)] == found_axis
