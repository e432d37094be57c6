"""Who may take part in an experiment, and the tasks with a known answer that they meet there."""

import json
from datetime import timedelta

import pytest

from grading import jobs, queue, reviewing
from grading.export import snapshot
from grading.export.filters import Filters
from grading.models import Assignment, Gold, Judgement, Vote
from grading.results import asking
from marlin.models import User
from marlin.sources import now, using
from tasks import experiments
from tasks.models import Experiment, Grant, Qualification, Task
from tests import factories
from tests.grading.api.conftest import program_of
from tests.grading.conftest import Coins, at_once, experiment_of, make_tasks, words_of


@pytest.fixture
def task(db: None) -> Task:
    return factories.make_ready_task()


def make_gold(task: Task, ada: User, **fields: object) -> Gold:
    fields = {"kind": Gold.Kind.GOLD, "why": "A keeps the change small."} | fields
    return Gold.objects.create(task=task, made_by=ada, **fields)


def change(task: Task, **fields: object) -> None:
    Experiment.objects.filter(pk=task.experiment_id).update(**fields)


# --- Qualifications, language, guidelines, money ----------------------------------------------------------------------


def test_every_qualification_that_is_asked_for_must_be_granted(task, riley, ada):
    asked = [Qualification.objects.create(name=name) for name in ("Python", "Rust")]
    task.experiment.qualifications.set(asked)
    Grant.objects.create(qualification=asked[0], person=riley, granted_by=ada)

    assert queue.claim_next(riley) is None

    Grant.objects.create(qualification=asked[1], person=riley, granted_by=ada)

    assert queue.claim_next(riley).task == task


def test_who_does_not_have_the_language_is_offered_nothing(task, riley):
    change(task, language="Portuguese")

    assert queue.claim_next(riley) is None

    riley.languages = ["English", "Portuguese"]

    assert queue.claim_next(riley).task == task


def test_each_new_version_of_the_guidelines_is_confirmed_before_claiming(task, riley, ada):
    first = experiments.write_guidelines(task.experiment, "Read the tests too.", by=ada)

    assert queue.claim_next(riley) is None
    assert list(queue.guidelines_to_confirm(riley)) == [first]

    queue.confirm(first, by=riley)
    second = experiments.write_guidelines(task.experiment, "Read the tests first.", by=ada)

    assert queue.claim_next(riley) is None
    assert list(queue.guidelines_to_confirm(riley)) == [second]

    queue.confirm(second, by=riley)
    queue.confirm(second, by=riley)

    assert not queue.guidelines_to_confirm(riley).exists()
    assert queue.claim_next(riley).task == task


def test_the_same_guidelines_are_no_new_version(task, ada):
    first = experiments.write_guidelines(task.experiment, "Read the tests.", by=ada)

    assert experiments.write_guidelines(task.experiment, "Read the tests.\r\n", by=ada) == first


def test_guidelines_of_nothing_to_do_are_not_asked_for(task, riley, rosa, ada):
    experiments.write_guidelines(task.experiment, "Read the tests.", by=ada)
    Assignment.objects.create(task=task, rater=rosa, seat=0, lease_until=now())

    assert not queue.guidelines_to_confirm(riley).exists()


def test_nothing_is_claimed_that_the_pay_budget_does_not_cover(db, riley, rosa):
    first, _ = make_tasks(2, rate=280, pay_budget=559)

    assert queue.claim_next(riley).task == first
    assert queue.claim_next(rosa) is None


# --- Second readings --------------------------------------------------------------------------------------------------


def test_a_task_drawn_for_a_second_reading_has_one_more_seat(task, riley, rosa, sam):
    Task.objects.filter(pk=task.pk).update(extra_readers=1)

    assert (queue.claim_next(riley).seat, queue.claim_next(rosa).seat) == (0, 1)
    assert queue.claim_next(sam) is None


def test_it_is_closed_by_its_last_reading(task, riley, rosa, robin, bells):
    Task.objects.filter(pk=task.pk).update(extra_readers=1)
    for rater in (riley, rosa):
        assert Task.objects.get().state == "open"
        factories.make_assignment(rater, task, state="accepted", by=robin)

    assert Task.objects.get().state == "closed"


def test_its_seats_go_to_one_person_each(committed, django_db_blocker):
    task = factories.make_ready_task()
    Task.objects.filter(pk=task.pk).update(extra_readers=1)
    raters = [factories.make_person(f"Rater{number}", "rater") for number in range(4)]

    claimed = at_once(*[lambda rater=rater: queue.claim_next(rater) for rater in raters])

    assert sorted(one.seat for one in claimed if one) == [0, 1]


# --- Gold and practice ------------------------------------------------------------------------------------------------


def test_gold_is_never_offered_as_work(task, riley, ada):
    make_gold(task, ada)

    assert queue.claim_next(riley) is None


@pytest.mark.parametrize(("coin", "is_gold"), [(0.19, True), (0.21, False)])
def test_gold_takes_the_place_of_its_share_of_the_claims(riley, ada, coin, is_gold):
    gold, other = make_tasks(2, gold_share=20)
    make_gold(gold, ada)

    with using(Coins(coin)):
        claimed = queue.claim_next(riley)

    assert claimed.task == (gold if is_gold else other)
    assert claimed.seat == (None if is_gold else 0)
    assert claimed.pairs.count() == 1


