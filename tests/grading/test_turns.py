"""A rater holds a conversation: grade a turn, choose whose work goes on, write the next prompt."""

from datetime import timedelta

import pytest

from grading import checks, queue, submission
from grading.models import Assignment, Preference, Revision
from grading.models.preference import Receipt
from grading.spots import Spot
from marlin.models import User
from tasks import turns
from tasks.models import Task, Turn
from tests import factories

NEXT = {"continue_from": "a", "next_prompt": "Now say when the tide turns."}


@pytest.fixture
def task(db: None, bells: list[tuple[object, ...]]) -> Task:
    return factories.make_ready_task(turns_wanted=3, turns_least=2, raters_wanted=2)


@pytest.fixture
def assignment(task: Task, riley: User) -> Assignment:
    return factories.make_assignment(riley, task)


def address(assignment: Assignment, turn: int | None, tail: str = "") -> str:
    return f"/work/{Spot(assignment.public_id, turn)}/{tail}"


def make_next(task: Task) -> Turn:
    """What the workers do: add the pair, generate it, render it, hand it on."""
    turn = task.turns.get(number=task.turns.count())
    turns.open_pair(turn.pk)
    for candidate in turn.candidates.all():
        factories.finish_candidate(
            candidate, patch=b"", files=[], final_message=f"Turn {turn.number} is done."
        )
    factories.render(turn)
    queue.hand_on()
    return turn


def go_on(client, assignment, turn=1, **form):
    return client.post(address(assignment, turn, "next"), factories.filled(**(NEXT | form)))


def test_the_lead_writes_the_next_prompt_and_both_sides_go_on_from_the_chosen_one(
    client, assignment, task, riley
):
    client.force_login(riley)

    answer = go_on(client, assignment)

    assert answer.status_code == 302
    turn = task.turns.get(number=2)
    assert turn.prompt == NEXT["next_prompt"]
    assert turn.continues == assignment.pairs.get().a
    assert Preference.objects.get().state == "locked"
    waiting = client.get(address(assignment, None)).content.decode()
    assert "The next one is being made" in waiting
    assert client.get(address(assignment, None, "waiting")).status_code == 200

    make_next(task)

    assert client.get(address(assignment, None, "waiting"))["HX-Redirect"] == address(assignment, None)
    page = client.get(address(assignment, None)).content.decode()
    assert f'href="{address(assignment, 1)}"' in page
    assert "The next one is being made" not in page
    assert f'action="{address(assignment, 2, "submit")}"' in page
    first = client.get(address(assignment, 1)).content.decode()
    assert "the conversation went on from it" in first
    assert "Save draft" not in first
    assert client.get(address(assignment, 1, "files/0")).status_code == 200


def test_a_page_left_open_writes_into_its_own_turn(client, assignment, task, riley):
    client.force_login(riley)
    go_on(client, assignment)
    make_next(task)

    client.post(
        address(assignment, 1, "draft"), factories.filled(justification="Late words.", tab="x", sequence="9")
    )

    assert not Revision.objects.filter(preference__pair__turn__number=2).exists()
    page = client.get(address(assignment, 1)).content.decode()
    assert factories.JUSTIFICATION in page  # what was locked counts, and is what is shown


def test_a_conversation_is_handed_in_with_all_its_turns(client, assignment, task, riley):
    client.force_login(riley)
    early = client.post(address(assignment, 1, "submit"), factories.filled())
    go_on(client, assignment)
    make_next(task)

    answer = client.post(address(assignment, 2, "submit"), factories.filled())

    assert early.status_code == 422
    assert "at least 2 turns" in early.content.decode()
    assert answer.status_code == 302
    receipt = Receipt.objects.get()
    assert sorted(receipt.revisions.values_list("preference__pair__turn__number", flat=True)) == [1, 2]


