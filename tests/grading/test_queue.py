"""Who is offered which task, who gets it, and what becomes of it when they go."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db.models.functions import Now

from grading import queue, rendering, submission
from grading.export import snapshot
from grading.models import Assignment, BlindPair, PairPage
from marlin.events import record
from marlin.models import Event, Role
from marlin.sources import Seeded, using
from marlin.states import WrongState
from tasks import turns
from tasks.models import Experiment, Task
from tests import factories
from tests.grading.conftest import at_once, make_tasks
from tests.long import LONG
from tests.races import race

RACERS = 8
ROUNDS = 100 if LONG else 4


# --- What is offered ------------------------------------------------------------------------------------------


def test_a_ready_task_is_offered(riley):
    task = factories.make_ready_task()

    assert list(queue.offered_to(riley)) == [task]


def test_the_oldest_task_is_offered_first(riley):
    first, second = make_tasks(2)
    Task.objects.filter(pk=second.pk).update(opened_at=first.opened_at - timedelta(hours=1))

    assert list(queue.offered_to(riley)) == [second, first]


def test_a_task_whose_pair_has_no_page_yet_is_not_offered(riley):
    task = factories.make_task()
    for candidate in task.turns.get().candidates.all():
        factories.finish_candidate(candidate)

    assert not queue.offered_to(riley).exists()


def test_a_task_of_which_one_side_is_final_is_not_offered(riley):
    task = factories.make_task()
    turn = task.turns.get()
    factories.finish_candidate(turn.candidates.all()[0])

    assert rendering.waiting() == []
    assert not queue.offered_to(riley).exists()


def test_a_page_of_an_older_version_is_no_page(riley):
    factories.make_ready_task()
    PairPage.objects.update(version=0)

    assert not queue.offered_to(riley).exists()


def test_a_paused_experiment_offers_nothing(riley, ada):
    task = factories.make_ready_task()
    task.experiment.pause(by=ada)

    assert not queue.offered_to(riley).exists()


def test_a_withdrawn_task_is_not_offered(riley, ada):
    task = factories.make_ready_task()
    task.withdraw(by=ada, why="The scenario was wrong.")

    assert not queue.offered_to(riley).exists()


def test_a_task_whose_seats_are_taken_is_not_offered(riley, rosa):
    factories.make_assignment(rosa, factories.make_ready_task())

    assert not queue.offered_to(riley).exists()


def test_a_task_with_a_free_seat_is_offered_to_a_second_reader(riley, rosa):
    task = factories.make_ready_task(raters_wanted=2)
    factories.make_assignment(rosa, task)

    assert list(queue.offered_to(riley)) == [task]


@pytest.mark.parametrize("state", ["claimed", "submitted", "accepted", "rejected", "released", "expired"])
def test_nobody_is_offered_a_task_they_have_had(riley, bells, state):
    task = factories.make_ready_task(raters_wanted=2)
    factories.make_assignment(riley, task, state=state)

    assert not queue.offered_to(riley).exists()


@pytest.mark.parametrize("state", ["released", "expired", "rejected"])
def test_a_seat_that_was_left_is_offered_again(riley, rosa, bells, state):
    task = factories.make_ready_task()
    factories.make_assignment(rosa, task, state=state)

    assert list(queue.offered_to(riley)) == [task]


@pytest.mark.parametrize("state", ["claimed", "submitted", "accepted"])
def test_a_seat_that_is_held_is_not_offered(riley, rosa, bells, state):
    factories.make_assignment(rosa, factories.make_ready_task(), state=state)

    assert not queue.offered_to(riley).exists()


def make_authored_task(author, **fields):
    scenario = factories.make_scenario(author=author)
    return factories.make_ready_task(
        factories.make_experiment(scenarios=[scenario], **({"lead": Experiment.Lead.AUTHOR} | fields))
    )


def test_in_the_authors_days_only_the_author_may_lead(riley, rosa):
    task = make_authored_task(riley, author_days=3)

    assert list(queue.offered_to(riley)) == [task]
    assert not queue.offered_to(rosa).exists()


def test_after_the_authors_days_anybody_may_lead(riley, rosa):
    task = make_authored_task(riley, author_days=3)
    Task.objects.update(opened_at=Now() - timedelta(days=3, seconds=1))

    assert list(queue.offered_to(riley)) == [task]
    assert list(queue.offered_to(rosa)) == [task]


def test_anybody_may_lead_where_the_experiment_says_so(riley, rosa):
    task = make_authored_task(riley, lead=Experiment.Lead.ANYONE)

    assert list(queue.offered_to(rosa)) == [task]


def test_once_the_author_leads_others_may_read_second(riley, rosa):
    task = make_authored_task(riley, raters_wanted=2)
    factories.make_assignment(riley, task)

    assert list(queue.offered_to(rosa)) == [task]


def test_the_author_never_reads_second(riley, rosa):
    task = make_authored_task(riley, raters_wanted=2, lead=Experiment.Lead.ANYONE)
    factories.make_assignment(rosa, task)

    assert not queue.offered_to(riley).exists()


def test_a_scenario_without_an_author_is_anybodys_to_lead(rosa):
    task = make_authored_task(None)

    assert list(queue.offered_to(rosa)) == [task]


def test_who_has_unblinded_an_experiment_is_offered_nothing_of_it(riley, rosa, bells):
    task, other = factories.make_ready_task(), factories.make_ready_task()
    snapshot.ask(str(task.experiment.public_id), by=riley, reason="For the paper in May")

    assert list(queue.offered_to(riley)) == [other]
    assert list(queue.offered_to(rosa)) == [task, other]


@pytest.mark.parametrize("name", queue.KNOWS)
def test_who_knows_too_much_is_known_by_their_events(riley, name):
    experiment = factories.make_ready_task().experiment
    record(name, experiment, by=riley)

    assert queue.knows(riley, experiment)
    assert not queue.offered_to(riley).exists()


# --- Claiming -------------------------------------------------------------------------------------------------


def test_claiming_takes_a_seat_on_a_lease_and_draws_the_sides(riley):
    task = factories.make_ready_task()

    assignment = queue.claim_next(riley)

    assert (assignment.task, assignment.rater, assignment.seat) == (task, riley, 0)
    assert assignment.seconds_left() > 60
    assert BlindPair.objects.get(assignment=assignment).turn == task.turns.get()
    event = Event.objects.get(name="assignment.claimed")
    assert (event.actor, event.story) == (riley, str(task.public_id))


def test_claiming_twice_gives_the_same_task(riley):
    make_tasks(2)

    assert queue.claim_next(riley) == queue.claim_next(riley)
    assert Assignment.objects.count() == 1


def test_claiming_from_an_empty_queue_gives_nothing(riley):
    assert queue.claim_next(riley) is None


def test_a_second_reader_gets_the_next_seat(riley, rosa):
    factories.make_ready_task(raters_wanted=2)

    assert [queue.claim_next(person).seat for person in (riley, rosa)] == [0, 1]


def test_the_newest_rendered_pair_is_what_a_claim_sees(riley):
    task = factories.make_ready_task()
    turn = task.turns.get()
    arms = [candidate.origin.arm for candidate in turn.candidates.all()]
    for candidate in turns.add_pair(turn, arms):
        factories.finish_candidate(candidate)
    factories.render(turn, attempt=2)

    assignment = queue.claim_next(riley)

    assert assignment.pairs.get().attempt == 2


# --- Racing ---------------------------------------------------------------------------------------------------


def make_racers():
    return [factories.make_person(f"Rater {number}", Role.RATER) for number in range(RACERS)]


def end_round(experiment, taken):
    """Nobody holds anything, and nothing of this round is offered in the next."""
    for assignment in taken:
        queue.release(assignment)
    experiment.pause(by=None)


def test_eight_people_racing_for_six_seats_take_each_seat_once(committed, bells):
    repository, racers = factories.make_repository(), make_racers()
    for _ in range(ROUNDS):
        tasks = make_tasks(2, repository, raters_wanted=3)

        answers = at_once(*(partial(queue.claim_next, racer) for racer in racers))

        taken = [answer for answer in answers if answer]
        seats = {(task.pk, seat) for task in tasks for seat in range(3)}
        # Six have one, so nobody was sent away while a seat was left; and no two have the same.
        assert sorted((one.task_id, one.seat) for one in taken) == sorted(seats)
        assert len({one.rater_id for one in taken}) == len(taken) == 6
        assert Assignment.objects.filter(task__in=tasks).count() == 6
        end_round(tasks[0].experiment, taken)


def test_eight_people_racing_for_one_seat_leave_one_winner(committed, bells):
    repository, racers = factories.make_repository(), make_racers()
    for _ in range(ROUNDS):
        (task,) = make_tasks(1, repository)

        answers = at_once(*(partial(queue.claim_next, racer) for racer in racers))

        (winner,) = [answer for answer in answers if answer]
        assert Assignment.objects.get(task=task) == winner
        end_round(task.experiment, [winner])


def test_eight_people_racing_for_the_eight_seats_of_one_task_all_sit(committed, bells):
    repository, racers = factories.make_repository(), make_racers()
    for _ in range(ROUNDS // 4):
        (task,) = make_tasks(1, repository, raters_wanted=RACERS)

        taken = at_once(*(partial(queue.claim_next, racer) for racer in racers))

        assert sorted(one.seat for one in taken) == list(range(RACERS))
        assert BlindPair.objects.filter(assignment__task=task, method="mirror").count() == 1
        end_round(task.experiment, taken)


def test_one_person_clicking_eight_times_at_once_gets_one_task(committed, bells):
    repository, riley = factories.make_repository(), factories.make_person("Riley", Role.RATER)
    for _ in range(ROUNDS // 4):
        tasks = make_tasks(2, repository)

        taken = at_once(*(partial(queue.claim_next, riley) for _ in range(RACERS)))

        assert len({one.pk for one in taken}) == 1
        assert Assignment.objects.filter(task__in=tasks).count() == 1
        end_round(tasks[0].experiment, taken[:1])


# --- Leaving, expiring, coming back ---------------------------------------------------------------------------


def test_releasing_frees_the_seat_for_the_next(riley, rosa):
    assignment = factories.make_assignment(riley)

    queue.release(assignment)

    assert queue.claim_next(rosa).seat == 0
    assert Assignment.objects.get(pk=assignment.pk).seat is None


def test_what_was_handed_in_cannot_be_released(riley):
    assignment = factories.make_assignment(riley, state="submitted")

    with pytest.raises(WrongState):
        queue.release(assignment)


def end_lease(assignment):
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_lease_that_ran_out_frees_the_seat(riley):
    assignment = factories.make_assignment(riley)
    end_lease(assignment)

    assert queue.expire_overdue() == 1

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("expired", None)
    assert queue.expire_overdue() == 0


def test_leases_end_by_the_databases_clock(riley, rosa):
    make_tasks(2)
    running, ended = factories.make_assignment(riley), factories.make_assignment(rosa)
    end_lease(ended)

    with using(Seeded("a clock that is far ahead", datetime(2099, 1, 1, tzinfo=UTC))):
        assert queue.expire_overdue() == 1

    running.refresh_from_db()
    assert running.state == "claimed"


def test_who_hands_in_while_the_sweep_looks_is_not_expired(riley, monkeypatch):
    assignment = factories.make_assignment(riley)
    end_lease(assignment)
    overdue = list(Assignment.objects.overdue())
    factories.submit(assignment)
    monkeypatch.setattr(type(Assignment.objects), "overdue", lambda self: overdue)

    assert queue.expire_overdue() == 0

    assignment.refresh_from_db()
    assert assignment.state == "submitted"


def test_resuming_goes_on_with_the_same_pair_and_letters(riley):
    assignment = factories.make_assignment(riley)
    before = BlindPair.objects.values().get()
    assignment.expire()

    queue.resume(assignment)

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("claimed", 0)
    assert assignment.seconds_left() > 60
    assert BlindPair.objects.values().get() == before


def test_resuming_what_is_in_hand_changes_nothing(riley):
    assignment = factories.make_assignment(riley)

    queue.resume(assignment)

    assert Event.objects.filter(name="assignment.claimed").count() == 1


def test_with_a_draft_a_lost_seat_becomes_an_extra_reading(riley, rosa):
    assignment = factories.make_assignment(riley)
    submission.save_draft(assignment, factories.filled())
    assignment.expire()
    queue.claim_next(rosa)

    queue.resume(assignment)

    assignment.refresh_from_db()
    assert (assignment.state, assignment.seat) == ("claimed", None)


def test_without_a_draft_a_lost_seat_is_lost(riley, rosa):
    assignment = factories.make_assignment(riley)
    assignment.expire()
    queue.claim_next(rosa)

    with pytest.raises(WrongState, match="Somebody else has taken this task meanwhile"):
        queue.resume(assignment)

    assignment.refresh_from_db()
    assert assignment.state == "expired"


def test_what_was_given_back_cannot_be_resumed(riley):
    assignment = factories.make_assignment(riley, state="released")

    with pytest.raises(WrongState, match="no longer yours"):
        queue.resume(assignment)


def test_who_has_unblinded_meanwhile_cannot_resume(riley, bells):
    assignment = factories.make_assignment(riley, state="expired")
    snapshot.ask(str(assignment.task.experiment.public_id), by=riley, reason="For the paper in May")

    with pytest.raises(WrongState, match="cannot rate in it any more"):
        queue.resume(assignment)


def test_eight_people_taking_back_and_claiming_one_seat_leave_one_in_it(committed, bells):
    repository, racers = factories.make_repository(), make_racers()
    for _ in range(ROUNDS // 4):
        (task,) = make_tasks(1, repository)
        expired = factories.make_assignment(racers[0], task, state="expired")

        back, *claimed = race(
            partial(queue.resume, expired), *(partial(queue.claim_next, racer) for racer in racers[1:])
        )

        winners = [answer for answer in claimed if answer]
        assert len(winners) == (1 if isinstance(back, WrongState) else 0)
        assert Assignment.objects.get(task=task, seat=0) == (winners or [expired])[0]
        end_round(task.experiment, winners or [expired])


# --- The home page --------------------------------------------------------------------------------------------


def test_the_overview_sorts_what_is_mine_and_adds_up_what_is_owed(riley, bells):
    tasks = make_tasks(5, rate="100.50")
    handed_in, paid, expired, in_hand, offered = tasks
    states = ("accepted", "accepted", "expired", "claimed")
    made = [
        factories.make_assignment(riley, task, state=state)
        for task, state in zip(tasks, states, strict=False)
    ]
    made[1].payout.approve(by=riley)
    made[1].payout.pay(by=riley)

    overview = queue.overview(riley)

    assert [one.task for one in overview["in_hand"]] == [in_hand]
    assert [one.task for one in overview["expired"]] == [expired]
    assert [one.task for one in overview["handed_in"]] == [paid, handed_in]
    assert (overview["offered"], overview["next"]) == (1, offered)
    assert (str(overview["owed"]), str(overview["paid"])) == ("100.50", "100.50")


def test_a_new_raters_overview_is_empty(riley):
    overview = queue.overview(riley)

    assert (overview["offered"], overview["next"], overview["owed"], overview["paid"]) == (0, None, 0, 0)
