"""Experiments at work: what may start, the tasks that a running one opens, and what stops it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import combinations
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from marlin.events import record
from marlin.jobs import ring
from marlin.models import Event, User
from marlin.sources import source
from marlin.states import WrongState
from tasks import turns
from tasks.models import (
    AgentVersion,
    Arm,
    Environment,
    Experiment,
    Guidelines,
    Origin,
    Quota,
    RecordedOutput,
    Repository,
    Run,
    Scenario,
    Task,
)

#: The event after which a person knows what is compared; grading.queue asks for it.
CONFIGURED = "experiment.configured"


class Refused(Exception):
    """It cannot be done as things stand; the sentence says why."""


# --- Configuring a draft ------------------------------------------------------------------------------------------


def note_configured(experiment: Experiment, *, by: User) -> None:
    """The first look at the arms is an Event: who has had it neither rates nor reviews here any more."""
    alias = _alias(experiment)
    known = Event.objects.using(alias).filter(actor=by, name=CONFIGURED, subject=str(experiment.public_id))
    if not known.exists():
        record(CONFIGURED, experiment, by=by, using=alias)


def configure(
    experiment: Experiment,
    *,
    by: User,
    versions: Sequence[AgentVersion],
    quotas: Mapping[str, int | None],
    qualifications: Iterable[Any],
    guidelines: str,
    using: str = "unblind",
) -> None:
    """Keep a draft with all that belongs to it. Needs an alias that reads arms. Raises WrongState."""
    with transaction.atomic(using=using):
        if experiment.pk:
            drafts = Experiment.objects.using(using).select_for_update()
            if not drafts.filter(pk=experiment.pk, state=Experiment.State.DRAFT).exists():
                raise WrongState("It has been started meanwhile; what it compares stays as it is.")
        experiment.save(using=using)
        experiment.qualifications.set(qualifications)
        _set_arms(experiment, versions, using)
        Quota.objects.using(using).filter(experiment=experiment).delete()
        Quota.objects.using(using).bulk_create(
            Quota(experiment=experiment, category=category, wanted=wanted)
            for category, wanted in quotas.items()
        )
        write_guidelines(experiment, guidelines, by=by)
        note_configured(experiment, by=by)


def _set_arms(experiment: Experiment, versions: Sequence[AgentVersion], alias: str) -> None:
    arms = Arm.objects.using(alias)
    if [arm.agent_version_id for arm in arms.filter(experiment=experiment)] == [one.pk for one in versions]:
        return
    arms.filter(experiment=experiment).delete()
    arms.bulk_create(
        Arm(experiment=experiment, agent_version=version, position=position)
        for position, version in enumerate(versions)
    )


def write_guidelines(experiment: Experiment, text: str, *, by: User) -> Guidelines | None:
    """A new version when the words are others; raters confirm it before they claim again."""
    alias = _alias(experiment)
    text = text.replace("\0", "").replace("\r\n", "\n").strip()
    with transaction.atomic(using=alias):
        # Two who write at once get two numbers.
        Experiment.objects.using(alias).select_for_update().get(pk=experiment.pk)
        newest = experiment.newest_guidelines()
        if text == (newest.text if newest else ""):
            return newest
        version = newest.version + 1 if newest else 1
        record("experiment.guidelines", experiment, by=by, using=alias, version=version)
        return Guidelines.objects.using(alias).create(
            experiment=experiment, version=version, text=text, written_by=by
        )


def _alias(experiment: Experiment) -> str:
    return experiment._state.db or "default"


# --- Starting, pausing, going on ------------------------------------------------------------------------------------


def start(experiment: Experiment, *, by: User | None) -> None:
    """Needs a draft with two arms or more. Raises Refused, and WrongState on a second click."""
    alias = _alias(experiment)
    with transaction.atomic(using=alias):
        for sentence in standing_in_the_way(experiment):
            raise Refused(sentence)
        experiment.start(by=by)
        ring("tasks.jobs.open_tasks", using=alias)


def standing_in_the_way(experiment: Experiment) -> list[str]:
    """Why this draft cannot start. Needs an alias that reads arms."""
    arms = list(experiment.arms.select_related("agent_version"))
    found = []
    if len(arms) < 2:
        found.append("An experiment compares two agent versions or more; choose them first.")
    found += [
        f"{arm.agent_version.name} is retired; choose another version, or restore it."
        for arm in arms
        if arm.agent_version.state == AgentVersion.State.RETIRED
    ]
    replays = [arm for arm in arms if arm.agent_version.kind == AgentVersion.Kind.REPLAY]
    if replays and experiment.turns_wanted > 1:
        found.append("An arm that replays recorded outputs allows one turn only.")
    return found


def pause(experiment: Experiment, *, by: User | None, why: str = "") -> None:
    """Nothing is claimed or generated from this moment on; what is at work is given back to the queue."""
    alias = _alias(experiment)
    with transaction.atomic(using=alias):
        experiment.pause(by=by, why=why)
        ring("tasks.jobs.halt_runs", using=alias)


def resume(experiment: Experiment, *, by: User) -> None:
    """Everything goes on where it was."""
    alias = _alias(experiment)
    with transaction.atomic(using=alias):
        experiment.resume(by=by)
        ring("tasks.jobs.open_tasks", using=alias)
        ring("tasks.jobs.requeue_stuck_candidates", using=alias)


def finish(experiment: Experiment, *, by: User) -> None:
    """For good: what is in hands may be handed in, nothing new is claimed or generated."""
    alias = _alias(experiment)
    with transaction.atomic(using=alias):
        experiment.finish(by=by)
        ring("tasks.jobs.halt_runs", using=alias)


def provider_cost(experiment: Experiment) -> Decimal:
    """What its runs have cost so far, over all arms. Needs an alias that reads runs."""
    runs = Run.objects.using(_alias(experiment)).filter(candidate__turn__task__experiment=experiment)
    return runs.aggregate(cost=Sum("cost"))["cost"] or Decimal(0)


def heed_provider_budgets() -> int:
    """Pause what has spent its provider's money. Needs a worker's rights."""
    paused = 0
    running = Experiment.objects.filter(state=Experiment.State.RUNNING, provider_budget__gt=0)
    for experiment in running.order_by("pk"):
        if provider_cost(experiment) >= experiment.provider_budget:
            with suppress(WrongState):  # somebody paused it in this very moment
                pause(experiment, by=None, why="The agents have used up the provider budget.")
                paused += 1
    return paused


# --- Opening tasks ----------------------------------------------------------------------------------------------------


def open_tasks() -> int:
    """A task for each approved scenario of each running experiment that has none yet."""
    opened = 0
    for experiment in Experiment.objects.filter(state=Experiment.State.RUNNING):
        gather(experiment)
        room = _Room(experiment)
        for scenario in room.within(waiting_scenarios(experiment)).order_by("pk"):
            if room.has(scenario) and len(_able(experiment, scenario)) >= 2:
                opened += open_task(experiment, scenario)
                room.take(scenario)
    return opened


def gather(experiment: Experiment) -> int:
    """Add every approved scenario that fits, where the experiment wants them all."""
    if not experiment.gathers:
        return 0
    fitting = Scenario.objects.filter(state=Scenario.State.APPROVED).exclude(experiments=experiment)
    categories = list(experiment.quotas.values_list("category", flat=True))
    found = list(fitting.filter(category__in=categories) if categories else fitting)
    experiment.scenarios.add(*found)
    return len(found)


def waiting_scenarios(experiment: Experiment) -> QuerySet[Scenario]:
    """Those that could have a task and have none yet."""
    return experiment.scenarios.filter(waits_for_a_task(experiment))


def waits_for_a_task(experiment: Experiment) -> Q:
    """Said of a scenario of this experiment."""
    has_task = Task.objects.filter(experiment=experiment, scenario=OuterRef("pk"))
    return Q(~Exists(has_task), state=Scenario.State.APPROVED, repository__state=Repository.State.USABLE)


class _Room:
    """How many tasks of each category an experiment still takes."""

    def __init__(self, experiment: Experiment) -> None:
        self.wanted = dict(experiment.quotas.values_list("category", "wanted"))
        there = Task.objects.filter(experiment=experiment).exclude(state=Task.State.WITHDRAWN)
        rows = there.values_list("scenario__category").annotate(number=Count("pk"))
        self.taken = Counter(dict(rows.order_by()))

    def within(self, scenarios: QuerySet[Scenario]) -> QuerySet[Scenario]:
        """Those of the categories that are not full: the full ones are not fetched every few seconds."""
        if not self.wanted:
            return scenarios
        return scenarios.filter(category__in=[one for one in self.wanted if self._has_room(one)])

    def has(self, scenario: Scenario) -> bool:
        return not self.wanted or self._has_room(scenario.category)

    def _has_room(self, category: str) -> bool:
        most = self.wanted[category]
        return most is None or self.taken[category] < most

    def take(self, scenario: Scenario) -> None:
        self.taken[scenario.category] += 1


def _able(experiment: Experiment, scenario: Scenario) -> list[Arm]:
    """The arms that can work on a scenario: one that replays needs an output recorded for it."""
    recorded = RecordedOutput.objects.filter(scenario=scenario, agent_version=OuterRef("agent_version"))
    replays = Q(agent_version__kind=AgentVersion.Kind.REPLAY)
    able = experiment.arms.exclude(replays & ~Exists(recorded))
    return list(able.order_by("position").select_related("agent_version"))


@transaction.atomic
def open_task(experiment: Experiment, scenario: Scenario) -> bool:
    """One task with its first turn; False when another worker was faster."""
    extra = 1 if _falls_within("second reading", experiment.second_share) else 0
    task, is_new = Task.objects.get_or_create(
        experiment=experiment, scenario=scenario, defaults={"extra_readers": extra}
    )
    if not is_new:
        return False
    arms = _drawn(experiment, _able(experiment, scenario))
    environment, _ = Environment.objects.get_or_create(
        repository=scenario.repository, base_commit=scenario.base_commit
    )
    if environment.state == Environment.State.BASELINE:
        ring("tasks.jobs.prepare_environment", environment.pk)
    task.open()
    turns.open_turn(task, number=1, prompt=scenario.prompt, base_commit=scenario.base_commit, arms=arms)
    return True


def _falls_within(purpose: str, share: int) -> bool:
    """A draw that says yes so many times of a hundred."""
    return share > 0 and source().coin(purpose) * 100 < share


def _drawn(experiment: Experiment, arms: list[Arm]) -> list[Arm]:
    """The two arms that a task compares."""
    source().shuffle("arms", arms)
    if experiment.pairing == Experiment.Pairing.RANDOM or len(arms) == 2:
        return arms[:2]
    pairs = list(combinations(arms, 2))
    if experiment.pairing == Experiment.Pairing.CONTROL:
        control = min(arms, key=lambda arm: arm.position)
        pairs = [pair for pair in pairs if control in pair]
    met = _met(experiment)
    # Shuffled before: among pairs that met as often, chance decides.
    return list(min(pairs, key=lambda pair: met[frozenset(arm.pk for arm in pair)]))


def _met(experiment: Experiment) -> Counter[frozenset[int]]:
    """In how many tasks each two arms have met."""
    origins = Origin.objects.filter(
        candidate__turn__task__experiment=experiment, candidate__turn__number=1, candidate__attempt=1
    )
    pairs: dict[int, set[int]] = {}
    for task, arm in origins.values_list("candidate__turn__task", "arm"):
        pairs.setdefault(task, set()).add(arm)
    return Counter(frozenset(pair) for pair in pairs.values())
