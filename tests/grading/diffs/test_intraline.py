from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.diffs import intraline
from grading.diffs.intraline import MOST_CHARACTERS, marks, pairs


def words(line: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [line[low:high] for low, high in spans]


@pytest.mark.parametrize(
    ("old", "new", "removed", "added"),
    [
        ("if a < time.time():", "if a <= self._now():", ["time", "time"], ["= self", "_now"]),
        ("def f(x):", "def f(x, y):", [], [", y"]),
        ("same", "same", [], []),
        ("", "new", [], ["new"]),
        ("one two", "six ten", ["one two"], ["six ten"]),
    ],
)
def test_words_that_differ_are_marked(old, new, removed, added):
    found = marks(old, new)

    assert (words(old, found.old), words(new, found.new)) == (removed, added)


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_not_marked_is_equal(old, new):
    found = marks(old, new)

    def rest(line: str, spans: tuple[tuple[int, int], ...]) -> str:
        for low, high in reversed(spans):
            line = line[:low] + line[high:]
        return "".join(line.split())

    assert rest(old, found.old) == rest(new, found.new)


def test_long_lines_are_not_compared():
    assert marks("a" * (MOST_CHARACTERS + 1), "b") == ((), ())


def test_a_long_middle_gets_one_span():
    old, new = "x " + "a b " * 300, "x " + "c d " * 300

    found = marks(old, new)

    assert (len(found.old), len(found.new)) == (1, 1)


def test_lines_are_paired_by_the_words_they_share():
    removed = ["value = compute(a, b)", "return value"]
    added = ["# a remark of many words", "value = compute(a, b, c)", "return value + 1"]

    assert pairs(removed, added) == [(0, 1), (1, 2)]


def test_strangers_are_not_paired():
    assert pairs(["import os"], ["class Tide:"]) == []
    assert pairs([], ["x"]) == []


def test_too_many_lines_are_paired_in_order_or_not_at_all():
    assert pairs(["x"] * 50, ["y"] * 50)[:2] == [(0, 0), (1, 1)]
    assert pairs(["x"] * 50, ["y"] * 51) == []


def test_when_the_effort_is_spent_a_change_gets_one_span():
    effort = intraline.Effort(10)
    old, new = "a b c d e f g", "x b y d z f w"

    assert len(intraline.marks(old, new).new) == 4
    assert intraline.marks(old, new, effort).new == ((0, 13),)
    assert effort.ran_out


def test_when_the_effort_is_spent_lines_are_paired_in_order():
    effort = intraline.Effort(3)

    assert intraline.pairs(["a b", "c d"], ["c d e", "a b e"], effort) == [(0, 0), (1, 1)]
    assert effort.ran_out
