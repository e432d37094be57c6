"""What may start, and the tasks that a running experiment opens."""

import pytest
from django.db import IntegrityError, transaction

import tasks.jobs
from marlin.sources import Seeded, using
from marlin.states import WrongState
from tasks import experiments, turns
from tasks.models import (
    AgentVersion,
    Arm,
    Candidate,
    Environment,
    Experiment,
    Quota,
    Run,
    Task,
    Turn,
)
from tests import factories
from tests.races import race


@pytest.fixture
def experiment(db: None, bells: list[tuple[object, ...]]) -> Experiment:
    return factories.make_experiment()


def make_draft(*versions: AgentVersion, **fields: object) -> Experiment:
    draft = Experiment.objects.create(name="draft", rubric=factories.make_rubric(), **fields)
    for position, version in enumerate(versions):
        Arm.objects.create(experiment=draft, agent_version=version, position=position)
    return draft


@pytest.mark.parametrize("arms", [0, 1])
def test_fewer_than_two_arms_do_not_start(db, bells, arms):
    draft = make_draft(*(factories.make_agent_version() for _ in range(arms)))

    with pytest.raises(experiments.Refused, match="compares two agent versions or more"):
        experiments.start(draft, by=None)

    assert Experiment.objects.get().state == "draft"
    assert bells == []


def test_a_replayed_arm_allows_one_turn(db, bells):
    replay = factories.make_agent_version(kind=AgentVersion.Kind.REPLAY)
    draft = make_draft(replay, factories.make_agent_version(), turns_wanted=2)

    with pytest.raises(experiments.Refused, match="one turn only"):
        experiments.start(draft, by=None)


def test_a_replayed_arm_starts_with_one_turn(db, bells):
    replay = factories.make_agent_version(kind=AgentVersion.Kind.REPLAY)
    draft = make_draft(replay, factories.make_agent_version())

    experiments.start(draft, by=None)

    assert Experiment.objects.get().state == "running"
    assert bells == [("tasks.jobs.open_tasks",)]


def test_starting_twice_is_refused(experiment):
    with pytest.raises(WrongState):
        experiments.start(experiment, by=None)


def test_an_agent_version_is_one_arm(experiment):
    version = experiment.arms.first().agent_version

    with pytest.raises(IntegrityError, match="an_agent_version_is_one_arm"), transaction.atomic():
        Arm.objects.create(experiment=experiment, agent_version=version, position=9)


def test_each_approved_scenario_gets_a_task_with_a_turn_and_a_pair(experiment, bells):
    assert tasks.jobs.open_tasks() == 1

    task = Task.objects.get()
    turn = task.turns.get()
    assert task.state == "open"
    assert (turn.number, turn.prompt) == (1, task.scenario.prompt)
    assert turn.base_commit == task.scenario.base_commit
    assert turn.candidates.count() == 2
    assert {candidate.origin.arm for candidate in turn.candidates.all()} == set(experiment.arms.all())
    assert bells[1:] == [
        ("tasks.jobs.prepare_environment", Environment.objects.get().pk),
        *(
            ("tasks.jobs.generate_candidate", pk)
            for pk in sorted(turn.candidates.values_list("pk", flat=True))
        ),
    ]


def test_opening_twice_makes_one_task(experiment):
    experiments.open_tasks()

    assert experiments.open_tasks() == 0
    assert Task.objects.count() == 1


@pytest.mark.parametrize("state", ["draft", "in_review", "sent_back", "retired"])
def test_scenarios_that_are_not_approved_get_no_task(experiment, state):
    experiment.scenarios.update(state=state)

    assert experiments.open_tasks() == 0


def test_scenarios_of_repositories_that_are_not_usable_wait(experiment):
    experiment.scenarios.get().repository.refresh(by=factories.make_person("Ada", "admin"))

    assert experiments.open_tasks() == 0


def test_a_paused_experiment_opens_nothing(experiment, ada):
    experiment.pause(by=ada)

    assert experiments.open_tasks() == 0


def test_a_finished_experiment_is_closed_for_good(experiment, ada):
    experiment.finish(by=ada)

    with pytest.raises(WrongState):
        experiment.resume(by=ada)


def test_a_proven_environment_is_not_proven_again(experiment, bells):
    factories.prove_environment(experiment.scenarios.get())

    experiments.open_tasks()

    assert "tasks.jobs.prepare_environment" not in [bell[0] for bell in bells]


def test_two_workers_racing_to_open_make_one_task(committed):
    factories.make_experiment(scenarios=[factories.make_scenario() for _ in range(4)])

    outcomes = race(*[experiments.open_tasks] * 4)

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert sum(outcomes) == 4
    assert Task.objects.count() == 4
    assert Turn.objects.count() == 4
    assert Candidate.objects.count() == 8


def test_candidates_are_inserted_in_random_order(db, bells):
    """Over many pairs each arm comes first about as often; a key must not tell who is who."""
    task = factories.make_task()
    turn, arms = task.turns.get(), list(task.experiment.arms.order_by("position"))
    first_arms = []
    for seed in range(40):
        with using(Seeded(f"order {seed}")):
            turns.add_pair(turn, arms)
        first = turn.candidates.filter(attempt=turn.newest_attempt()).order_by("pk")[0]
        first_arms.append(first.origin.arm.position)

    assert 8 < sum(first_arms) < 32


def test_public_ids_do_not_tell_the_order_either(db, bells):
    same_order = 0
    for seed in range(40):
        with using(Seeded(f"public {seed}")), transaction.atomic():
            pair = factories.make_task().turns.get().pair(1)
            same_order += pair[0].pk < pair[1].pk
            transaction.set_rollback(True)

    assert 8 < same_order < 32


