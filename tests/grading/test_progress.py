"""How far an experiment is, what it costs, and when it stops by itself."""

from decimal import Decimal

import pytest

from grading import jobs, progress
from grading.models import Gold
from marlin.models import Event
from tasks.models import Experiment, Run, Task
from tests import factories
from tests.grading.conftest import experiment_of, make_tasks


@pytest.fixture
def experiment(db: None, riley, rosa, sam, robin, bells) -> Experiment:
    """Five scenarios: three tasks of which one reading is accepted, one handed in and one in hand; two wait."""
    experiment = experiment_of(5, rate=Decimal(100), review_rate=Decimal(10), pay_budget=Decimal(1000))
    for _ in range(3):
        factories.make_ready_task(experiment)
    factories.make_assignment(riley, experiment.tasks.first(), state="accepted", by=robin)
    factories.make_assignment(rosa, experiment.tasks.first(), state="submitted")
    factories.make_assignment(sam, experiment.tasks.first())
    Run.objects.update(cost=Decimal("0.50"))
    return experiment


def test_every_reading_is_counted_where_it_is(experiment):
    found = progress.progress_of(experiment)

    assert (found.scenarios, found.tasks, found.waiting, found.wanted) == (5, 3, 2, 5)
    assert (found.accepted, found.with_reviewers, found.in_hand) == (1, 1, 1)
    assert (found.candidates, found.generated, found.percent) == (6, 6, 20)


def test_people_and_providers_are_two_budgets_with_a_forecast_each(experiment):
    found = progress.progress_of(experiment)

    assert found.pay == progress.Money(Decimal(110), Decimal(220), Decimal(550), Decimal(1000))
    assert found.pay.saved_by_stopping == Decimal(220)
    assert (found.provider.spent, found.provider.forecast) == (Decimal(3), Decimal(5))
    assert found.provider.saved_by_stopping == Decimal(2)


def test_the_pace_of_late_says_when_it_is_done(experiment):
    found = progress.progress_of(experiment)

    assert (found.pace, found.days_left) == (1.0, 4)


def test_tasks_with_a_known_answer_are_no_progress(experiment, ada):
    Gold.objects.create(task=Task.objects.last(), kind=Gold.Kind.GOLD, why="B forgets the edge.", made_by=ada)

    found = progress.progress_of(experiment)

    assert (found.tasks, found.gold, found.wanted) == (2, 1, 4)


def test_counting_asks_as_often_for_ten_tasks_as_for_one(db, queries, bells):
    counts = []
    for tasks in (1, 10):
        experiment = experiment_of(10)
        for _ in range(tasks):
            factories.make_task(experiment)
        with queries as captured:
            progress.progress_of(experiment)
        counts.append(len(captured))

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"stop_after": 1}, "1 comparisons are accepted, as many as were asked for."),
        ({"stop_after": 2}, ""),
        (
            {"rate": 280, "pay_budget": 559},
            "What is left of the pay budget does not cover one more comparison.",
        ),
        ({"rate": 280, "pay_budget": 560}, ""),
    ],
)
def test_it_pauses_when_its_rule_says_so(riley, robin, bells, fields, why):
    first, _ = make_tasks(2, **fields)
    factories.make_assignment(riley, first, state="accepted", by=robin)

    jobs.heed_stopping_rules()

    assert Experiment.objects.get().state == ("paused" if why else "running")
    assert [event.why for event in Event.objects.filter(name="experiment.paused")] == ([why] if why else [])
