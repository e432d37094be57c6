"""A small but honest world: people, a repository, three scenarios, an experiment with two agents."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from marlin.jobs import ring
from marlin.models import User
from tasks import experiments, rubrics
from tasks.demo import content, repository
from tasks.models import AgentVersion, Arm, Environment, Experiment, Repository, Scenario

#: The password of every demo person. Printed, hence only for demonstrations.
PASSWORD = "marlin-demo"
EXPERIMENT = "Two careful hands"


class Command(BaseCommand):
    help = (
        "Builds the demo once. Its two agents really run, through the worker; doing it again changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        seed()
        for person in content.people():
            roles = ", ".join(person.roles) or "no role yet"
            self.stdout.write(f"  {person.email:<22} {PASSWORD:<12} {person.name}, {roles}")


@transaction.atomic
def seed() -> Experiment:
    """Everything the demo needs; what is there stays as it is."""
    for person in content.people():
        if not User.objects.filter(email=person.email).exists():
            User.objects.create_user(person.email, PASSWORD, name=person.name, roles=list(person.roles))
    there = Experiment.objects.filter(name=EXPERIMENT).first()
    return there or _experiment()


def _experiment() -> Experiment:
    commits = _history()
    tidecache = Repository.objects.create(
        name=content.REPOSITORY_NAME,
        url=str(_demo_directory()),
        language="Python",
        licence="MIT",
        test_command=" ".join(content.TEST_COMMAND),
        test_seconds=120,
    )
    ring("tasks.jobs.clone_repository", tidecache.pk)
    experiment = Experiment.objects.create(
        name=EXPERIMENT,
        rubric=rubrics.shipped(),
        lead=Experiment.Lead.ANYONE,
        rate=Decimal("280.00"),
    )
    for position, agent in enumerate(content.agent_versions()):
        Arm.objects.create(experiment=experiment, agent_version=_agent(agent), position=position)
    for scenario in content.scenarios():
        base_commit = commits[scenario.base]
        experiment.scenarios.add(_scenario(scenario, tidecache, base_commit))
        Environment.objects.get_or_create(repository=tidecache, base_commit=base_commit)
    experiments.start(experiment, by=None)
    return experiment


def _agent(agent: content.DemoAgent) -> AgentVersion:
    return AgentVersion.objects.create(
        name=agent.name,
        harness=agent.harness,
        harness_version=agent.harness_version,
        model=agent.model,
        provider=agent.provider,
        released_on=agent.released,
        settings={"argv": list(agent.argv)},
        directory=str(content.AGENT_FOLDER),
        limits={"wall": 300.0, "idle": 120.0},
        prices={"input": str(agent.input_price), "output": str(agent.output_price)},
    )


def _scenario(scenario: content.DemoScenario, tidecache: Repository, base_commit: str) -> Scenario:
    made = Scenario.objects.create(
        repository=tidecache,
        base_commit=base_commit,
        category=scenario.category,
        title=scenario.title,
        about=scenario.about,
        change=scenario.change,
        edge_cases=scenario.edge_cases,
        acceptance=scenario.acceptance,
        ideal_answer=scenario.ideal_answer,
        difficulty=scenario.difficulty,
        effort_hours=Decimal(str(scenario.effort_hours)),
        prompt=scenario.prompt,
    )
    made.propose(by=None)
    made.approve(by=None)
    return made


def _demo_directory() -> Path:
    area: Path = settings.WORK_AREA
    return area / "demo" / content.REPOSITORY_NAME


def _history() -> dict[str, str]:
    """The demo repository, built when it is not there; commit ids by step."""
    directory = _demo_directory()
    commits = directory.with_suffix(".json")
    if commits.exists():
        return dict(json.loads(commits.read_text()))
    directory.parent.mkdir(parents=True, exist_ok=True)
    built = repository.build(directory)
    commits.write_text(json.dumps(built.commits))
    return built.commits
