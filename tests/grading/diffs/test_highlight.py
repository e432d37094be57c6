from __future__ import annotations

import pytest
from pygments.token import Comment, Keyword, Name, Text

from grading.diffs import highlight
from grading.diffs.highlight import Highlighter, css_class, lexer_of


def shown(content: bytes, path: str) -> list[list[tuple[str, str]]]:
    text = Highlighter().text(content, path)
    return [
        [(line[start:end], css) for start, end, css in pieces]
        for line, pieces in zip(text.lines, text.pieces, strict=True)
    ]


def test_a_string_over_lines_is_coloured_on_each():
    assert shown(b'x = """one\r\n\r\nimport two\r\n"""\r\nimport y\r\n', "a.py") == [
        [('"""one', "s")],
        [],
        [("import two", "s")],
        [('"""', "s")],
        [("import", "k")],
    ]


def test_leading_and_trailing_blank_lines_shift_nothing():
    assert shown(b"\n\n\nclass Tide: pass\n\n\n", "a.py")[3] == [("class", "k"), ("Tide", "f"), ("pass", "k")]


@pytest.mark.parametrize(
    ("token", "css"),
    [(Keyword.Reserved, "k"), (Comment.Single, "c"), (Name.Function.Magic, "f"), (Text, ""), (Name, "")],
)
def test_classes_are_those_of_the_style_sheet(token, css):
    assert css_class(token) == css


def test_the_lexer_goes_by_name_alone():
    assert lexer_of("deep/down/a.py").name == "Python"
    assert lexer_of("unknown.zzz") is None
    assert shown(b"#!/usr/bin/python\nimport x\n", "tool") == [[], []]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"x = 1\n" * 40_000, "larger than 200 kB"), (b"x" * 1_001, "line of more than 1,000 characters")],
)
def test_past_a_cap_text_stays_plain_and_says_why(content, why):
    text = Highlighter().text(content, "a.py")

    assert why in text.plain
    assert not any(text.pieces)


def test_a_slow_lexer_is_stopped(monkeypatch):
    monkeypatch.setattr(highlight, "MOST_SECONDS", -1.0)

    assert Highlighter().text(b"import x\n", "a.py").plain == "takes too long to colour"


def test_time_is_bounded_over_all_files(monkeypatch):
    monkeypatch.setattr(highlight, "MOST_SECONDS_TOGETHER", -1.0)

    assert "took all the time" in Highlighter().text(b"import x\n", "a.py").plain


def test_a_lexer_that_fails_takes_only_the_colours(monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(highlight, "_pieces", broken)

    assert Highlighter().text(b"import x\n", "a.py").plain == "could not be coloured"


def test_equal_texts_are_read_once():
    highlighter = Highlighter()

    assert highlighter.text(b"import x\n", "a.py") is highlighter.text(b"import x\n", "b.py")
    assert highlighter.text(b"import x\n", "a.py") is not highlighter.text(b"import x\n", "a.js")


def test_other_encodings_fall_back():
    assert Highlighter().text(b"caf\xe9\n", "a.txt")[0::2] == (["café"], "Latin-1")


def test_texts_that_took_too_long_leave_little_time_to_the_next(monkeypatch):
    highlighter = Highlighter()
    monkeypatch.setattr(highlight, "MOST_SECONDS", -1.0)
    highlighter.text(b"import x\n", "a.py")
    monkeypatch.setattr(highlight, "MOST_SECONDS_WASTED", 0.0)

    assert (
        highlighter.text(b"import y\n", "a.py").plain
        == "comes after files that took all the time for colouring"
    )
    monkeypatch.setattr(highlight, "MOST_SECONDS", 60.0)
    assert Highlighter().text(b"import y\n", "a.py").plain == ""