def test_clicking_twice_asks_for_one_turn(client, assignment, task, riley):
    client.force_login(riley)

    answers = [go_on(client, assignment), go_on(client, assignment, next_prompt="Another.")]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert [turn.prompt for turn in task.turns.filter(number=2)] == [NEXT["next_prompt"]]


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"next_prompt": " "}, "Write what is asked for next."),
        ({"overall": ""}, "is not rated yet"),
    ],
)
def test_what_is_missing_for_the_next_turn_is_said(client, assignment, task, riley, form, why):
    client.force_login(riley)

    answer = go_on(client, assignment, **form)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert task.turns.count() == 1


@pytest.mark.parametrize(
    ("points", "overall", "said", "side"),
    [(8, 2, "", "a"), (8, 5, "", "b"), (8, 2, "b", "b"), (7, 4, "", ""), (7, 4, "b", "b"), (7, 5, "", "b")],
)
def test_the_side_is_that_which_is_better_unless_the_rater_says_otherwise(points, overall, said, side):
    rubric = factories.Rubric(points=points)

    assert submission.chosen_side(rubric, Revision(ratings={"overall": overall}, continue_from=said)) == side


def test_a_neutral_rating_needs_a_choice(db, bells, riley):
    rubric = factories.make_rubric(points=7)
    task = factories.make_ready_task(turns_wanted=2, rubric=rubric)
    assignment = factories.make_assignment(riley, task)
    saved = submission.save_draft(assignment, factories.filled(overall="4", next_prompt="Go on."))

    with pytest.raises(checks.Refused, match="choose which one to continue from"):
        submission.go_on(assignment, saved.preference)


def test_no_lease_runs_while_the_next_turn_is_made(assignment, task):
    saved = submission.save_draft(assignment, factories.filled(**NEXT))
    Assignment.objects.update(lease_until=assignment.lease_until - timedelta(days=30))
    assert Assignment.objects.overdue().exists()

    submission.go_on(assignment, saved.preference)

    assert not Assignment.objects.overdue().exists()
    make_next(task)
    assignment.refresh_from_db()
    assert assignment.seconds_left() > 0
    assert assignment.pairs.count() == 2


def test_who_waits_may_hand_in_without_the_next_turn(client, assignment, riley):
    client.force_login(riley)
    go_on(client, assignment)

    answer = client.post(address(assignment, 1, "submit"), {})

    assert answer.status_code == 302
    assert Receipt.objects.get().revisions.get().texts["justification"] == factories.JUSTIFICATION
    assert Revision.objects.count() == 1


def test_who_reads_second_begins_at_the_first_turn_when_the_lead_is_done(
    client, assignment, task, riley, rosa
):
    client.force_login(riley)
    go_on(client, assignment)
    assert queue.claim_next(rosa) is None
    make_next(task)
    client.post(address(assignment, 2, "submit"), factories.filled())

    second = queue.claim_next(rosa)
    client.force_login(rosa)

    assert second.pairs.get().turn.number == 1
    assert (
        "grade its next turn too"
        in client.post(address(second, 1, "submit"), factories.filled()).content.decode()
    )
    page = client.get(address(second, None)).content.decode()
    assert "Next turn" in page
    assert "Next prompt" not in page
    assert go_on(client, second).status_code == 302
    assert sorted(second.pairs.values_list("turn__number", flat=True)) == [1, 2]
    assert client.post(address(second, 2, "submit"), factories.filled()).status_code == 302
    assert task.turns.count() == 2


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("Take over the tests of side B.", "side B"),
        ("Use A's cache.", "A's"),
        ("Do it like the other one.", "the other one"),
        ("Both agents forgot the tests.", "Both agents"),
        ("A test for the empty cache is missing.", ""),
        ("Rename the class B to Tide, as a first step.", ""),
        ("Write the other tests too.", ""),
    ],
)
def test_a_prompt_that_names_a_side_is_warned_about(prompt, says):
    found = checks.next_prompt_names_no_side(factories.Rubric(), Revision(next_prompt=prompt))

    assert (says in found.sentence and not found.stops) if says else found is None


def test_someone_elses_turn_is_not_found(client, assignment, sam):
    client.force_login(sam)

    assert go_on(client, assignment).status_code == 404
    assert client.get(address(assignment, None, "waiting")).status_code == 404
