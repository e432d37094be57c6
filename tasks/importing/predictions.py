"""Stores what models made of imported tasks, and makes an experiment of it that can be graded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from tasks import experiments
from tasks.importing.formats import Prediction, prediction_of
from tasks.importing.instances import name_of
from tasks.importing.reading import Reader, Tally
from tasks.importing.rows import Refused
from tasks.models import (
    AgentVersion,
    Arm,
    Experiment,
    ImportSource,
    RecordedOutput,
    Rubric,
    Scenario,
)


class Predictions:
    """Reads predictions on the tasks of one data set; `versions` are the models found, in their order."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self.versions: dict[str, AgentVersion] = {}

    @property
    def reader(self) -> Reader[Prediction]:
        return Reader(prediction_of, self._store)

    def _store(self, batch: list[tuple[int, Prediction]], source: ImportSource, tally: Tally) -> None:
        scenarios = _scenarios(name_of(self._dataset, one.key) for _, one in batch)
        recorded = self._recorded(batch, scenarios)
        new: dict[tuple[int, int], RecordedOutput] = {}
        for line, prediction in batch:
            try:
                output = self._output(line, prediction, scenarios, source)
                place = (output.agent_version_id, output.scenario_id)
                if _is_known(output, recorded.get(place) or new.get(place)):
                    tally.known += 1
                else:
                    new[place] = output
            except Refused as why:
                tally.refuse(line, str(why))
        RecordedOutput.objects.bulk_create(new.values())
        tally.added += len(new)

    def _output(
        self, line: int, prediction: Prediction, scenarios: dict[str, int], source: ImportSource
    ) -> RecordedOutput:
        scenario = scenarios.get(name_of(self._dataset, prediction.key))
        if scenario is None:
            raise Refused(
                f"There is no task {prediction.key} in “{self._dataset}”. Import the tasks first, or name their file."
            )
        return RecordedOutput(
            agent_version=self._version(prediction.model),
            scenario_id=scenario,
            source=source,
            line=line,
            patch=prediction.patch.encode("utf-8", "surrogatepass"),
            transcript=prediction.transcript.encode("utf-8", "surrogatepass"),
        )

    def _version(self, model: str) -> AgentVersion:
        """The agent version that replays this model's outputs. Raises Refused when the name is another agent's."""
        if model not in self.versions:
            version, _ = AgentVersion.objects.get_or_create(
                name=model, defaults={"kind": AgentVersion.Kind.REPLAY, "harness": model, "model": model}
            )
            if version.kind != AgentVersion.Kind.REPLAY:
                raise Refused(
                    f"“{model}” is an agent that runs here; its recorded outputs need another name."
                )
            self.versions[model] = version
        return self.versions[model]

    def _recorded(
        self, batch: list[tuple[int, Prediction]], scenarios: dict[str, int]
    ) -> dict[tuple[int, int], RecordedOutput]:
        models = {one.model for _, one in batch}
        there = RecordedOutput.objects.filter(
            agent_version__name__in=models, scenario__in=scenarios.values()
        ).defer("transcript")
        return {(output.agent_version_id, output.scenario_id): output for output in there}


def _scenarios(names: Iterable[str]) -> dict[str, int]:
    rows = Scenario.objects.filter(imported_as__in=list(names)).values_list("imported_as", "pk")
    return {name: pk for name, pk in rows if name}


def _is_known(output: RecordedOutput, other: RecordedOutput | None) -> bool:
    """Raises Refused when another patch is recorded: what was graded is never replaced."""
    if other is None:
        return False
    if bytes(other.patch) != bytes(output.patch):
        raise Refused("Another patch of this model is recorded for this task; give the model another name.")
    return True


@dataclass(frozen=True)
class Gathered:
    """What an experiment of recorded outputs holds. `lonely` tasks have an output of one model alone."""

    experiment: Experiment
    scenarios: int
    lonely: int


@transaction.atomic
def gather(
    name: str, versions: Iterable[AgentVersion], dataset: str, rubric: Rubric, *, by: User | None = None
) -> Gathered:
    """The experiment of these models, made or grown, and started. Raises experiments.Refused."""
    experiment, is_new = Experiment.objects.select_for_update().get_or_create(
        name=name,
        # An empty prediction is an answer too: it can be graded as one.
        defaults={"rubric": rubric, "lead": Experiment.Lead.ANYONE, "grades_failures": True},
    )
    _add_arms(experiment, list(versions))
    arms = experiment.arms.values("agent_version")
    outputs = (
        RecordedOutput.objects.filter(agent_version__in=arms, scenario__imported_as__startswith=f"{dataset}:")
        .values("scenario")
        .annotate(models=Count("agent_version"))
    )
    pairs = [row["scenario"] for row in outputs if row["models"] >= 2]
    experiment.scenarios.add(*pairs)
    if is_new:
        record("experiment.imported", experiment, by=by, after=experiment.state)
    if by is not None:
        # Whoever brought the outputs in knows the agents, and does not grade them.
        record("experiment.configured", experiment, by=by)
    if experiment.state == Experiment.State.DRAFT:
        experiments.start(experiment, by=by)
    else:
        ring("tasks.jobs.open_tasks")
    return Gathered(experiment, len(pairs), len(outputs) - len(pairs))


def _add_arms(experiment: Experiment, versions: list[AgentVersion]) -> None:
    there = {arm.agent_version_id for arm in experiment.arms.all()}
    new = [version for version in versions if version.pk not in there]
    if new and experiment.state != Experiment.State.DRAFT:
        raise experiments.Refused(
            f"“{experiment.name}” compares other agents already and has begun; give another name."
        )
    for position, version in enumerate(new, start=len(there)):
        Arm.objects.create(experiment=experiment, agent_version=version, position=position)
