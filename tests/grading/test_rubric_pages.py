"""The rubric editor: versions, refusals by name, and the form that raters will see."""

import pytest

from tasks import rubrics
from tasks.models import Axis, Rubric
from tests import factories
from tests.grading.conftest import experiment_of, words_of

PAGE = "/rubrics/"


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


def typed(**fields: object) -> dict[str, object]:
    """Two axes and an empty row, as a browser posts them."""
    return {
        "name": "Care",
        "points": "7",
        "least_words": "5",
        "justification": "leaning",
        "strengths": "leaning",
        "strengths_words": "3",
        "weaknesses": "hidden",
        "weaknesses_words": "0",
        "axis_position": ["2", "1", "3"],
        "axis_key": ["", "", ""],
        "axis_name": ["Tests", "Overall", ""],
        "axis_question": ["Which one is tested better?", "Which one is whole?", ""],
        "axis_help": ["Look at the edges.", "", ""],
    } | fields


def test_the_empty_list_says_what_to_do_and_adds_what_comes_with_marlin(admin, db):
    before = words_of(admin.get(PAGE))
    admin.post(f"{PAGE}ship")
    admin.post(f"{PAGE}ship")
    after = words_of(admin.get(PAGE))

    assert "Write the first" in before
    assert sorted(Rubric.objects.values_list("name", flat=True)) == sorted(rubrics.shipped_names())
    assert [
        Rubric.objects.get(name=name).axes.count() for name in ("default", "code", "behaviour", "quick")
    ] == [
        5,
        7,
        11,
        2,
    ]
    assert "that come with Marlin" not in after


def test_a_rubric_is_kept_as_it_was_typed(admin):
    admin.post(f"{PAGE}new", typed(may_skip="on"))

    rubric = Rubric.objects.get()
    assert (rubric.name, rubric.version, rubric.points, rubric.may_skip) == ("Care", 1, 7, True)
    assert (rubric.strengths, rubric.strengths_words, rubric.weaknesses) == ("leaning", 3, "hidden")
    # In the order of their numbers, and never under a key that the form uses for something else.
    assert list(Axis.objects.values_list("key", "name", "help")) == [
        ("overall-2", "Overall", ""),
        ("tests", "Tests", "Look at the edges."),
    ]


def test_an_unused_rubric_is_changed_and_a_used_one_gets_a_new_version(admin, bells):
    admin.post(f"{PAGE}new", typed())
    first = Rubric.objects.get()
    keys = list(first.axes.values_list("key", flat=True))
    again = typed(axis_position=["1", "2"], axis_key=keys, axis_name=["Wholeness", "Tests"])

    admin.post(f"{PAGE}{first.pk}/", again)
    changed = list(first.axes.values_list("key", "name"))
    experiment_of(1, rubric=first)
    answer = admin.post(f"{PAGE}{first.pk}/", again | {"points": "8"})
    same = admin.post(answer.url, again | {"points": "8"})

    assert changed == [("overall-2", "Wholeness"), ("tests", "Tests")]
    assert list(Rubric.objects.order_by("version").values_list("version", "points")) == [(1, 7), (2, 8)]
    assert list(first.axes.values_list("key", "name")) == changed
    assert same.url == answer.url


def test_what_came_with_marlin_is_never_changed(admin):
    shipped = rubrics.shipped("quick")

    admin.post(f"{PAGE}{shipped.pk}/", typed())

    assert list(shipped.axes.values_list("key", flat=True)) == ["correctness", "quality"]
    assert Rubric.objects.get(name="quick", version=2).axes.count() == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "A name of letters, digits, blanks"),
        ({"name": "a/b"}, "A name of letters, digits, blanks"),
        ({"name": "taken"}, "There is a rubric of this name"),
        ({"points": "9"}, "Choose 7 points with a middle, or 8 without."),
        ({"least_words": "many"}, "Write a number of words, 0 to 1,000."),
        ({"strengths_words": "1001"}, "Write a number of words, 0 to 1,000."),
        ({"justification": "hidden"}, "Choose when it is needed."),
        (
            {"axis_name": ["", "", ""], "axis_question": ["", "", ""], "axis_help": ["", "", ""]},
            "one axis at least",
        ),
        ({"axis_name": ["Tests", "", ""]}, "Axis 2 has no name."),
        ({"axis_question": ["", "Which?", ""]}, "“Tests” has no question"),
        ({"axis_name": ["Tests", "tests", ""]}, "is there twice."),
        ({"axis_name": ["T" * 61, "Other", ""]}, "is longer than 60 letters."),
        ({"axis_position": ["first", "2", "3"]}, "“Tests” needs a whole number for its place."),
    ],
)
def test_each_refusal_is_told_by_name_and_loses_nothing(admin, fields, sentence):
    factories.make_rubric(name="Taken")
    sent = typed(**fields)

    answer = admin.post(f"{PAGE}new", sent)
    page = words_of(answer)

    assert (answer.status_code, sentence in page) == (422, True)
    for words in (*sent["axis_name"], *sent["axis_question"], *sent["axis_help"]):
        assert words in page
    assert Rubric.objects.count() == 1


def test_another_row_is_added_without_keeping_anything(admin):
    answer = admin.post(f"{PAGE}new", typed(add="1", name=""))

    assert answer.status_code == 200
    assert words_of(answer).count('name="axis_name"') == 4
    assert not Rubric.objects.exists()


def test_the_preview_is_the_form_that_raters_will_see(admin):
    page = words_of(admin.post(f"{PAGE}preview", typed(may_skip="on")))

    assert page.index("Which one is whole?") < page.index("Which one is tested better?")
    assert "Not applicable" in page
    assert "Look at the edges." in page
    assert ("a_strengths" in page, "a_weaknesses" in page) == (True, False)
    assert page.count("points-7") == 3


def test_the_preview_is_drawn_of_anything(admin):
    assert (
        admin.post(f"{PAGE}preview", {"points": "x", "axis_name": ["?"], "axis_key": ["a", "b"]}).status_code
        == 200
    )
