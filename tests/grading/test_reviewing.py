"""The reviewer's decision: who may make it, and what follows from it."""

from decimal import Decimal

import pytest

from grading import reviewing, submission
from grading.checks import Refused
from grading.export import snapshot
from grading.models import Assignment, Payout, Review
from grading.reading import reading_of
from marlin.models import Event, Role
from marlin.states import WrongState
from tests import factories


@pytest.fixture
def assignment(riley, bells):
    """Handed in."""
    task = factories.make_ready_task(rate=Decimal("280.00"), currency="EUR")
    return factories.make_assignment(riley, task, state="submitted")


def test_what_was_handed_in_waits_oldest_first(riley, rosa, robin, bells):
    first = factories.make_assignment(riley, state="submitted")
    second = factories.make_assignment(rosa, state="submitted")

    assert list(reviewing.waiting_for(robin)) == [first, second]


@pytest.mark.parametrize("state", ["claimed", "released", "expired", "accepted", "rejected"])
def test_nothing_else_waits(riley, robin, bells, state):
    factories.make_assignment(riley, state=state)

    assert not reviewing.waiting_for(robin).exists()


def test_nobody_judges_their_own(assignment):
    assert not reviewing.waiting_for(assignment.rater).exists()


def test_the_author_of_a_scenario_does_not_judge_it(riley, robin, bells):
    experiment = factories.make_experiment(scenarios=[factories.make_scenario(author=robin)])
    factories.make_assignment(riley, factories.make_ready_task(experiment), state="submitted")

    assert not reviewing.waiting_for(robin).exists()


def test_who_has_unblinded_the_experiment_judges_nothing_of_it(assignment, robin):
    snapshot.ask(str(assignment.task.experiment.public_id), by=robin, reason="For the paper in May")

    assert not reviewing.waiting_for(robin).exists()
    assert not reviewing.visible_to(robin).exists()


def test_accepting_counts_pays_and_rings_for_the_judgement(assignment, robin, bells):
    bells.clear()

    review = reviewing.decide(assignment, "accept", by=robin, reason="")

    assert (review.decision, review.receipt, review.reviewer) == (
        "accept",
        assignment.last_receipt(),
        robin,
    )
    assert (assignment.state, assignment.seat) == ("accepted", 0)
    payout = Payout.objects.get()
    assert (payout.assignment, payout.state, payout.amount, payout.currency) == (
        assignment,
        "due",
        Decimal("280.00"),
        "EUR",
    )
    assert bells == [("grading.jobs.write_judgements", assignment.pk)]
    assert Event.objects.get(name="assignment.accepted").actor == robin


def test_rejecting_says_why_frees_the_seat_and_pays_nothing(assignment, robin, bells):
    bells.clear()

    reviewing.decide(assignment, "reject", by=robin, reason="  The claim is not so.  ")

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("rejected", None)
    assert Review.objects.get().reason == "The claim is not so."
    assert Event.objects.get(name="assignment.rejected").why == "The claim is not so."
    assert not Payout.objects.exists()
    assert bells == []


@pytest.mark.parametrize("reason", ["", "   ", "Not good", "\0\0\0"])
def test_rejecting_needs_a_sentence(assignment, robin, reason):
    with pytest.raises(Refused, match="Say why") as refused:
        reviewing.decide(assignment, "reject", by=robin, reason=reason)

    assert refused.value.field == "reason"
    assert assignment.is_now("submitted")
    assert not Review.objects.exists()


@pytest.mark.parametrize("decision", ["", "maybe", "send_back"])
def test_a_decision_is_one_of_two(assignment, robin, decision):
    with pytest.raises(Refused, match="accept or to reject") as refused:
        reviewing.decide(assignment, decision, by=robin, reason="Some words on it")

    assert refused.value.field == "decision"


@pytest.mark.parametrize("second", ["accept", "reject"])
def test_the_first_decision_counts(assignment, robin, second, bells):
    late = Assignment.objects.get()
    reviewing.decide(assignment, "accept", by=robin, reason="")
    bells.clear()

    with pytest.raises(WrongState):
        reviewing.decide(late, second, by=factories.make_person("Rae", Role.REVIEWER), reason="It is not so.")

    assert Review.objects.get().reviewer == robin
    assert Payout.objects.count() == 1
    assert bells == []


def test_what_was_never_handed_in_cannot_be_judged(riley, robin):
    assignment = factories.make_assignment(riley)

    with pytest.raises(WrongState, match="Nothing was handed in"):
        reviewing.decide(assignment, "accept", by=robin, reason="")


def test_a_reviewer_goes_on_seeing_what_they_decided_and_nobody_else_does(assignment, robin):
    reviewing.decide(assignment, "accept", by=robin, reason="")

    assert list(reviewing.visible_to(robin)) == [assignment]
    assert not reviewing.visible_to(factories.make_person("Rae", Role.REVIEWER)).exists()


def test_the_panel_shows_what_was_handed_in_and_not_what_was_added_since(assignment):
    submission.save_draft(assignment, factories.filled(justification="Second thoughts about it all."))

    panel = reviewing.panel_context(reading_of(assignment, prefix="review_"))

    assert panel["texts"]["justification"] == factories.JUSTIFICATION
    assert [(axis.key, axis.value) for axis in panel["axes"]] == [
        ("overall", 2),
        ("efficiency", 3),
        ("clarity", 2),
    ]
    assert (panel["is_open"], panel["review"], panel["receipt"]) == (True, None, assignment.last_receipt())


def test_the_panel_shows_the_decision(assignment, robin):
    review = reviewing.decide(assignment, "reject", by=robin, reason="The claim is not so.")

    panel = reviewing.panel_context(reading_of(assignment, prefix="review_"))

    assert (panel["is_open"], panel["review"]) == (False, review)


def test_the_panel_of_unwritten_work_is_empty(riley):
    panel = reviewing.panel_context(reading_of(factories.make_assignment(riley), prefix="review_"))

    assert (panel["revision"], panel["texts"], panel["findings"], panel["receipt"]) == (None, {}, [], None)
