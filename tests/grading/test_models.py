"""What the database itself refuses, by the name of the rule; and the arcs that no page walks yet."""

import pytest
from django.db import IntegrityError, transaction

from grading.models import (
    Assignment,
    BlindPair,
    Export,
    Fragment,
    Judgement,
    PairPage,
    Payout,
    Preference,
    Receipt,
    Review,
    Revision,
)
from marlin.sources import now
from marlin.states import WrongState
from tests import factories
from tests.grading.conftest import make_tasks


@pytest.fixture
def assignment(riley, bells):
    return factories.make_assignment(riley, state="submitted")


@pytest.fixture
def accepted(riley, bells):
    return factories.make_assignment(riley, state="accepted")


def refused(rule):
    """The database says no and names the rule."""
    return pytest.raises(IntegrityError, match=f'"{rule}"')


def test_one_assignment_per_rater_and_task(assignment):
    with refused("one_assignment_per_rater_and_task"):
        Assignment.objects.create(task=assignment.task, rater=assignment.rater, lease_until=now())


def test_one_rater_per_seat(assignment, rosa):
    with refused("one_rater_per_seat"):
        Assignment.objects.create(task=assignment.task, rater=rosa, seat=0, lease_until=now())


@pytest.mark.parametrize("state", ["released", "expired", "rejected", "disputed", "withdrawn"])
def test_who_left_has_no_seat(assignment, state):
    with refused("who_left_has_no_seat"):
        Assignment.objects.update(state=state)


def test_claimed_on_a_lease(assignment):
    with refused("claimed_on_a_lease"):
        Assignment.objects.update(state="claimed", lease_until=None)


def test_one_pair_per_assignment_and_turn(assignment):
    pair = BlindPair.objects.get()
    pair.pk = None

    with refused("one_pair_per_assignment_and_turn"):
        pair.save(force_insert=True)


def test_two_different_sides(assignment):
    pair = BlindPair.objects.get()

    with refused("two_different_sides"):
        BlindPair.objects.update(a=pair.b)


@pytest.mark.parametrize("probability", [0, 1.01, -0.5])
def test_probability_between_0_and_1(assignment, probability):
    with refused("probability_between_0_and_1"):
        BlindPair.objects.update(probability=probability)


def test_a_pair_has_one_preference(assignment):
    with pytest.raises(IntegrityError, match="pair_id"):
        Preference.objects.create(pair=BlindPair.objects.get())


def test_locked_preference_names_its_revision(assignment):
    with refused("locked_preference_names_its_revision"):
        Preference.objects.update(locked_revision=None)


def test_one_revision_per_number(assignment):
    with refused("one_revision_per_number"):
        Revision.objects.create(preference=Preference.objects.get(), number=1)


def test_one_revision_per_save(assignment):
    preference = Preference.objects.get()
    preference.revisions.create(number=2, tab="one", sequence=1)

    with refused("one_revision_per_save"):
        preference.revisions.create(number=3, tab="one", sequence=1)


@pytest.mark.parametrize("decision", ["reject", "send_back"])
def test_a_refusal_gives_its_reason(assignment, robin, decision):
    with refused("a_refusal_gives_its_reason"):
        Review.objects.create(
            assignment=assignment, receipt=Receipt.objects.get(), reviewer=robin, decision=decision
        )


def test_each_time_it_was_handed_in_is_judged_once(accepted, robin):
    with pytest.raises(IntegrityError, match="receipt_id"):
        Review.objects.create(
            assignment=accepted, receipt=Receipt.objects.get(), reviewer=robin, decision="accept"
        )


def test_accepted_work_is_owed_once(accepted):
    with pytest.raises(IntegrityError, match="assignment_id"):
        Payout.objects.create(assignment=accepted, amount=1, currency="USD")


def test_nobody_owes_us(accepted):
    with refused("nobody_owes_us"):
        Payout.objects.update(amount=-1)


def test_one_judgement_per_preference_and_revision(accepted):
    preference = Preference.objects.get()
    one = {"preference": preference, "revision": preference.locked_revision, "record": {}, "digest": ""}
    Judgement.objects.create(**one)

    with refused("one_judgement_per_preference_and_revision"):
        Judgement.objects.create(**one)


