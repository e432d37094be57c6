"""The draw of sides, and all that a rater's page may get of a candidate."""

from dataclasses import fields
from functools import partial

import pytest
from django.db import connection
from django.db.utils import ProgrammingError

from grading import blinding
from grading.models import Assignment, BlindPair
from marlin.models import Role
from marlin.routers import GuardedModel
from marlin.sources import Seeded, now, using
from tasks import turns
from tasks.models import Arm, Failure, Origin, Turn
from tests import factories
from tests.conftest import as_role
from tests.grading.conftest import Coins, at_once, experiment_of

HEADS, TAILS = 0.49, 0.51


def take_seat(rater, task, seat=0):
    return Assignment.objects.create(task=task, rater=rater, seat=seat, lease_until=now())


def draw(assignment, coin, attempt=1):
    with using(Coins(coin)):
        return blinding.draw(assignment, assignment.task.turns.get(), attempt)


def first_is_a(pair):
    """Whether the arm that comes first stands on side A."""
    first = Arm.objects.filter(experiment=pair.assignment.task.experiment).order_by("pk")[0]
    return Origin.objects.get(candidate=pair.a_id).arm == first


def add_pairs(turn, count):
    """More pairs for one turn: the cheapest way to many draws."""
    arms = list(turn.task.experiment.arms.all())
    for _ in range(count):
        turns.add_pair(turn, arms)


# --- The draw -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coin", "first_stands_at_a"), [(HEADS, True), (TAILS, False), (0.0, True), (0.999999, False)]
)
def test_the_coin_decides_who_stands_at_a(riley, coin, first_stands_at_a):
    pair = draw(take_seat(riley, factories.make_task()), coin)

    assert first_is_a(pair) is first_stands_at_a
    assert (pair.method, pair.probability) == ("coin", 0.5)


def test_a_pair_holds_both_candidates_of_its_turn(riley):
    task = factories.make_task()

    pair = draw(take_seat(riley, task), HEADS)

    assert {pair.a_id, pair.b_id} == set(task.turns.get().candidates.values_list("pk", flat=True))


def test_asking_again_gives_the_pair_that_was_drawn(riley):
    assignment = take_seat(riley, factories.make_task())
    drawn = draw(assignment, HEADS)

    again = draw(assignment, TAILS)

    assert (again.pk, again.a_id) == (drawn.pk, drawn.a_id)
    assert BlindPair.objects.count() == 1


@pytest.mark.parametrize("coin", [-0.1, 1.0, None])
def test_a_coin_that_is_none_is_refused(riley, coin):
    assignment = take_seat(riley, factories.make_task())

    with pytest.raises(Exception, match="the coin must lie in"):
        draw(assignment, coin)


def test_there_is_no_draw_for_another_tasks_turn(riley):
    assignment, other = take_seat(riley, factories.make_task()), factories.make_task()

    with pytest.raises(Exception, match="this assignment has no such pair"):
        blinding.draw(assignment, other.turns.get(), 1)


def test_after_three_more_on_one_side_the_stick_sends_the_rater_to_the_other(riley):
    experiment = experiment_of(5)
    pairs = [draw(take_seat(riley, factories.make_task(experiment)), HEADS) for _ in range(5)]

    assert [pair.method for pair in pairs] == ["coin", "coin", "coin", "stick", "coin"]
    assert [first_is_a(pair) for pair in pairs] == [True, True, True, False, True]
    assert [pair.probability for pair in pairs] == [0.5, 0.5, 0.5, 1.0, 0.5]


def test_the_stick_counts_over_all_raters_too(db):
    experiment = experiment_of(4)
    people = [factories.make_person(f"Rater {number}", Role.RATER) for number in range(4)]

    pairs = [draw(take_seat(person, factories.make_task(experiment)), TAILS) for person in people]

    assert [pair.method for pair in pairs] == ["coin", "coin", "coin", "stick"]
    assert [first_is_a(pair) for pair in pairs] == [False, False, False, True]


def test_the_raters_own_stick_comes_before_that_of_all(riley, rosa):
    """Rosa has stood the other way often; Riley is sent by what Riley saw."""
    experiment = experiment_of(12)
    tasks = [factories.make_task(experiment) for _ in range(12)]
    theirs = [draw(take_seat(rosa, task), HEADS) for task in tasks[:3]]
    mine = [draw(take_seat(riley, task), TAILS) for task in tasks[3:9]]

    # All together stood at +3, so the first of Riley's was forced; after that they turn towards −3.
    assert [first_is_a(pair) for pair in theirs + mine] == [True] * 3 + [False] * 3 + [True] + [False, True]
    assert [pair.method for pair in mine] == ["stick", "coin", "coin", "stick", "coin", "stick"]


