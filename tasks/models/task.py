"""A scenario given to two arms of an experiment: what a rater claims, grades and is paid for."""

from __future__ import annotations

from django.db import models

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful
from tasks.models.experiment import Experiment
from tasks.models.scenario import Scenario


class Task(Stateful):
    """A scenario given to two arms of an experiment. Which arms, only the origins know."""

    class State(models.TextChoices):
        DRAFT = "draft"  # made, not offered
        OPEN = "open"  # generated, then graded
        CLOSED = "closed"  # has all it wanted
        WITHDRAWN = "withdrawn"  # stopped by an admin

    TRANSITIONS = {
        State.DRAFT: {State.OPEN},
        State.OPEN: {State.CLOSED, State.WITHDRAWN},
        State.CLOSED: set(),
        State.WITHDRAWN: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="tasks")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="tasks")
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    #: Drawn when it was opened: readers beyond those of every task.
    extra_readers = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "scenario"], name="one_task_per_scenario_and_experiment"
            ),
        ]

    def open(self) -> None:
        self.move_to(self.State.OPEN)

    def close(self) -> None:
        self.move_to(self.State.CLOSED)

    def withdraw(self, *, by: User, why: str) -> None:
        self.move_to(self.State.WITHDRAWN, by=by, why=why)

    @property
    def readers_wanted(self) -> int:
        return self.experiment.raters_wanted + self.extra_readers

    def story(self) -> str:
        return str(self.public_id)
