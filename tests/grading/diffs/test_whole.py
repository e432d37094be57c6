"""Whole files as coloured rows: any content, in a child that can be killed."""

import re
from html import unescape

import pytest

from grading.diffs import process, whole
from grading.diffs.highlight import Highlighter
from grading.diffs.whole import write_in_child, written


def lines_of(html):
    """What a reader could copy of it."""
    rows = re.findall(r"<tr id=L\d+><td data-n=\d+>(.*?)(?=<tr |\Z)", html, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", row)) for row in rows]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"no end", ["no end"]),
        (b"\n\n", ["", ""]),
        (b"a < b && '</td><script>'\n", ["a < b && '</td><script>'"]),
        ("x\u202e\x1b[0m\n".encode(), ["xU+202EU+001B[0m"]),
        (b"\xe9t\xe9\n", ["été"]),
    ],
)
def test_rows_hold_the_lines_and_nothing_that_runs(content, lines):
    rows = written(content, "odd.py", Highlighter())

    assert lines_of(rows.html) == lines
    assert "<script" not in rows.html
    assert (rows.lines, rows.note) == (len(lines), "")


def test_code_is_coloured_and_numbered():
    html = write_in_child({"1": ("tide.py", b"def height(hour):\n    return hour\n")})["1"].html

    assert "<b>def</b>" in html
    assert "<tr id=L2><td data-n=2>" in html


def test_what_is_no_text_or_too_long_is_said(monkeypatch):
    monkeypatch.setattr(whole, "MOST_LINES", 2)

    assert written(b"\x7fELF\0\0", "a.out", Highlighter()).note == "This is a binary file."
    long = written(b"1\n2\n3\n", "three", Highlighter())
    assert (lines_of(long.html), long.note) == (["1", "2"], "The first 2 of 3 lines.")
    assert "larger than 200 kB" in written(b"#" * 200_001, "large.py", Highlighter()).note


def test_a_child_that_is_killed_costs_the_colours_then_the_rows(monkeypatch):
    asked = []
    monkeypatch.setattr(process, "ask", lambda module, request, *rest: asked.append(request["colours"]))

    answer = write_in_child({"1": ("a.py", b"a\n")})

    assert asked == [True, False]
    assert answer["1"].note == "This file takes too long to be shown."


def test_a_child_that_overruns_is_killed():
    assert process.ask("grading.diffs.whole", {"texts": []}, 0.000_1, bytes) is None
    assert (
        process.ask("grading.diffs.whole", {}, 20, bytes) is None
    )  # it fails on what it does not understand
