"""What an admin sees and does while candidates are made: who works, what waits and why, once more, no more.

Runs are guarded. Functions that touch them take objects read through the alias that may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import CharField, Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce

from marlin.events import record
from marlin.jobs import ring
from marlin.models import Event, User
from marlin.sources import now
from tasks import turns
from tasks.models import Arm, Candidate, Environment, Experiment, Failure, Run, Task, Turn, Worker

PER_PAGE = 50
MOST_EVENTS = 300
AT_WORK = (Candidate.State.QUEUED, Candidate.State.RUNNING)
#: What the list shows when nothing is asked for: all that is not at its end.
OPEN = "open"
SORTS = {
    "oldest": ("since", "pk"),
    "newest": ("-since", "-pk"),
    "title": ("turn__task__scenario__title", "since", "pk"),
    "tries": ("-tries", "since", "pk"),
}


class Refused(Exception):
    """It may not be done; the sentence is fit for the page."""


@dataclass(frozen=True)
class Asked:
    """What the address asks for. Nonsense in it counts as not said."""

    state: str = OPEN
    failure: str = ""
    experiment: str = ""
    words: str = ""
    sort: str = "oldest"
    page: int = 1

    @property
    def query(self) -> str:
        """The address's own text for this, without what goes without saying."""
        plain = {"state": self.state, "failure": self.failure, "experiment": self.experiment}
        named = {**plain, "q": self.words, "sort": self.sort}
        return urlencode({name: value for name, value in named.items() if value and value != USUAL.get(name)})


USUAL = {"state": OPEN, "sort": "oldest"}


