from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from grading.diffs import child, process
from grading.diffs.caps import CAPS, LISTING, PLAIN
from grading.diffs.child import compare_in_child
from grading.diffs.compare import compare_both

BASE = {"a.py": b"import x\n", "b.txt": b"caf\xe9\n"}


@pytest.fixture
def sides(repository):
    return (
        repository.side(BASE, BASE | {"a.py": b"import y\n", "b.txt": b"\xff\n"}),
        repository.side(BASE, BASE | {"a.py": b"import z\n"}),
    )


def test_the_child_gives_what_comparing_here_gives(sides):
    assert compare_in_child(*sides, BASE) == compare_both(*sides, BASE)


def test_a_child_that_overruns_is_killed_and_the_files_are_still_listed(sides):
    forward, backward = compare_in_child(*sides, BASE, seconds=0.01)

    assert [file.path for file in forward.files] == ["a.py", "b.txt"]
    assert forward.left_totals == backward.right_totals == (2, 2, 2)
    assert "listed with its counts alone" in forward.files[0].degraded[0]


def test_a_child_without_memory_ends_in_a_listing(repository):
    side = repository.side({}, {"a.py": b"x = 1\n" * 200_000})

    forward, _ = compare_in_child(side, side, {}, memory=1)

    assert forward.right_totals == (1, 200_000, 0)
    assert "listed" in forward.files[0].degraded[0]


def test_each_failure_takes_away_some_detail(sides, monkeypatch):
    asked = []

    def fail_twice(request, seconds, read):
        asked.append(request["caps"]["colours"] or request["caps"]["lines"])
        return "the listing" if len(asked) == 3 else None

    monkeypatch.setattr(child, "_asked", fail_twice)

    assert compare_in_child(*sides, BASE) == "the listing"
    assert asked == [CAPS.lines, PLAIN.lines, LISTING.lines]


@pytest.mark.parametrize(
    ("path", "bait"),
    [
        ("a.html", b"<!--" * 240 + b"\n"),
        ("a.pl", b"m{" * 450 + b"\n"),
        ("a.cpp", b'R"(' * 300 + b"\n"),
    ],
)
def test_bait_for_lexers_costs_its_colours_at_most(repository, path, bait):
    content = bait * (190_000 // len(bait))
    side = repository.side({}, {path: content})

    forward, _ = compare_in_child(side, side, {}, seconds=20)

    (file,) = forward.files
    assert file.relation == "same"
    assert file.views["pair"].html.count("<tr class=e") == content.count(b"\n")


@pytest.mark.parametrize("written", [b"", b"not json\n", b"[1, 2]\n", b"{}\n{}\n"])
def test_an_answer_that_makes_no_sense_is_no_answer(sides, monkeypatch, written):
    class Broken:
        pid, returncode = 1, 0

        def __init__(self, *arguments, **options): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def poll(self):
            return 0

        def communicate(self, request, timeout):
            return written, b""

    monkeypatch.setattr(process.subprocess, "Popen", Broken)

    forward, _ = compare_in_child(*sides, BASE)

    assert "listed" in forward.files[0].degraded[0]


def test_the_child_reads_one_request_and_writes_one_answer(sides, monkeypatch):
    request = child._request(*sides, BASE, CAPS, 5.0, 1)
    output = io.BytesIO()
    monkeypatch.setattr(process, "limit", lambda seconds, memory: None)
    monkeypatch.setattr(child.signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(request).encode())))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=output))

    child.main()

    assert child._read_answer(output.getvalue()) == compare_both(*sides, BASE)