def test_the_stick_does_not_count_other_pairs_of_arms(riley):
    experiment = experiment_of(3)
    for _ in range(3):
        draw(take_seat(riley, factories.make_task(experiment)), HEADS)

    pair = draw(take_seat(riley, factories.make_task()), HEADS)

    assert (pair.method, first_is_a(pair)) == ("coin", True)


@pytest.mark.parametrize("coin", [HEADS, TAILS])
def test_the_second_reader_gets_the_mirror_image(riley, rosa, coin):
    task = factories.make_task(raters_wanted=2)
    first = draw(take_seat(riley, task), coin)

    second = draw(take_seat(rosa, task, seat=1), HEADS)

    assert (second.a_id, second.b_id) == (first.b_id, first.a_id)
    assert (second.method, second.probability) == ("mirror", 1.0)


@pytest.mark.parametrize("coin", [HEADS, TAILS])
def test_the_third_reader_gets_a_coin(riley, rosa, sam, coin):
    task = factories.make_task(raters_wanted=3)
    draw(take_seat(riley, task), HEADS)
    draw(take_seat(rosa, task, seat=1), HEADS)

    third = draw(take_seat(sam, task, seat=2), coin)

    assert third.method == "coin"
    assert first_is_a(third) is (coin == HEADS)


def test_a_new_pair_of_the_same_turn_is_drawn_anew(riley):
    assignment = take_seat(riley, factories.make_task())
    add_pairs(assignment.task.turns.get(), 1)

    pairs = [draw(assignment, HEADS, attempt=1), draw(assignment, TAILS, attempt=2)]

    assert [first_is_a(pair) for pair in pairs] == [True, False]


