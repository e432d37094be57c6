"""What became of each task: its environment, its candidates, and the sentence of each run that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks import queues
from tasks.models import Candidate, Environment, Task


class Command(BaseCommand):
    help = "Lists tasks with their candidates and runs. Names agents: not for the eyes of raters."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stuck", action="store_true", help="only what needs somebody")

    def handle(self, *args: Any, stuck: bool = False, **options: Any) -> None:
        for trouble in queues.troubles(alias="default"):
            self.stdout.write(f"! {trouble}")
        for task in Task.objects.select_related("scenario__repository", "experiment").order_by("opened_at"):
            lines = list(_story(task))
            if not stuck or any(line.startswith("  !") for line in lines):
                self.stdout.write(f"{task.public_id}  {task.state:<9} {task.scenario.title}")
                for line in lines:
                    self.stdout.write(line)


def _story(task: Task) -> Iterator[str]:
    """One line for each thing; those that need somebody begin with an exclamation mark."""
    broken = Environment.objects.filter(
        repository=task.scenario.repository,
        base_commit=task.scenario.base_commit,
        state=Environment.State.BROKEN,
    )
    for environment in broken:
        yield f"  ! environment at {environment.base_commit[:12]}: {environment.failure}"
    candidates = Candidate.objects.filter(turn__task=task).select_related("origin__agent_version")
    for candidate in candidates.order_by("turn__number", "attempt", "origin__arm__position"):
        mark = "!" if candidate.state == Candidate.State.FAILED else "-"
        name = candidate.origin.agent_version.name
        yield f"  {mark} {candidate.public_id}  {candidate.state:<9} turn {candidate.turn.number}  {name}"
        for run in candidate.runs.exclude(sentence="").order_by("started_at"):
            yield f"      {run.started_at:%Y-%m-%d %H:%M} {run.state}: {run.sentence}"
