"""What the rater writes is kept, whatever happens, and handed in once."""

from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from grading import submission
from grading.checks import Refused
from grading.export import snapshot
from grading.models import Assignment, Preference, Receipt, Revision
from grading.reading import reading_of
from marlin.models import Role
from marlin.states import WrongState
from tests import factories
from tests.grading.conftest import at_once, make_tasks
from tests.races import race


@pytest.fixture
def assignment(riley):
    return factories.make_assignment(riley)


def save(assignment, **form):
    return submission.save_draft(assignment, factories.filled(**form))


def written():
    """The reasons of all revisions, oldest first."""
    return [revision.texts["justification"] for revision in Revision.objects.order_by("number")]


# --- Saving ---------------------------------------------------------------------------------------------------


def test_the_first_save_begins_a_draft(assignment):
    saved = save(assignment)

    preference = Preference.objects.get()
    assert (preference.state, preference.pair.assignment) == ("draft", assignment)
    assert (saved.preference, saved.revision, saved.other_tab) == (preference, 1, False)


def test_a_save_keeps_ratings_axis_and_texts(assignment):
    save(assignment, b_strengths="Tested.")

    revision = Revision.objects.get()
    assert revision.ratings == {"overall": 2, "efficiency": 3, "clarity": 2}
    assert revision.key_axis == "clarity"
    assert revision.texts == {
        "a_strengths": "Small.",
        "b_strengths": "Tested.",
        "a_weaknesses": "",
        "b_weaknesses": "Long.",
        "justification": factories.JUSTIFICATION,
    }


def test_an_empty_form_is_a_draft_too(assignment):
    saved = submission.save_draft(assignment, {})

    assert (saved.revision, Revision.objects.get().ratings) == (1, {})


def test_each_save_of_other_words_is_a_revision(assignment):
    numbers = [save(assignment, justification=f"Reason {number}.").revision for number in range(3)]

    assert numbers == [1, 2, 3]
    assert written() == ["Reason 0.", "Reason 1.", "Reason 2."]


def test_saving_the_same_words_adds_none(assignment):
    first = save(assignment, tab="one", sequence="1")

    again = save(assignment, tab="one", sequence="2")

    assert (again.revision, again.saved_at, again.other_tab) == (1, first.saved_at, False)
    assert Revision.objects.count() == 1


def test_a_save_whose_answer_was_lost_may_be_sent_again(assignment):
    save(assignment, tab="one", sequence="1", justification="First.")
    save(assignment, tab="one", sequence="2", justification="Second.")

    late = save(assignment, tab="one", sequence="1", justification="First.")

    assert written() == ["First.", "Second."]
    assert late.revision == 2


def test_other_words_under_a_number_that_was_used_are_kept(assignment):
    """A page that went back in its history counts from where it was."""
    save(assignment, tab="one", sequence="1", justification="First.")

    saved = save(assignment, tab="one", sequence="1", justification="Second.")

    assert (saved.revision, saved.tab, saved.sequence) == (2, "one", 1)
    assert written() == ["First.", "Second."]


def test_without_a_tab_every_change_is_kept(assignment):
    for words in ("First.", "Second.", "First."):
        save(assignment, justification=words)

    assert written() == ["First.", "Second.", "First."]


def test_a_tab_that_did_not_see_the_last_words_is_told(assignment):
    save(assignment, tab="one", sequence="1", revision="0", justification="Mine.")

    saved = save(assignment, tab="two", sequence="1", revision="0", justification="Also mine.")

    assert saved.other_tab
    assert written() == ["Mine.", "Also mine."]


def test_a_tab_that_did_see_them_is_not(assignment):
    save(assignment, tab="one", sequence="1", revision="0", justification="Mine.")

    saved = save(assignment, tab="two", sequence="1", revision="1", justification="Mine as well.")

    assert not saved.other_tab
    assert Revision.objects.get(number=2).based_on == 1


def test_a_tab_does_not_disturb_itself(assignment):
    save(assignment, tab="one", sequence="1", revision="0", justification="Mine.")

    saved = save(assignment, tab="one", sequence="2", revision="0", justification="Mine, sooner.")

    assert not saved.other_tab


def test_line_ends_become_those_of_unix(assignment):
    save(assignment, justification="One.\r\nTwo.\nThree.\r")

    assert written() == ["One.\nTwo.\nThree.\r"]


def test_nul_is_dropped_wherever_it_stands(assignment):
    saved = save(assignment, justification="a\0b", tab="o\0ne", key_axis="clarity\0", overall="2\0")

    assert written() == ["ab"]
    assert saved.tab == "one"
    assert Revision.objects.get().key_axis == ""
    assert "overall" not in Revision.objects.get().ratings