def test_four_hundred_draws_follow_the_rule_and_keep_each_rater_balanced(db):
    """The database against the rule in Python, on the same seeded coins."""
    experiment = experiment_of(4)
    seats = []
    for name in ("Riley", "Rosa", "Sam", "Robin"):
        assignment = take_seat(factories.make_person(name, Role.RATER), factories.make_task(experiment))
        add_pairs(assignment.task.turns.get(), 99)
        seats.append((assignment, assignment.task.turns.get()))
    first = set(
        Origin.objects.filter(arm=experiment.arms.order_by("pk")[0]).values_list("candidate", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself; else each draw reads whole tables
    coins = Seeded("balance")
    leads, overall, seen = [0, 0, 0, 0], 0, {"coin": 0, "stick": 0}

    with using(Seeded("balance")):
        for number in range(400):
            rater, attempt = number % 4, number // 4 + 1
            pair = blinding.draw(*seats[rater], attempt)

            coin = coins.coin("sides")
            lead = leads[rater] if abs(leads[rater]) >= 3 else overall
            forced = abs(lead) >= 3
            expected = lead < 0 if forced else coin < 0.5
            assert (pair.method, pair.a_id in first) == ("stick" if forced else "coin", expected)
            leads[rater] += 1 if expected else -1
            overall += 1 if expected else -1
            seen[pair.method] += 1
            assert abs(leads[rater]) <= 3

    assert seen["coin"] > 100
    assert seen["stick"] > 10


def test_draws_of_one_rater_at_the_same_time_stay_within_the_stick(committed, bells):
    riley = factories.make_person("Riley", Role.RATER)
    assignment = take_seat(riley, factories.make_task())
    turn = assignment.task.turns.get()
    add_pairs(turn, 39)

    def draw_five(begin):
        return [blinding.draw(assignment, turn, attempt).method for attempt in range(begin, begin + 5)]

    with using(Coins(0.0)):  # always the same side, if nothing held it back
        at_once(*(partial(draw_five, begin) for begin in range(1, 41, 5)))

    lead, highest = 0, 0
    for pair in BlindPair.objects.order_by("pk").select_related("assignment__task__experiment"):
        lead += 1 if first_is_a(pair) else -1
        highest = max(highest, abs(lead))
    assert BlindPair.objects.count() == 40
    assert highest == 3


def test_one_pair_is_drawn_once_by_eight_who_ask_at_the_same_time(committed, bells):
    riley = factories.make_person("Riley", Role.RATER)
    assignment = take_seat(riley, factories.make_task())
    turn = Turn.objects.get()

    pairs = at_once(*(partial(blinding.draw, assignment, turn, 1) for _ in range(8)))

    assert len({(pair.pk, pair.a_id) for pair in pairs}) == 1


# --- The wall -------------------------------------------------------------------------------------------------


def test_a_web_process_may_draw(riley):
    assignment = take_seat(riley, factories.make_task())

    with as_role("web"):
        pair = draw(assignment, HEADS)

    assert first_is_a(pair)


@pytest.mark.parametrize("table", ["tasks_origin", "tasks_arm", "tasks_agentversion", "tasks_run"])
def test_a_web_process_may_not_read_what_is_drawn_from(db, table):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        as_role("web"),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT * FROM {table}")


def test_a_web_process_is_told_by_the_router_first(db):
    with pytest.raises(GuardedModel, match="Origin is guarded"), as_role("web"):
        Origin.objects.first()


def names_of(kind):
    return [field.name for field in fields(kind)]


def test_what_passes_the_wall_is_a_fixed_list():
    assert names_of(blinding.BlindSide) == [
        "letter",
        "failed",
        "final_message",
        "notes",
        "set_apart",
        "steps",
        "evidence",
        "files",
        "added",
        "removed",
    ]
    assert names_of(blinding.TestEvidence) == [
        "ran",
        "passed",
        "failed",
        "skipped",
        "failures",
        "log",
        "sentence",
        "checks",
        "hidden",
    ]
    assert names_of(blinding.TranscriptStep) == ["kind", "text", "path", "exit"]
    assert names_of(blinding.BlindTurn) == ["number", "prompt", "a", "b", "sides"]


def blind_turn(rater, **result):
    task = factories.make_task(grades_failures=True)
    for candidate in task.turns.get().candidates.all():
        if "failure" in result:
            factories.fail_candidate(candidate, result["failure"])
        else:
            factories.finish_candidate(candidate, **result)
    return blinding.blind(BlindPair.objects.get(pk=draw(take_seat(rater, task), HEADS).pk))


def test_a_side_tells_what_was_written_and_how_much(riley):
    turn = blind_turn(riley, notes=["A file was too large."])

    assert (turn.number, turn.prompt) == (1, "Entries must not come back when the clock is set back.")
    assert [side.letter for side in turn.sides] == ["A", "B"]
    assert [side.css for side in turn.sides] == ["a", "b"]
    assert (turn.a.files, turn.a.added, turn.a.removed) == (1, 1, 0)
    assert turn.a.notes == ("A file was too large.",)
    assert turn.a.failed == ""
    assert turn.a.steps == (blinding.TranscriptStep("say", "I added a file."),)
    assert turn.a.evidence.is_green


def test_nothing_beside_the_named_fields_passes(riley):
    secret = "quillback-large-9"
    turn = blind_turn(
        riley,
        evidence={
            "ran": True,
            "passed": 1,
            "failed": 2,
            "failures": ["test_a"],
            "model": secret,
            "seconds": 86_461,
        },
        transcript=[{"kind": "run", "text": "ls", "path": None, "exit": 1, "model": secret, "at": 86_461}],
        files=[*factories.FILES, {"path": "a", "added": 2, "removed": 3, "model": secret}],
    )

    assert secret not in repr(turn)
    assert "86461" not in repr(turn)
    assert turn.a.evidence == blinding.TestEvidence(ran=True, passed=1, failed=2, failures=("test_a",))
    assert not turn.a.evidence.is_green
    assert turn.a.steps[0].exit == 1
    assert (turn.a.files, turn.a.added, turn.a.removed) == (2, 3, 3)


def test_tests_that_were_not_run_are_said_so(riley):
    turn = blind_turn(riley, evidence={})

    assert turn.a.evidence == blinding.TestEvidence(ran=False, sentence="Tests were not run.")
    assert not turn.a.evidence.is_green


def test_a_failed_side_is_named_by_a_sentence_from_the_closed_list(riley):
    turn = blind_turn(riley, failure=Failure.TIME)

    assert turn.a.failed == "It did not finish in the time it had."
    assert turn.a.steps == ()
