"""How far an experiment is, what it has cost, what it will cost, and when it stops by itself."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from grading.models import Assignment, Gold, Payout, Review
from marlin.sources import now
from marlin.states import WrongState
from tasks import experiments
from tasks.models import Candidate, Experiment, Scenario, Task

#: What is read now says how fast the rest will be read.
WINDOW = timedelta(days=14)
A_DAY = timedelta(days=1)

_ACCEPTED = Q(tasks__assignments__state=Assignment.State.ACCEPTED, tasks__gold=None)


@dataclass(frozen=True)
class Money:
    """Of one budget, in the experiment's currency."""

    spent: Decimal
    #: Owed once what is in hands and with the reviewers is accepted.
    promised: Decimal
    forecast: Decimal
    #: 0 is no limit.
    budget: Decimal

    @property
    def saved_by_stopping(self) -> Decimal:
        return max(Decimal(0), self.forecast - self.spent - self.promised)

    @property
    def is_over(self) -> bool:
        return 0 < self.budget < self.forecast


@dataclass(frozen=True)
class Progress:
    """Counts of one experiment; tasks whose answer is known are not among them."""

    scenarios: int
    #: Scenarios that could have a task and have none yet.
    waiting: int
    tasks: int
    candidates: int
    generated: int
    failed: int
    #: Readings: wanted in all, and where each one is.
    wanted: int
    in_hand: int
    with_reviewers: int
    accepted: int
    rejected: int
    gold: int
    pay: Money
    provider: Money
    #: Accepted a day, of late; 0 when nothing was.
    pace: float

    @property
    def percent(self) -> int:
        return min(100, self.accepted * 100 // self.wanted) if self.wanted else 0

    @property
    def days_left(self) -> int | None:
        """At today's pace; None when there is none."""
        left = max(0, self.wanted - self.accepted)
        return -int(-left // self.pace) if self.pace else None


def progress_of(experiment: Experiment) -> Progress:
    """A constant number of queries. Needs an alias that reads runs, since agents cost money too."""
    alias = experiment._state.db or "default"
    live = (
        Task.objects.using(alias).filter(experiment=experiment, gold=None).exclude(state=Task.State.WITHDRAWN)
    )
    counts = live.aggregate(tasks=Count("pk"), extra=Sum("extra_readers"))
    readings = _by_state(
        Assignment.objects.using(alias)
        .filter(task__experiment=experiment, task__gold=None)
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    sides = _by_state(
        Candidate.objects.using(alias)
        .filter(turn__task__experiment=experiment, turn__task__gold=None)
        .exclude(turn__task__state=Task.State.WITHDRAWN)
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    chosen = _scenarios(experiment)
    waiting = chosen["waiting"]
    wanted = (counts["tasks"] + waiting) * experiment.raters_wanted + (counts["extra"] or 0)
    wanted += waiting * experiment.second_share // 100
    if experiment.stop_after:
        wanted = min(wanted, experiment.stop_after)
    accepted = readings.get("accepted", 0)
    in_hand = _sum(readings, Assignment.WITH_RATER)
    reviewing = _sum(readings, (Assignment.State.SUBMITTED, Assignment.State.DISPUTED))
    generated, failed = sides.get("ready", 0), sides.get("failed", 0)
    return Progress(
        scenarios=chosen["all"],
        waiting=waiting,
        tasks=counts["tasks"],
        candidates=sum(sides.values()) - sides.get("cancelled", 0),
        generated=generated,
        failed=failed,
        wanted=wanted,
        in_hand=in_hand,
        with_reviewers=reviewing,
        accepted=accepted,
        rejected=readings.get("rejected", 0),
        gold=Gold.objects.using(alias).filter(task__experiment=experiment).count(),
        pay=_pay(
            experiment,
            alias,
            written=chosen["written"],
            promised=in_hand + reviewing,
            left=max(0, wanted - accepted),
        ),
        provider=_provider(experiment, done=generated + failed, waiting=waiting, sides=sum(sides.values())),
        pace=_pace(experiment, alias),
    )


def _by_state(rows: QuerySet[Any, Any]) -> dict[str, int]:
    return dict(rows.order_by())


def _sum(counts: dict[str, int], states: Collection[str]) -> int:
    return sum(counts.get(state, 0) for state in states)


def _scenarios(experiment: Experiment) -> dict[str, int]:
    """All that are in it, those that wait for a task, and those that somebody is paid for having written."""
    paid = Q(author__isnull=False) & ~Q(
        state__in=[Scenario.State.DRAFT, Scenario.State.IN_REVIEW, Scenario.State.SENT_BACK]
    )
    waiting = experiments.waits_for_a_task(experiment)
    return experiment.scenarios.aggregate(
        all=Count("pk"), waiting=Count("pk", filter=waiting), written=Count("pk", filter=paid)
    )


def _pay(experiment: Experiment, alias: str, *, written: int, promised: int, left: int) -> Money:
    """Comparisons as they are owed; scenarios and reviews at their rates."""
    owed = Payout.objects.using(alias).filter(assignment__task__experiment=experiment)
    compared = owed.exclude(state=Payout.State.VOID).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    reviews = Review.objects.using(alias).filter(assignment__task__experiment=experiment)
    spent = compared + written * experiment.scenario_rate + reviews.count() * experiment.review_rate
    each = experiment.rate + experiment.review_rate
    return Money(spent, promised * each, spent + left * each, experiment.pay_budget)


def _provider(experiment: Experiment, *, done: int, waiting: int, sides: int) -> Money:
    """What is generated so far says what the rest will cost."""
    spent = experiments.provider_cost(experiment)
    left = max(0, sides - done) + 2 * waiting
    forecast = spent + (spent / done * left if done else Decimal(0))
    return Money(spent, Decimal(0), forecast, experiment.provider_budget)


def _pace(experiment: Experiment, alias: str) -> float:
    since = now() - WINDOW
    accepted = Review.objects.using(alias).filter(
        assignment__task__experiment=experiment, decision=Review.Decision.ACCEPT, decided_at__gte=since
    )
    first = accepted.order_by("decided_at").values_list("decided_at", flat=True).first()
    if first is None:
        return 0.0
    return accepted.count() / max((now() - first) / A_DAY, 1.0)


# --- The list of experiments ------------------------------------------------------------------------------------------


def with_counts(rows: QuerySet[Experiment]) -> QuerySet[Experiment]:
    """With `tasks_made` and `accepted`, for a list."""
    return rows.annotate(
        tasks_made=Count("tasks", distinct=True),
        accepted=Count("tasks__assignments", filter=_ACCEPTED, distinct=True),
    )


# --- Stopping ---------------------------------------------------------------------------------------------------------


def heed_stopping_rules() -> int:
    """Pause what has as many accepted comparisons as it was asked for, or cannot pay for one more."""
    ruled = Experiment.objects.filter(
        Q(stop_after__gt=0) | Q(pay_budget__gt=0), state=Experiment.State.RUNNING
    )
    stopped = 0
    for experiment in with_counts(ruled).order_by("pk"):
        if why := _reason_to_stop(experiment):
            with suppress(WrongState):  # somebody paused it in this very moment
                experiments.pause(experiment, by=None, why=why)
                stopped += 1
    return stopped


def _reason_to_stop(experiment: Experiment) -> str:
    accepted: int = experiment.accepted  # type: ignore[attr-defined]  # annotated by with_counts
    if experiment.stop_after and accepted >= experiment.stop_after:
        return f"{accepted:,} comparisons are accepted, as many as were asked for."
    owed = Payout.objects.filter(assignment__task__experiment=experiment).exclude(state=Payout.State.VOID)
    spent = owed.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    if experiment.pay_budget and spent + experiment.rate > experiment.pay_budget:
        return "What is left of the pay budget does not cover one more comparison."
    return ""