def test_with_more_than_two_arms_each_task_draws_two(db, bells):
    versions = [factories.make_agent_version() for _ in range(4)]
    scenarios = [factories.make_scenario() for _ in range(12)]
    experiment = factories.make_experiment(versions=versions, scenarios=scenarios)

    experiments.open_tasks()

    drawn = set(Candidate.objects.values_list("origin__arm", flat=True))
    assert drawn == set(experiment.arms.values_list("pk", flat=True))
    assert Candidate.objects.count() == 24
    for task in Task.objects.all():
        assert Candidate.objects.filter(turn__task=task).values("origin__arm").distinct().count() == 2


def test_a_turn_is_opened_once_per_number(experiment):
    experiments.open_tasks()
    turn = Turn.objects.get()

    with pytest.raises(IntegrityError, match="one_turn_per_number"):
        turns.open_turn(
            turn.task,
            number=1,
            prompt="Again.",
            base_commit=turn.base_commit,
            arms=list(experiment.arms.all()),
        )


# --- Which arms meet, which scenarios join, what stops it -----------------------------------------------------------


def pairs_of(experiment: Experiment) -> list[set[int]]:
    return [
        set(Candidate.objects.filter(turn__task=task).values_list("origin__arm__position", flat=True))
        for task in Task.objects.filter(experiment=experiment)
    ]


def test_balanced_pairing_lets_every_two_arms_meet_as_often(db, bells):
    versions = [factories.make_agent_version() for _ in range(3)]
    repository = factories.make_repository()
    scenarios = [factories.make_scenario(repository=repository) for _ in range(6)]
    experiment = factories.make_experiment(versions=versions, scenarios=scenarios, pairing="balanced")

    experiments.open_tasks()

    assert sorted(sorted(pair) for pair in pairs_of(experiment)) == [[0, 1]] * 2 + [[0, 2]] * 2 + [[1, 2]] * 2


def test_control_pairing_sets_the_first_arm_against_each_other(db, bells):
    versions = [factories.make_agent_version() for _ in range(3)]
    repository = factories.make_repository()
    scenarios = [factories.make_scenario(repository=repository) for _ in range(4)]
    experiment = factories.make_experiment(versions=versions, scenarios=scenarios, pairing="control")

    experiments.open_tasks()

    assert sorted(sorted(pair) for pair in pairs_of(experiment)) == [[0, 1]] * 2 + [[0, 2]] * 2


def test_quotas_bound_the_tasks_of_each_category(db, bells):
    repository = factories.make_repository()
    scenarios = [
        factories.make_scenario(repository=repository, category=category)
        for category in ["bug fix"] * 3 + ["testing"] * 2 + ["chore"]
    ]
    experiment = factories.make_experiment(scenarios=scenarios)
    Quota.objects.create(experiment=experiment, category="bug fix", wanted=2)
    Quota.objects.create(experiment=experiment, category="testing")

    opened = experiments.open_tasks()
    again = experiments.open_tasks()

    categories = sorted(Task.objects.values_list("scenario__category", flat=True))
    assert (opened, again, categories) == (4, 0, ["bug fix", "bug fix", "testing", "testing"])


def test_an_experiment_that_gathers_takes_every_approved_scenario_that_fits(experiment):
    experiment.quotas.create(category="testing")
    Experiment.objects.update(gathers=True)
    repository = experiment.scenarios.get().repository
    fitting = factories.make_scenario(repository=repository, category="testing")
    factories.make_scenario(repository=repository, category="chore")

    experiments.open_tasks()

    assert [task.scenario for task in Task.objects.all()] == [fitting]


@pytest.mark.parametrize(("share", "extra"), [(0, 0), (100, 1)])
def test_a_share_of_the_tasks_gets_one_more_reader(db, bells, share, extra):
    factories.make_experiment(second_share=share)

    experiments.open_tasks()

    assert Task.objects.get().extra_readers == extra


def test_pausing_gives_back_what_is_at_work_and_loses_nothing(experiment, ada, bells):
    task = factories.make_task(experiment)
    first, second = task.turns.get().pair(1)
    factories.finish_candidate(first)
    run = factories.start_run(second)
    experiments.pause(experiment, by=ada)

    halted = tasks.jobs.halt_runs()
    first.refresh_from_db()
    second.refresh_from_db()
    run.refresh_from_db()

    assert ("tasks.jobs.halt_runs",) in bells
    assert (halted, first.state, second.state, run.state) == (1, "ready", "queued", "lost")
    assert not Candidate.objects.may_start().exists()

    experiments.resume(experiment, by=ada)

    assert list(Candidate.objects.may_start()) == [second]


def test_a_halt_that_comes_late_ends_nothing(experiment, bells):
    second = factories.make_task(experiment).turns.get().pair(1)[1]
    factories.start_run(second)

    assert tasks.jobs.halt_runs() == 0


@pytest.mark.parametrize(("budget", "state"), [("0", "running"), ("2.50", "running"), ("2.49", "paused")])
def test_a_spent_provider_budget_pauses(experiment, bells, budget, state):
    candidate = factories.make_task(experiment).turns.get().pair(1)[0]
    factories.finish_candidate(candidate)
    Run.objects.update(cost="2.49")
    Experiment.objects.update(provider_budget=budget)

    tasks.jobs.requeue_stuck_candidates()

    assert Experiment.objects.get().state == state