def read(asked: Mapping[str, str]) -> Asked:
    state, failure, sort = (asked.get(name, "") for name in ("state", "failure", "sort"))
    page = asked.get("page", "")
    return Asked(
        state=state if state in (*Candidate.State.values, "all") else OPEN,
        failure=failure if failure in Failure.values else "",
        experiment=_uuid(asked.get("experiment", "")),
        words=asked.get("q", "").replace("\0", "").strip()[:100],
        sort=sort if sort in SORTS else "oldest",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


@dataclass(frozen=True)
class Line:
    """One candidate: since when it is as it is, and why."""

    candidate: Candidate
    since: datetime
    tries: int
    reason: str
    run: Run | None

    @property
    def may_retry(self) -> bool:
        waits = bool(self.run and self.run.retry_at)
        return self.candidate.state == Candidate.State.FAILED or (
            waits and self.candidate.state == Candidate.State.QUEUED
        )

    @property
    def may_cancel(self) -> bool:
        return self.candidate.state in AT_WORK


@dataclass(frozen=True)
class AtWork:
    """A worker and the runs it holds."""

    worker: Worker
    alive: bool
    runs: list[Run]


def lines(asked: Asked, *, alias: str) -> tuple[Page[Candidate], list[Line]]:
    """One page of candidates. As many queries for fifty as for one."""
    page = Paginator(_found(asked), PER_PAGE).get_page(asked.page)
    return page, _lines(list(page.object_list), alias)


def _found(asked: Asked) -> QuerySet[Candidate]:
    found = _described(Candidate.objects.all())
    if asked.state == OPEN:
        found = found.filter(state__in=[*AT_WORK, Candidate.State.FAILED])
    elif asked.state != "all":
        found = found.filter(state=asked.state)
    if asked.failure:
        found = found.filter(failure=asked.failure)
    if asked.experiment:
        found = found.filter(turn__task__experiment__public_id=asked.experiment)
    if asked.words:
        said = Q(turn__task__scenario__title__icontains=asked.words)
        said |= Q(turn__task__scenario__repository__name__icontains=asked.words)
        said |= Q(identity__startswith=asked.words.lower())
        said |= Q(turn__task__public_id__in=[_uuid(asked.words)] if _uuid(asked.words) else [])
        found = found.filter(said)
    return found.order_by(*SORTS[asked.sort])


def _described(candidates: QuerySet[Candidate]) -> QuerySet[Candidate]:
    """With what a line tells: the last move from the audit log, and the environment it needs."""
    identity = Cast("public_id", CharField())
    moved = Event.objects.filter(subject=OuterRef("identity")).order_by("-pk")
    started = moved.filter(after=Candidate.State.RUNNING).order_by().values("subject")
    environment = Environment.objects.filter(
        repository=OuterRef("turn__task__scenario__repository"), base_commit=OuterRef("turn__base_commit")
    )
    return (
        candidates.defer("patch", "transcript", "files", "evidence", "final_message")
        .select_related("turn__task__scenario__repository", "turn__task__experiment")
        .annotate(identity=identity)
        .annotate(
            since=Coalesce(Subquery(moved.values("at")[:1]), F("turn__opened_at")),
            tries=Coalesce(Subquery(started.annotate(count=Count("pk")).values("count")), 0),
            environment=Subquery(environment.values("state")[:1]),
        )
    )


def _lines(candidates: list[Candidate], alias: str) -> list[Line]:
    ids = [candidate.pk for candidate in candidates]
    newest = Run.objects.using(alias).filter(candidate__in=ids).order_by("candidate", "-pk")
    runs = {run.candidate_id: run for run in newest.distinct("candidate")}
    return [
        Line(
            candidate,
            candidate.since,  # type: ignore[attr-defined]  # annotated by _described
            candidate.tries,  # type: ignore[attr-defined]
            _reason(candidate, runs.get(candidate.pk)),
            runs.get(candidate.pk),
        )
        for candidate in candidates
    ]


def _reason(candidate: Candidate, run: Run | None) -> str:
    """Blind words: who may read them need not be un-blinded."""
    if candidate.state == Candidate.State.FAILED:
        return candidate.get_failure_display()
    if candidate.state == Candidate.State.RUNNING:
        return run.get_stage_display() if run and run.stage else "Starting"
    if candidate.state == Candidate.State.QUEUED:
        return _waits_for(candidate, run)
    return ""


def _waits_for(candidate: Candidate, run: Run | None) -> str:
    task, environment = candidate.turn.task, candidate.environment  # type: ignore[attr-defined]
    if task.state != Task.State.OPEN:
        return "Its task is not open."
    if task.experiment.state != Experiment.State.RUNNING:
        return f"Its experiment is {task.experiment.state}."
    if environment == Environment.State.BROKEN:
        return "Its environment is broken: mend or waive it."
    if environment != Environment.State.USABLE:
        return "Its environment is being prepared."
    if run and run.retry_at and run.retry_at > now():
        return "It is tried again after a while."
    return "It waits for a worker."


def counts() -> dict[str, int]:
    """How many candidates are in which state."""
    found = Candidate.objects.values("state").annotate(count=Count("pk")).order_by()
    counted = {row["state"]: row["count"] for row in found}
    return {state: counted.get(state, 0) for state in Candidate.State.values}


def workers(*, alias: str) -> list[AtWork]:
    """Those that beat, first those that do not although they never said goodbye."""
    alive = set(Worker.objects.alive().values_list("pk", flat=True))
    known = list(Worker.objects.filter(stopped_at=None).order_by("name"))
    running = Run.objects.using(alias).filter(state=Run.State.STARTED).order_by("started_at")
    runs = list(
        running.select_related("candidate__turn__task__scenario").defer(
            "candidate__patch",
            "candidate__transcript",
            "candidate__files",
            "candidate__evidence",
            "candidate__final_message",
        )
    )
    shown = [
        AtWork(worker, worker.pk in alive, [run for run in runs if _works_for(run, worker)])
        for worker in known
    ]
    return sorted(shown, key=lambda each: (each.alive, each.worker.name))


def _works_for(run: Run, worker: Worker) -> bool:
    return run.worker.rpartition(":")[0] == worker.name


# --- One task's story -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    turn: Turn
    attempt: int
    lines: list[Line]
    runs: Mapping[int, list[Run]]

    @property
    def is_newest(self) -> bool:
        return self.attempt == max(candidate.attempt for candidate in self.turn.candidates.all())

    @property
    def is_at_work(self) -> bool:
        return any(line.candidate.state in AT_WORK for line in self.lines)

    def sides(self) -> Iterable[tuple[Line, list[Run]]]:
        return [(line, self.runs.get(line.candidate.pk, [])) for line in self.lines]


def pairs(task: Task, *, alias: str) -> list[Pair]:
    """Each turn's pairs, the newest first. In a pair the two stand by their random ids."""
    blind = _described(Candidate.objects.all()).order_by("public_id")
    found = list(task.turns.order_by("-number").prefetch_related(Prefetch("candidates", queryset=blind)))
    candidates = [candidate for turn in found for candidate in turn.candidates.all()]
    known = {line.candidate.pk: line for line in _lines(candidates, alias)}
    runs: dict[int, list[Run]] = {}
    for run in Run.objects.using(alias).filter(candidate__in=list(known)).order_by("-pk"):
        runs.setdefault(run.candidate_id, []).append(run)
    return [
        Pair(
            turn, attempt, [known[each.pk] for each in turn.candidates.all() if each.attempt == attempt], runs
        )
        for turn in found
        for attempt in sorted({each.attempt for each in turn.candidates.all()}, reverse=True)
    ]


def events(task: Task) -> list[Event]:
    """What happened to the task and all that hangs on it, the newest first."""
    story = Event.objects.filter(story=str(task.public_id)).select_related("actor")
    return list(story.order_by("-pk")[:MOST_EVENTS])


# --- What an admin does -----------------------------------------------------------------------------------------


def retry(candidate: Candidate, *, by: User) -> None:
    """Once more, and at once: what was tried before no longer counts. Raises WrongState."""
    alias = candidate._state.db or "default"
    with transaction.atomic(using=alias):
        if candidate.state != Candidate.State.QUEUED:
            candidate.retry(by=by)
        candidate.runs.filter(counted=True).update(counted=False)
        candidate.runs.exclude(retry_at=None).update(retry_at=None)
        ring("tasks.jobs.generate_candidate", candidate.pk, using=alias)


def cancel(candidate: Candidate, *, by: User) -> None:
    """Its process notices within two seconds. Raises WrongState."""
    alias = candidate._state.db or "default"
    with transaction.atomic(using=alias):
        candidate.cancel(by=by)
        for run in candidate.runs.filter(state=Run.State.STARTED):
            run.end(Run.State.CANCELLED, sentence="It was cancelled by an admin.")


def regenerate(turn: Turn, *, by: User, why: str) -> None:
    """A second pair beside the first, which stays as it is for whoever holds or has graded it. Raises Refused."""
    alias = turn._state.db or "default"
    if len(why.split()) < 3:
        raise Refused("Say in a few words why another pair is needed.")
    with transaction.atomic(using=alias):
        locked = Turn.objects.using(alias).select_for_update(of=("self",)).select_related("task")
        turn = locked.get(pk=turn.pk)
        if turn.task.state != Task.State.OPEN:
            raise Refused("The task is not open any more.")
        newest = turn.candidates.filter(attempt=turn.newest_attempt())
        if newest.filter(state__in=AT_WORK).exists():
            raise Refused("The newest pair is still being made. Wait for it, or cancel it first.")
        arms = Arm.objects.using(alias).select_related("agent_version")
        arms = arms.filter(pk__in=newest.values("origin__arm"))
        turns.add_pair(turn, list(arms.order_by("position")))
        record("turn.regenerated", turn, by=by, why=why, using=alias, number=turn.number)