def test_a_text_that_is_too_long_is_cut_where_the_form_says(assignment):
    save(assignment, justification="ü" * (submission.LONGEST + 5))

    assert written() == ["ü" * submission.LONGEST]


@pytest.mark.parametrize("nonsense", ["", "-1", "x", "²", "9" * 40, None])
def test_a_sequence_that_is_none_does_not_stop_a_save(assignment, nonsense):
    saved = save(assignment, tab="t" * 60, sequence=nonsense, revision=nonsense)

    assert saved.revision == 1
    assert saved.tab == "t" * 40


def test_an_axis_of_another_rubric_is_left_out(assignment):
    save(assignment, key_axis="charm", charm="3")

    revision = Revision.objects.get()
    assert (revision.key_axis, "charm" in revision.ratings) == ("", False)


def test_a_save_answers_with_what_is_still_missing(assignment):
    saved = save(assignment, justification="Short.")

    assert [finding.field for finding in saved.findings] == ["justification"] * 2
    assert saved.findings[0].stops


def test_saving_renews_the_lease(assignment):
    Assignment.objects.update(lease_until=Now() + timedelta(seconds=5))

    save(assignment)

    assignment.refresh_from_db()
    assert assignment.seconds_left() > 60


@pytest.mark.parametrize("state", ["submitted", "accepted", "rejected", "released", "expired"])
def test_words_are_kept_in_every_state(riley, bells, state):
    assignment = factories.make_assignment(riley, factories.make_ready_task(), state=state)
    locked = list(Preference.objects.values("state", "locked_revision", "locked_revision__texts"))

    saved = save(assignment, justification="What I had wanted to add.")

    assert written()[-1] == "What I had wanted to add."
    assert saved.revision == (2 if locked else 1)
    assert not locked or locked == list(
        Preference.objects.values("state", "locked_revision", "locked_revision__texts")
    )
    assignment.refresh_from_db()
    assert (assignment.state, assignment.lease_until) == (state, None)


def test_without_a_pair_there_is_nothing_to_write_about(riley):
    task = factories.make_task()
    assignment = Assignment.objects.create(task=task, rater=riley, seat=0, lease_until=task.opened_at)

    with pytest.raises(WrongState, match="no pair yet"):
        save(assignment)


def test_eight_saves_at_once_get_eight_numbers_and_lose_nothing(committed, bells):
    assignment = factories.make_assignment(factories.make_person("Riley", Role.RATER))
    words = [f"Thread {number} wrote this." for number in range(8)]

    for begin in range(5):
        saves = (
            partial(
                save, assignment, tab=f"tab {number}", sequence=str(begin), justification=f"{text} {begin}"
            )
            for number, text in enumerate(words)
        )
        saved = at_once(*saves)

        assert sorted(one.revision for one in saved) == list(range(8 * begin + 1, 8 * begin + 9))

    assert sorted(written()) == sorted(f"{text} {begin}" for text in words for begin in range(5))


# --- Handing in -----------------------------------------------------------------------------------------------


def test_submitting_locks_the_newest_revision(assignment):
    save(assignment, justification="Not yet.")
    saved = save(assignment)

    receipt = submission.submit(assignment, saved.preference)

    preference = Preference.objects.get()
    assert (preference.state, preference.locked_revision.number) == ("locked", 2)
    assert list(receipt.revisions.all()) == [preference.locked_revision]
    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat, assignment.lease_until) == ("submitted", 0, None)
    assert assignment.submitted_at


def test_a_receipt_has_a_number_to_read_out(assignment):
    receipt = factories.submit(assignment)

    assert receipt.number == receipt.public_id.hex[:8].upper()
    assert assignment.last_receipt() == receipt


def test_submitting_twice_leaves_one_receipt_and_one_locked_preference(assignment):
    saved = save(assignment)
    second = Assignment.objects.get()
    submission.submit(assignment, saved.preference)

    for copy in (assignment, second):
        with pytest.raises(WrongState):
            submission.submit(copy, Preference.objects.get())

    assert Receipt.objects.count() == Preference.objects.filter(state="locked").count() == 1


def test_eight_clicks_on_submit_at_once_leave_one_receipt(committed, bells):
    assignment = factories.make_assignment(factories.make_person("Riley", Role.RATER))
    save(assignment)

    def click():
        mine = Assignment.objects.get(pk=assignment.pk)
        return submission.submit(mine, save(mine).preference)

    answers = race(*[click] * 8)

    assert [answer for answer in answers if not isinstance(answer, WrongState)] == [Receipt.objects.get()]
    assert Preference.objects.get().state == "locked"
    assert Revision.objects.count() == 1


