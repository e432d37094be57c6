"""Which pairs are ready to be rendered: pulled by a query, never pushed."""

import pytest

from tasks import turns
from tasks.models import Failure, Task
from tests import factories


@pytest.fixture
def task(db: None, bells: list[tuple[object, ...]]) -> Task:
    return factories.make_task()


def finish_pair(task: Task, attempt: int = 1) -> None:
    for candidate in task.turns.get().pair(attempt):
        factories.finish_candidate(candidate)


def shown(task: Task) -> list[int]:
    """The attempts of the task's turn that are offered."""
    pairs = turns.offered().values_list("pk", "newest")
    assert {turn for turn, _ in pairs} <= {task.turns.get().pk}
    return [attempt for _, attempt in pairs]


def test_a_pair_waits_until_both_sides_are_ready(task):
    first, second = task.turns.get().pair(1)
    assert shown(task) == []

    factories.finish_candidate(first)
    assert shown(task) == []

    factories.finish_candidate(second)
    assert shown(task) == [1]


def test_a_newer_pair_counts_when_it_is_complete(task):
    finish_pair(task)
    turn = task.turns.get()
    arms = list(task.experiment.arms.all())

    turns.add_pair(turn, arms)
    assert turn.newest_attempt() == 2
    assert shown(task) == [1]

    finish_pair(task, attempt=2)
    assert shown(task) == [2]


@pytest.mark.parametrize("state", ["withdrawn", "closed"])
def test_a_task_that_is_not_open_shows_nothing(task, ada, state):
    finish_pair(task)
    if state == "withdrawn":
        task.withdraw(by=ada, why="A mistake.")
    else:
        task.close()

    assert shown(task) == []


@pytest.mark.parametrize(
    ("grades_failures", "failure", "attempts"),
    [
        (True, Failure.EXIT, [1]),
        (False, Failure.EXIT, []),
        (True, Failure.MACHINE, []),
        (False, Failure.MACHINE, []),
    ],
)
def test_a_failure_is_shown_when_it_is_the_agents_own_and_graded(
    db, bells, grades_failures, failure, attempts
):
    task = factories.make_task(grades_failures=grades_failures)
    first, second = task.turns.get().pair(1)

    factories.fail_candidate(first, failure)
    factories.finish_candidate(second)

    assert shown(task) == attempts


def test_a_failed_candidate_may_be_queued_again(task):
    candidate = task.turns.get().pair(1)[0]
    factories.fail_candidate(candidate)

    candidate.retry()

    assert (candidate.state, candidate.failure) == ("queued", "")
