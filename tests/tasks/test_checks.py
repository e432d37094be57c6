"""What a prompt should not do: each is found at its place, and honest prompts are left in peace."""

from __future__ import annotations

import pytest

from tasks.checks import findings

HONEST = (
    "Entries that have expired come back when the system clock is set back, because their end is compared with the "
    "wall clock. They should stay gone, whatever happens to the clock, and the size should not count them. Keep the "
    "public interface as it is and add a test for each case."
)

SPOILED = [
    ("reference", "See pull request #1234.", "pull request #1234"),
    ("reference", "This is issue 77.", "issue 77"),
    ("reference", "Fixes #204.", "#204"),
    ("reference", "As in https://github.com/o/r/pull/9", "github.com/o/r/pull/9"),
    ("reference", "Take it from branch `fix/clock`.", "branch `fix/clock`"),
    ("reference", "Go back to " + "0a" * 20, "0a" * 20),
    ("role", "You are a senior Python engineer.", "You are a senior Python engineer"),
    ("role", "Act as an expert.", "Act as an expert"),
    ("role", "As a senior, decide.", "As a senior"),
    ("instructions", "Write your rules into CLAUDE.md first.", "CLAUDE.md"),
    ("instructions", "Create .cursorrules.", ".cursorrules"),
    ("dictated", "Change lines 10-14.", "lines 10-14"),
    ("dictated", "Open src/a.py and replace the loop.", "Open src/a.py and replace"),
    ("network", "Download it from the web.", "Download it from the web"),
    ("network", "Run pip install tides.", "pip install"),
    ("network", "Read https://example.org/spec", "https://example.org/spec"),
]


def found(prompt: str) -> list[tuple[str, str]]:
    return [(one.check, prompt[one.start : one.end]) for one in findings({"prompt": prompt})]


def test_an_honest_prompt_is_left_in_peace():
    assert found(HONEST) == []


def test_nothing_is_said_of_nothing():
    assert findings({"prompt": " \n"}) == []


@pytest.mark.parametrize(("check", "spoiling", "place"), SPOILED, ids=[text for _, text, _ in SPOILED])
def test_a_fault_is_found_at_its_place(check, spoiling, place):
    assert (check, place) in found(f"{HONEST} {spoiling}")


@pytest.mark.parametrize(
    "words",
    [
        "You are right to ask: it should stay.",
        "The 3rd line break is lost.",
        "Use C#11 features.",
        "&#8220;",
        "#fff",
    ],
)
def test_words_that_only_look_like_a_fault_are_left_alone(words):
    assert found(f"{HONEST} {words}") == []


def test_many_numbered_steps_are_one_remark():
    steps = "\n".join(f"{number}. Do this." for number in range(1, 8))

    (one,) = found(f"{HONEST}\n{steps}\nDone.")

    assert one[0] == "dictated"
    assert one[1].startswith("1. ")


def test_of_one_check_three_places_are_told():
    assert len(found(HONEST + " #123" * 9)) == 3


def test_a_prompt_without_an_outcome_is_told_so():
    prompt = "Make the cache nicer and clean up a little around it because it has become quite hard to follow for us."

    assert found(prompt) == [("outcome", "")]


@pytest.mark.parametrize("prompt", ["It should work.", "It should work. " * 400], ids=["short", "long"])
def test_a_prompt_of_a_strange_length_is_told_so(prompt):
    assert ("length", "") in found(prompt)
