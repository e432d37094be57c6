"""Which view a reader gets: the address, then their choice, then what fits the pair."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from grading import looks
from grading.models import View


def asked(query="", **cookies):
    request = RequestFactory().get(f"/{query}")
    request.COOKIES.update(cookies)
    return request


@pytest.mark.parametrize(
    ("query", "cookies", "view"),
    [
        ("", {}, "direct"),
        ("", {"compare_view": "three"}, "three"),
        ("?view=pair", {"compare_view": "three"}, "pair"),
        ("?view=sideways", {"compare_view": "three"}, "three"),
        ("?view=sideways", {"compare_view": "<script>"}, "direct"),
    ],
)
def test_the_address_wins_over_the_choice_and_that_over_the_start(query, cookies, view):
    assert looks.look_of(asked(query, **cookies), "direct").view == view


@pytest.mark.parametrize(
    ("query", "stored"),
    [("?view=a", View.PAIR), ("?view=b&split=1", View.THREE), ("?view=direct&split=1", View.DIRECT)],
)
def test_one_side_alone_is_a_stored_view_with_the_other_side_hidden(query, stored):
    assert looks.look_of(asked(query)).stored == stored


@pytest.mark.parametrize(
    ("query", "cookies", "stored"),
    [
        ("?view=pair", {}, View.CELLS),
        ("?view=a", {}, View.CELLS),
        ("?view=a&split=1", {}, View.THREE),
        ("?view=direct", {}, View.DIRECT),
        ("?view=pair", {"compare_notebook": "file"}, View.PAIR),
        ("?view=pair&notebook=cells", {"compare_notebook": "file"}, View.CELLS),
    ],
)
def test_a_notebook_is_shown_as_its_cells_where_a_and_b_stand_beside_each_other(query, cookies, stored):
    look = looks.look_of(asked(query, **cookies))

    assert look.stored_of({"pair", "three", "direct", "cells"}) == stored
    assert look.stored_of({"pair", "three", "direct"}) != View.CELLS


@pytest.mark.parametrize(
    ("query", "stored"), [("?view=cells", View.CELLS), ("?view=a", View.PAIR), ("?view=x", View.PAIR)]
)
def test_the_address_of_a_part_names_what_is_stored(query, stored):
    assert looks.stored_asked(asked(query)) == stored


def test_what_the_address_asks_for_is_kept_and_nothing_else():
    response = looks.remember(asked("?view=three&blank=hide&split=maybe"), HttpResponse())

    assert {name: cookie.value for name, cookie in response.cookies.items()} == {
        "compare_view": "three",
        "compare_blank": "hide",
    }


@pytest.mark.parametrize(
    ("files", "start"),
    [
        ([], "pair"),
        ([{}], "pair"),  # rendered before this was counted
        ([{"changed": 10, "alike": 0.5}], "direct"),
        ([{"changed": 10, "alike": 1.0}, {"changed": 100, "alike": 0.1}], "pair"),
    ],
)
def test_where_half_of_the_changed_lines_are_alike_the_start_is_a_against_b(files, start):
    assert looks.start_of({"files": files}) == start