def test_practice_comes_before_work_and_only_so_often(riley, ada):
    practice, first, _ = make_tasks(3, practice_wanted=1)
    make_gold(practice, ada, kind=Gold.Kind.PRACTICE)

    served = []
    for _ in range(2):
        claimed = queue.claim_next(riley)
        served.append(claimed.task)
        queue.release(claimed)

    assert served == [practice, first]


@pytest.mark.parametrize("kind", Gold.Kind)
def test_practice_is_labelled_where_gold_stays_hidden(client, riley, ada, kind):
    task, _ = make_tasks(2, practice_wanted=1, gold_share=100)
    make_gold(task, ada, kind=kind)
    client.force_login(riley)

    claimed = queue.claim_next(riley)
    pages = [words_of(client.get(place)) for place in ("/work/", f"/work/{claimed.public_id}/")]

    assert claimed.task == task
    assert ["Practice: does not count" in page for page in pages] == [kind == Gold.Kind.PRACTICE] * 2
    assert not [page for page in pages if "gold" in page.lower()]


def test_retired_gold_is_served_no_more(riley, ada):
    gold, other = make_tasks(2, gold_share=100)
    make_gold(gold, ada, retires_on=now().date())

    assert queue.claim_next(riley).task == other


def test_gold_is_read_by_everybody_once_and_stays_open(riley, rosa, robin, ada, bells):
    gold, *_ = make_tasks(3, gold_share=100)
    make_gold(gold, ada)

    for rater in (riley, rosa):
        claimed = queue.claim_next(rater)
        assert claimed.task == gold
        factories.submit(claimed)
        reviewing.decide(claimed, "accept", by=robin, reason="")
    gold.refresh_from_db()

    assert gold.state == "open"
    assert queue.claim_next(riley).task != gold


def answered(riley: User, robin: User, ada: User, kind: str) -> tuple[Task, Experiment]:
    """A task whose answer is known, read and accepted."""
    known, *_ = make_tasks(2, gold_share=100, practice_wanted=1)
    make_gold(known, ada, kind=kind)
    claimed = queue.claim_next(riley)
    assert claimed.task == known
    factories.submit(claimed)
    reviewing.decide(claimed, "accept", by=robin, reason="")
    return known, known.experiment


@pytest.mark.parametrize("kind", Gold.Kind.values)
def test_what_is_answered_on_gold_or_practice_is_no_preference(riley, robin, rowan, ada, bells, kind):
    _, experiment = answered(riley, robin, ada, kind)

    jobs.compute_result(asking.ask(experiment).pk)
    export = snapshot.ask(str(experiment.public_id), by=None, reason="To see them.", keys=["jsonl"])
    jobs.write_export(export.pk)
    export.refresh_from_db()

    assert not Vote.objects.exists()
    assert export.manifest["counts"]["left_out"] == {f"known answer: {kind}": 1}
    assert program_of(rowan).all(f"/experiments/{experiment.public_id}/records") == []


@pytest.mark.parametrize("kind", Gold.Kind.values)
def test_answers_to_gold_and_practice_are_exported_when_asked_for_and_kept_apart(
    riley, robin, ada, bells, kind
):
    known, experiment = answered(riley, robin, ada, kind)
    wanted = Filters(known=(kind,))

    export = snapshot.ask(
        str(experiment.public_id), by=None, reason="To see them.", keys=["jsonl"], wanted=wanted
    )
    jobs.write_export(export.pk)
    export.refresh_from_db()

    with snapshot.open_file(export, "preferences.jsonl", by=None) as file:
        records = [json.loads(line) for line in file.read().splitlines()]
    assert [(each["is_gold"], each["is_practice"]) for each in records] == [
        (kind == "gold", kind == "practice"),
    ]
    assert records[0]["task"] == str(known.public_id)
    assert export.manifest["filters"]["known"] == [kind]


def test_what_was_claimed_before_a_task_became_gold_is_a_preference(riley, robin, ada, bells):
    assignment = factories.make_assignment(riley, state="accepted")
    make_gold(assignment.task, ada)

    jobs.compute_result(asking.ask(assignment.task.experiment).pk)

    assert Vote.objects.count() == 1
    assert Judgement.objects.get().record["is_gold"] is False


def test_who_came_back_to_gold_goes_on_without_a_seat(riley, ada):
    gold, *_ = make_tasks(2, gold_share=100)
    make_gold(gold, ada)
    claimed = queue.claim_next(riley)
    claimed.expire()

    queue.resume(claimed)

    assert (claimed.state, claimed.seat) == ("claimed", None)


def test_claiming_asks_as_often_among_four_as_among_twelve_tasks(riley, ada, queries):
    counts = []
    experiment = experiment_of(12, gold_share=1, practice_wanted=1)
    experiments.write_guidelines(experiment, "Read the tests.", by=ada)
    queue.confirm(experiment.newest_guidelines(), by=riley)
    for number in (4, 8):
        for _ in range(number):
            task = factories.make_ready_task(experiment)
        make_gold(task, ada, retires_on=now().date() - timedelta(days=1))
        with queries as captured:
            claimed = queue.claim_next(riley)
        counts.append(len(captured))
        queue.release(claimed)

    assert counts[0] == counts[1]
