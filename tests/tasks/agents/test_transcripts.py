import json

import pytest

from tasks.agents import transcripts
from tasks.agents.transcripts import ANOTHER_FORM, Step, as_json, final_message, from_json, parse


def test_steps_are_read_line_by_line():
    written = b"""\
{"kind": "say", "text": "I look first."}
{"kind": "read", "text": "def height", "path": "tide.py"}

{"kind": "run", "text": "pytest", "exit": 1}
"""

    assert parse(written) == (
        Step("say", "I look first."),
        Step("read", "def height", path="tide.py"),
        Step("run", "pytest", exit=1),
    )


def test_the_final_message_is_the_last_thing_said():
    assert (
        final_message([Step("say", "one"), Step("say", "two"), Step("run", "three"), Step("say", " ")])
        == "two"
    )
    assert final_message([Step("run", "three")]) == ""
    assert final_message([]) == ""


def test_steps_survive_storing():
    steps = (Step("say", 'a\nb\u2028ü"\\'), Step("run", "x", path="a/b", exit=0), Step("note", ""))

    assert from_json(as_json(steps)) == steps


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (b"not json", Step("note", "not json")),
        (b"[1, 2]", Step("note", "[1, 2]")),
        (b"null", Step("note", "null")),
        (b'"text"', Step("note", '"text"')),
        (b"1e999", Step("note", "1e999")),
        (b'{"kind": "dance", "text": "x"}', Step("note", ANOTHER_FORM)),
        (b'{"kind": ["say"]}', Step("note", ANOTHER_FORM)),
        (b'{"kind": {}}', Step("note", ANOTHER_FORM)),
        (b'{"kind": "say"}', Step("say", "")),
        (b'{"kind": "say", "text": 3}', Step("say", "3")),
        (b'{"kind": "say", "text": {"a": [1]}}', Step("say", '{"a": [1]}')),
        (b'{"kind": "say", "text": "x", "path": 3, "exit": "1"}', Step("say", "x")),
        (b'{"kind": "run", "text": "x", "exit": true}', Step("run", "x")),
        (b'{"kind": "run", "text": "x", "exit": 99999999999}', Step("run", "x")),
        (b'{"kind": "run", "text": "x", "exit": -9}', Step("run", "x", exit=-9)),
        (b'{"kind": "say", "text": "a\\u0000b"}', Step("say", "a\ufffdb")),
        (b'{"kind": "say", "text": "a\\ud800b"}', Step("say", "a?b")),
        (b"\xff\xfe", Step("note", "\ufffd\ufffd")),
        (b"a\0b", Step("note", "a\ufffdb")),
        (b'{"kind": "say", "text": "x"}\r', Step("say", "x")),
    ],
)
def test_anything_else_becomes_a_step_too(line, step):
    assert parse(line) == (step,)


def test_deep_nesting_does_not_hurt():
    deep = b"[" * 100_000 + b"]" * 100_000
    inside = b'{"kind": "say", "text": ' + b"[" * 500 + b"]" * 500 + b"}"

    assert parse(deep)[0].kind == "note"
    assert parse(inside)[0].kind in ("say", "note")


def test_a_huge_number_does_not_hurt():
    assert parse(b'{"kind": "say", "exit": ' + b"9" * 10_000 + b"}")[0].kind == "note"


def test_long_lines_and_texts_are_cut(monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_LINE", 5000)
    monkeypatch.setattr(transcripts, "MOST_TEXT", 1000)
    said, long = parse(json.dumps({"kind": "say", "text": "x" * 2000}).encode() + b"\n" + b"y" * 6000)

    assert said.text == "x" * 1000 + "[...]"
    assert long == Step("note", "y" * 1000 + "[...]")


def test_many_steps_are_cut_with_a_note(monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_STEPS", 3)

    steps = parse(b'{"kind": "say", "text": "x"}\n' * 10)

    assert len(steps) == 4
    assert steps[-1] == Step("note", "The transcript has more steps than are kept.")


def test_a_long_transcript_is_cut_with_a_note(monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_BYTES", 10)

    assert parse(b"0123456789abc") == (
        Step("note", "0123456789"),
        Step("note", "The transcript is longer than is kept."),
    )


def test_a_file_of_line_breaks_is_no_steps():
    assert parse(b"\n" * 10_000_000) == ()
    assert parse(b"") == ()
