"""A conversation over several turns: each begins, on both sides, with what the chosen candidate left."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

import tasks.jobs
from marlin.states import WrongState
from tasks import turns
from tasks.generation import conversation
from tasks.models import Candidate, Snapshot, Task, Turn
from tests import factories
from tests.tasks.agents.test_agents import REMEMBERS

#: Each turn adds a line to one file, and the answer holds the prompt that the agent was given.
ADDS_A_LINE = "echo line by %s >> log.txt; cat $HOME/prompt.md; git log --oneline | wc -l"
Held = Callable[..., Task]


def claude_like() -> dict[str, object]:
    argv = ["/bin/sh", "-c", REMEMBERS.replace("{", "{{").replace("}", "}}"), "sh", "{prompt}"]
    return {
        "argv": argv,
        "parser": "claude-stream-json",
        "history": "native",
        "resume": [*argv, "{session}+"],
        "state": [".memory"],
        "files": {".settings": ""},
    }


@pytest.fixture
def held(db: None, bells: list[tuple[object, ...]]) -> Held:
    """A task whose first pair is made; `one` and `other` are the settings of its arms."""

    def make(one: dict[str, object], other: dict[str, object], **other_fields: object) -> Task:
        versions = [
            factories.make_agent_version(harness="h", harness_version="1", settings=one),
            factories.make_agent_version(
                **{"harness": "h", "harness_version": "1", "settings": other} | other_fields
            ),
        ]
        task = factories.make_task(factories.make_experiment(versions=versions, turns_wanted=4))
        generate(task.turns.get())
        return task

    return make


def generate(turn: Turn) -> list[Candidate]:
    for candidate in turn.pair(1):
        tasks.jobs.generate_candidate(candidate.pk)
    return made(turn)


def made(turn: Turn) -> list[Candidate]:
    """In the order of the arms."""
    pair = list(Candidate.objects.filter(turn=turn).order_by("origin__arm__position"))
    assert {candidate.state for candidate in pair} == {"ready"}, [
        candidate.runs.latest("pk").sentence for candidate in pair
    ]
    return pair


def go_on(winner: Candidate, prompt: str) -> Turn:
    turn = turns.continue_from(winner, prompt=prompt, by=factories.make_person("Riley", "rater"))
    assert tasks.jobs.open_pair(turn.pk)
    return turn


def command(name: str) -> dict[str, object]:
    return {"argv": ["/bin/sh", "-c", ADDS_A_LINE % name]}


def test_a_conversation_of_four_turns_goes_on_from_each_winner(held):
    task = held(command("one"), command("other"))
    winner = made(task.turns.get())[0]

    for number, chosen in ((2, 1), (3, 0), (4, 1)):
        turn = go_on(winner, f"Now do number {number}.")
        assert turn.base_commit != winner.turn.base_commit
        winner = generate(turn)[chosen]

    # one, other, one, other: three of them were there before, and the patch is what the last turn added.
    assert b"+line by other" in bytes(winner.patch)
    assert bytes(winner.patch).count(b"\n+line") == 1
    assert bytes(winner.patch).count(b"\n line") == 3
    assert [turn.number for turn in task.turns.order_by("number")] == [1, 2, 3, 4]
    for number in (1, 2, 3):
        assert f"## Turn {number}: asked" in winner.final_message
    assert "Now do number 4." in winner.final_message
    with pytest.raises(turns.Refused, match="at most 4 turns"):
        turns.continue_from(winner, prompt="More.", by=factories.make_person("Riley", "rater"))


def test_both_sides_start_from_the_same_files_with_the_same_prompt(held):
    task = held(command("one"), command("one"))
    winner = made(task.turns.get())[1]

    one, other = generate(go_on(winner, "Go on."))

    assert bytes(one.patch) == bytes(other.patch)
    assert one.final_message == other.final_message


def test_two_arms_of_one_harness_go_on_in_the_winners_session(held):
    task = held(claude_like(), claude_like())
    winner = made(task.turns.get())[0]

    sides = generate(go_on(winner, "two"))

    sessions = [Snapshot.objects.get(candidate=side).session for side in sides]
    assert sessions == ["ss+", "ss+"]  # resumed from the winner's session on both sides
    assert [side.final_message for side in sides] == ["two", "two"]
    assert all(
        b"-1\n" in bytes(side.patch) and b"+2\n" in bytes(side.patch) for side in sides
    )  # it counts its turns
    assert len({snapshot.archive for snapshot in Snapshot.objects.filter(candidate__in=sides)}) == 1


@pytest.mark.parametrize(
    "other", [{"harness_version": "2"}, {"harness": "another"}, {"settings": command("other")}], ids=str
)
def test_unlike_arms_are_both_told_what_happened(held, other):
    task = held(claude_like(), claude_like(), **other)
    winner = made(task.turns.get())[0]
    turn = go_on(winner, "two")

    openings = [conversation.opening(candidate) for candidate in turn.pair(1)]

    assert [memory for _, memory in openings] == [None, None]
    assert openings[0][0] == openings[1][0]
    assert openings[0][0].endswith("## Asked now\n\ntwo\n")


def test_asking_twice_opens_one_turn(held):
    task = held(command("one"), command("other"))
    one, other = made(task.turns.get())
    turn = go_on(one, "two")

    with pytest.raises(WrongState, match="asked for already"):
        go_on(other, "too")
    assert not tasks.jobs.open_pair(turn.pk)
    assert (task.turns.count(), turn.candidates.count()) == (2, 2)


def test_a_bell_that_nobody_heard_is_rung_again(held, bells):
    task = held(command("one"), command("other"))
    turn = turns.continue_from(
        made(task.turns.get())[0], prompt="two", by=factories.make_person("Riley", "rater")
    )
    bells.clear()

    tasks.jobs.requeue_stuck_candidates()

    assert ("tasks.jobs.open_pair", turn.pk) in bells


def test_a_failed_side_cannot_be_continued_from(db, bells):
    task = factories.make_task(turns_wanted=2, grades_failures=True)
    failed = factories.fail_candidate(task.turns.get().pair(1)[0])

    with pytest.raises(turns.Refused, match="nothing to continue from"):
        turns.continue_from(failed, prompt="two", by=factories.make_person("Riley", "rater"))


def test_a_later_turn_must_name_what_it_continues(db, bells):
    task = factories.make_task(turns_wanted=2)

    with pytest.raises(IntegrityError), transaction.atomic():
        Turn.objects.create(task=task, number=2, prompt="x", base_commit="a" * 40)
