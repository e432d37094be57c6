"""Experiments at work: what may start, and the tasks that a running one opens."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from marlin.jobs import ring
from marlin.models import User
from marlin.sources import source
from tasks import turns
from tasks.models import (
    AgentVersion,
    Arm,
    Environment,
    Experiment,
    RecordedOutput,
    Repository,
    Scenario,
    Task,
)


class Refused(Exception):
    """An experiment cannot start as it stands; the sentence says why."""


@transaction.atomic
def start(experiment: Experiment, *, by: User | None) -> None:
    """Needs a draft with two arms or more. Raises Refused."""
    arms = list(experiment.arms.select_related("agent_version"))
    if len(arms) < 2:
        raise Refused("An experiment compares two agent versions or more; choose them first.")
    replays = [arm for arm in arms if arm.agent_version.kind == AgentVersion.Kind.REPLAY]
    if replays and experiment.turns_wanted > 1:
        raise Refused("An arm that replays recorded outputs allows one turn only.")
    experiment.start(by=by)
    ring("tasks.jobs.open_tasks")


def open_tasks() -> int:
    """A task for each approved scenario of each running experiment that has none yet."""
    opened = 0
    for experiment in Experiment.objects.filter(state=Experiment.State.RUNNING):
        has_task = Task.objects.filter(experiment=experiment, scenario=OuterRef("pk"))
        ready = experiment.scenarios.filter(
            state=Scenario.State.APPROVED, repository__state=Repository.State.USABLE
        )
        for scenario in ready.exclude(Exists(has_task)).order_by("pk"):
            if len(_able(experiment, scenario)) >= 2:
                opened += open_task(experiment, scenario)
    return opened


def _able(experiment: Experiment, scenario: Scenario) -> list[Arm]:
    """The arms that can work on a scenario: one that replays needs an output recorded for it."""
    recorded = RecordedOutput.objects.filter(scenario=scenario, agent_version=OuterRef("agent_version"))
    replays = Q(agent_version__kind=AgentVersion.Kind.REPLAY)
    able = experiment.arms.exclude(replays & ~Exists(recorded))
    return list(able.order_by("position").select_related("agent_version"))


@transaction.atomic
def open_task(experiment: Experiment, scenario: Scenario) -> bool:
    """One task with its first turn; False when another worker was faster."""
    task, is_new = Task.objects.get_or_create(experiment=experiment, scenario=scenario)
    if not is_new:
        return False
    arms = _able(experiment, scenario)
    source().shuffle("arms", arms)
    environment, _ = Environment.objects.get_or_create(
        repository=scenario.repository, base_commit=scenario.base_commit
    )
    if environment.state == Environment.State.BASELINE:
        ring("tasks.jobs.prepare_environment", environment.pk)
    task.open()
    turns.open_turn(task, number=1, prompt=scenario.prompt, base_commit=scenario.base_commit, arms=arms[:2])
    return True