def test_one_page_per_orientation(assignment):
    page = PairPage.objects.all()[0]
    page.pk = None

    with refused("one_page_per_orientation"):
        page.save(force_insert=True)


def test_page_has_two_sides(assignment):
    page = PairPage.objects.all()[0]

    with refused("page_has_two_sides"):
        PairPage.objects.filter(pk=page.pk).update(left=page.right)


def test_one_fragment_per_place(assignment):
    page = PairPage.objects.all()[0]

    with refused("one_fragment_per_place"):
        Fragment.objects.create(page=page, file=0, gap=0, body=b"")


def test_export_says_what_for(assignment):
    with refused("export_says_what_for"):
        Export.objects.create(experiment=assignment.task.experiment, reason="")


def test_failed_export_says_why(assignment):
    Export.objects.create(experiment=assignment.task.experiment, reason="For the paper.")

    with refused("failed_export_says_why"):
        Export.objects.update(state="failed")


# --- Arcs -----------------------------------------------------------------------------------------------------


def test_a_payout_is_approved_then_paid(accepted, ada):
    payout = Payout.objects.get()

    payout.approve(by=ada)
    payout.pay(by=ada)

    assert payout.is_now("paid")
    assert payout.story() == str(accepted.task.public_id)
    with pytest.raises(WrongState):
        payout.void(by=ada, why="Too late.")


def test_a_payout_may_be_void(accepted, ada):
    payout = Payout.objects.get()

    payout.void(by=ada, why="It was a test.")

    assert payout.is_now("void")


def test_rejected_work_may_be_disputed_and_accepted_without_its_old_seat(riley, robin, bells):
    assignment = factories.make_assignment(riley, state="rejected")

    assignment.dispute(by=riley, why="The test is there.")
    assignment.accept(by=robin, why="It is.")

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("accepted", None)


def test_a_claim_may_be_withdrawn(riley, ada):
    assignment = factories.make_assignment(riley)

    assignment.withdraw(by=ada, why="The task was wrong.")

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat, assignment.seconds_left()) == ("withdrawn", None, 0)


def test_the_sweep_hands_in_for_a_lead_who_stays_away(riley):
    assignment = factories.make_assignment(riley, state="expired")

    assignment.hand_in_for()

    assignment.refresh_from_db()
    assert (assignment.state, assignment.session_complete) == ("submitted", False)


def test_seat_zero_leads(riley, rosa):
    task = factories.make_ready_task(raters_wanted=2)

    assert factories.make_assignment(riley, task).is_lead()
    assert not factories.make_assignment(rosa, task).is_lead()


def test_what_is_in_hand_is_claimed_or_sent_back(riley, robin, bells):
    sent_back, submitted, claimed = make_tasks(3)
    made = factories.make_assignment(riley, sent_back, state="submitted")
    made.send_back(by=robin, why="Say which test.")
    factories.make_assignment(riley, submitted, state="submitted")
    factories.make_assignment(riley, claimed)

    assert {one.task for one in riley.assignments.in_hand()} == {sent_back, claimed}


def test_a_failed_export_may_be_asked_for_again(assignment, rowan):
    export = Export.objects.create(experiment=assignment.task.experiment, reason="For the paper.")
    token = export.take_lease("queued", 60)
    export.start(token=token)
    export.fail("The disk is full.", token=token)

    export.retry(by=rowan)

    assert export.is_now("queued")
    assert Export.objects.get().failure == ""


def test_every_arc_of_grading_is_between_states_that_exist():
    for model in (Assignment, Preference, Payout, Export):
        states = set(model.State)
        assert set(model.TRANSITIONS) == states
        assert all(ends <= states for ends in model.TRANSITIONS.values())


def test_a_refused_row_leaves_the_rest_as_it_was(assignment):
    with refused("nobody_owes_us"), transaction.atomic():
        Payout.objects.create(assignment=assignment, amount=-1, currency="USD")

    assert Assignment.objects.get().state == "submitted"
