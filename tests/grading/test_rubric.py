"""Scales, their words, and what a rating means once nobody stands left or right any more."""

import pytest

from grading.rubric import canonical, clean_ratings, is_strong, steps, word

# position as shown -> value when A is the first candidate
SEVEN = {1: 3, 2: 2, 3: 1, 4: 0, 5: -1, 6: -2, 7: -3}
EIGHT = {1: 4, 2: 3, 3: 2, 4: 1, 5: -1, 6: -2, 7: -3, 8: -4}


@pytest.mark.parametrize(("points", "table"), [(7, SEVEN), (8, EIGHT)])
def test_a_rating_is_positive_when_the_first_candidate_is_better(points, table):
    shown_as_a = {value: canonical(points, value, a_is_first=True) for value in table}
    shown_as_b = {value: canonical(points, value, a_is_first=False) for value in table}

    assert shown_as_a == table
    assert shown_as_b == {value: -rating for value, rating in table.items()}


@pytest.mark.parametrize(("points", "value"), [(7, 0), (7, 8), (8, -1), (8, 9)])
def test_a_value_beside_the_scale_is_no_rating(points, value):
    with pytest.raises(ValueError, match=f"{value} is not on a scale of {points} points"):
        canonical(points, value, a_is_first=True)


def test_eight_points_have_words_without_a_middle():
    assert [(step.value, step.word, step.side) for step in steps(8)] == [
        (1, "A clearly", "a"),
        (2, "A significantly", "a"),
        (3, "A better", "a"),
        (4, "A slightly", "a"),
        (5, "B slightly", "b"),
        (6, "B better", "b"),
        (7, "B significantly", "b"),
        (8, "B clearly", "b"),
    ]


def test_seven_points_have_a_middle_that_belongs_to_no_side():
    assert [(step.value, step.word, step.side) for step in steps(7)] == [
        (1, "A clearly", "a"),
        (2, "A better", "a"),
        (3, "A slightly", "a"),
        (4, "About the same", ""),
        (5, "B slightly", "b"),
        (6, "B better", "b"),
        (7, "B clearly", "b"),
    ]


@pytest.mark.parametrize("points", [7, 8])
def test_the_side_of_a_step_is_the_sign_of_its_rating(points):
    for step in steps(points):
        rating = canonical(points, step.value, a_is_first=True)

        assert {"a": rating > 0, "b": rating < 0, "": rating == 0}[step.side]


@pytest.mark.parametrize(
    ("points", "value", "said"), [(8, 1, "A clearly"), (7, 4, "About the same"), (8, None, "not rated")]
)
def test_a_rating_in_words(points, value, said):
    assert word(points, value) == said


@pytest.mark.parametrize(("points", "strong"), [(7, {1, 2, 6, 7}), (8, {1, 2, 7, 8})])
def test_the_outer_half_of_a_side_is_strong(points, strong):
    assert {value for value in range(1, points + 1) if is_strong(points, value)} == strong


@pytest.mark.parametrize(("posted", "kept"), [("1", 1), ("8", 8), (" 8", None), (7, 7)])
def test_ratings_on_the_scale_are_kept(posted, kept):
    assert clean_ratings(8, ["overall"], {"overall": posted}).get("overall") == kept


@pytest.mark.parametrize(
    "nonsense", ["", "0", "9", "-1", "+1", "1.0", "1e0", "٣", "²", "A", "\0", "1\0", "80", "8000", "1" * 5000]
)
def test_nonsense_is_left_out(nonsense):
    assert clean_ratings(8, ["overall"], {"overall": nonsense}) == {}


def test_only_axes_of_the_rubric_are_rated():
    assert clean_ratings(7, ["overall", "clarity"], {"overall": "7", "charm": "1"}) == {"overall": 7}
