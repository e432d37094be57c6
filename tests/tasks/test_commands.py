"""What an operator asks of tasks on the command line."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from tasks.models import Candidate, Environment, Task
from tests import factories


@pytest.fixture
def task(db: None, bells: list[tuple[object, ...]]) -> Task:
    return factories.make_task()


@pytest.fixture
def failed(task: Task, bells: list[tuple[object, ...]]) -> Candidate:
    candidate = task.turns.get().pair(1)[0]
    factories.fail_candidate(candidate)
    bells.clear()
    return candidate


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("show_tasks", *arguments)
    return capsys.readouterr().out


def test_tasks_are_shown_with_candidates_and_who_makes_them(task, capsys):
    printed = shown(capsys)

    assert f"{task.public_id}  open" in printed
    for candidate in task.turns.get().candidates.all():
        assert f"- {candidate.public_id}  queued    turn 1  {candidate.origin.agent_version.name}" in printed


def test_a_failed_run_is_shown_with_its_sentence(failed, capsys):
    printed = shown(capsys)

    assert f"! {failed.public_id}  failed" in printed
    assert "failed: The agent stopped with exit code 1." in printed


def test_a_broken_environment_is_shown_with_its_sentence(task, capsys):
    Environment.objects.update(state="broken", failure="Its tests fail.")

    assert f"! environment at {factories.BASE_COMMIT[:12]}: Its tests fail." in shown(capsys)


def test_only_tasks_in_which_something_failed_are_stuck(failed, capsys):
    healthy = factories.make_task()

    printed = shown(capsys, "--stuck")

    assert str(failed.turn.task.public_id) in printed
    assert str(healthy.public_id) not in printed


def test_a_failed_candidate_is_queued_again(failed, bells, capsys):
    call_command("retry_candidate", str(failed.public_id))

    failed.refresh_from_db()
    assert (failed.state, failed.failure) == ("queued", "")
    assert bells == [("tasks.jobs.generate_candidate", failed.pk)]
    assert "Queued." in capsys.readouterr().out


def test_a_candidate_that_did_not_fail_is_left_alone(task):
    candidate = task.turns.get().pair(1)[0]
    factories.finish_candidate(candidate)

    with pytest.raises(CommandError, match="Only a failed candidate can be queued again"):
        call_command("retry_candidate", str(candidate.public_id))


@pytest.mark.parametrize("name", [str(uuid.UUID(int=0, version=4)), "not an id"])
def test_a_candidate_that_is_not_there_is_said(db, name):
    with pytest.raises(CommandError, match=f"There is no candidate {name}"):
        call_command("retry_candidate", name)