def test_saving_and_submitting_at_once_never_wait_for_each_other(committed, bells):
    riley = factories.make_person("Riley", Role.RATER)
    repository = factories.make_repository()
    for task in make_tasks(3, repository):
        assignment = factories.make_assignment(riley, task)
        preference = save(assignment).preference

        answers = at_once(
            partial(submission.submit, Assignment.objects.get(pk=assignment.pk), preference),
            *(
                partial(
                    save,
                    Assignment.objects.get(pk=assignment.pk),
                    justification=f"Also these five words {n}.",
                )
                for n in range(7)
            ),
        )

        assert answers[0] == assignment.last_receipt()
        assert preference.revisions.count() == 8


def test_what_is_incomplete_is_refused_and_stays_a_draft(assignment):
    saved = save(assignment, justification="Short.")

    with pytest.raises(Refused, match="1 of the 5 words"):
        submission.submit(assignment, saved.preference)

    assert Preference.objects.get().state == "draft"
    assert not Receipt.objects.exists()
    assert assignment.is_now("claimed")


def test_who_hands_in_after_their_time_takes_the_task_back(assignment):
    assignment.expire()
    saved = save(assignment)

    receipt = submission.submit(assignment, saved.preference)

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat, assignment.last_receipt()) == ("submitted", 0, receipt)
    assert Preference.objects.get().state == "locked"


def test_where_the_seat_is_gone_meanwhile_it_is_an_extra_reading(assignment, rosa):
    assignment.expire()
    factories.make_assignment(rosa, assignment.task)
    saved = save(assignment)

    submission.submit(assignment, saved.preference)

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("submitted", None)


def test_the_move_alone_never_leads_from_expired_to_submitted(assignment):
    assignment.expire()

    with pytest.raises(WrongState, match="Take the task back first"):
        assignment.submit(by=assignment.rater)


def test_what_expires_in_this_very_moment_is_not_handed_in_and_is_kept(assignment):
    page = Assignment.objects.get()
    assignment.expire()
    saved = save(page, justification="Five words at the least.")

    with pytest.raises(WrongState):
        submission.submit(page, saved.preference)

    assert assignment.is_now("expired")
    assert Preference.objects.get().state == "draft"
    assert written() == ["Five words at the least."]


def test_what_was_released_cannot_be_handed_in(assignment):
    saved = save(assignment)
    assignment.release(by=assignment.rater)

    with pytest.raises(WrongState):
        submission.submit(assignment, saved.preference)


def test_who_has_unblinded_meanwhile_cannot_hand_in(assignment, bells):
    saved = save(assignment)
    snapshot.ask(
        str(assignment.task.experiment.public_id), by=assignment.rater, reason="Out of curiosity alone"
    )

    with pytest.raises(Refused, match="cannot rate in it any more"):
        submission.submit(assignment, saved.preference)

    assert assignment.is_now("claimed")


def test_what_was_sent_back_is_handed_in_again_and_the_pointer_moves(assignment, robin):
    first = factories.submit(assignment)
    assignment.send_back(by=robin, why="Say which test.")

    second = factories.submit(assignment, justification="The test of the second clock shows it.")

    preference = Preference.objects.get()
    assert (preference.state, preference.locked_revision.number) == ("locked", 2)
    assert [receipt.revisions.get().number for receipt in (first, second)] == [1, 2]
    assert assignment.last_receipt() == second


# --- The form -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "editable"),
    [("claimed", True), ("expired", True), ("submitted", False), ("released", False), ("accepted", False)],
)
def test_the_form_can_be_written_in_while_the_work_is_with_the_rater(riley, bells, state, editable):
    assignment = factories.make_assignment(riley, state=state)

    assert submission.form_context(reading_of(assignment))["is_editable"] is editable


def test_the_form_knows_what_it_is_based_on(assignment):
    empty = submission.form_context(reading_of(assignment))
    saved = save(assignment, justification="")
    begun = submission.form_context(reading_of(assignment))

    assert (empty["form_revision"], empty["saved_at"], empty["findings"]) == (0, None, [])
    assert (begun["form_revision"], begun["saved_at"]) == (1, saved.saved_at)
    assert begun["findings"] == list(saved.findings)
    assert empty["form_tab"] != begun["form_tab"]


def test_what_was_clicked_counts_and_not_what_another_tab_saved_since(riley, bells):
    assignment = factories.make_assignment(riley)
    clicked = submission.save_draft(assignment, factories.filled(tab="one", sequence="1"))
    submission.save_draft(assignment, factories.filled(tab="two", sequence="1", a_strengths="Later."))

    submission.submit(assignment, clicked.preference, number=clicked.revision)

    preference = Preference.objects.get()
    assert preference.locked_revision.texts["a_strengths"] == "Small."
    assert preference.revisions.count() == 2
