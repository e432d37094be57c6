"""What the repository's own tests said, read from what they printed."""

import pytest

from tasks.generation.evidence import LONGEST_LOG, Evidence, plain, read
from tasks.sandbox.base import Ended, Finished

UNITTEST = """\
..F.s
======================================================================
FAIL: test_falls (test_tide.Tide.test_falls)
----------------------------------------------------------------------
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 5 tests in 0.004s

FAILED (failures=1, skipped=1)
"""
PYTEST = """\
FAILED tests/test_tide.py::test_falls[spring tide] - assert 1 == 2
ERROR tests/test_moon.py::test_shines
============ 1 failed, 12 passed, 2 skipped, 1 error in 63.12s (0:01:03) ============
"""


def finished(text: str = "", *, code: int | None = 0, ended: Ended = "exited", errors: str = "") -> Finished:
    return Finished(code, ended, text.encode(), errors.encode(), truncated=False, seconds=1.5)


def counts(evidence: Evidence) -> tuple[int, int, int]:
    return evidence.passed, evidence.failed, evidence.skipped


@pytest.mark.parametrize(
    ("text", "code", "expected", "failures"),
    [
        ("Ran 3 tests in 0.001s\n\nOK\n", 0, (3, 0, 0), ()),
        ("Ran 1 test in 0.001s\n\nOK (skipped=1)\n", 0, (0, 0, 1), ()),
        ("Ran 2 tests in 0.1s\n\nOK (expected failures=1)\n", 0, (2, 0, 0), ()),
        ("Ran 2 tests in 0.1s\n\nFAILED (unexpected successes=1)\n", 1, (1, 1, 0), ()),
        (UNITTEST, 1, (3, 1, 1), ("test_falls (test_tide.Tide.test_falls)",)),
        ("Ran 4 tests in 1s\n\nFAILED (errors=1)\nRan 6 tests in 1s\n\nOK\n", 0, (9, 1, 0), ()),
        ("==== 3 passed in 0.12s ====\n", 0, (3, 0, 0), ()),
        ("3 passed, 1 warning in 0.12s\n", 0, (3, 0, 0), ()),
        ("==== 4 xfailed, 2 passed in 0.12s ====\n", 0, (2, 0, 0), ()),
        (PYTEST, 1, (12, 2, 2), ("tests/test_moon.py::test_shines", "tests/test_tide.py::test_falls[spring")),
    ],
)
def test_counts_and_names_come_out_of_what_known_runners_print(text, code, expected, failures):
    evidence = read(finished(errors=text, code=code), seconds=60)

    assert counts(evidence) == expected
    assert evidence.failures == failures
    assert evidence.ran
    assert evidence.is_green == (expected[1] == 0)


def test_an_unknown_runner_is_believed_by_its_exit_code():
    good = read(finished("all is well\n"), seconds=60)
    bad = read(finished("something broke\n", code=3), seconds=60)

    assert good.is_green
    assert counts(good) == (0, 0, 0)
    assert not bad.is_green
    assert bad.sentence == "The test command failed; the log tells why."


def test_a_command_that_fails_although_no_test_did_is_not_green():
    evidence = read(finished("==== 3 passed in 1s ====\ncoverage too low\n", code=2), seconds=60)

    assert counts(evidence) == (3, 0, 0)
    assert "although no test did" in evidence.sentence


@pytest.mark.parametrize(
    ("ended", "sentence"),
    [
        ("wall", "The tests did not finish in 60 seconds."),
        ("memory", "The tests were stopped: they used more than they may."),
        ("output", "The tests were stopped: they used more than they may."),
        ("disk", "The tests were stopped: they used more than they may."),
    ],
)
def test_tests_that_were_stopped_say_so(ended, sentence):
    evidence = read(finished("Ran 1 test in 1s\n\nOK\n", code=None, ended=ended), seconds=60)

    assert evidence.sentence == sentence
    assert not evidence.is_green


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (b"Ran 3 tests in 0.001s", "Ran 3 tests"),
        (b"3 passed in 63.12s (0:01:03)", "3 passed"),
        (b"test_tide (0.5s) ok", "test_tide  ok"),
        (b"took 12.5 ms", "took "),
        (b"<object at 0x7f3a2b1c>", "<object at 0x…>"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"bell\x07 and nul\x00", "bell and nul"),
        (b"one\r\ntwo", "one\ntwo"),
        (b"caf\xff", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_what_differs_between_two_equal_runs_is_taken_out(printed, kept):
    assert plain(printed) == kept


def test_the_log_keeps_its_end_where_failures_stand():
    evidence = read(finished("x" * LONGEST_LOG + "\nthe failure", code=1), seconds=60)

    assert len(evidence.log) <= LONGEST_LOG
    assert evidence.log.endswith("the failure")


def test_evidence_can_be_stored():
    evidence = read(finished(UNITTEST, code=1), seconds=60)

    assert evidence.as_json()["failures"] == ["test_falls (test_tide.Tide.test_falls)"]
