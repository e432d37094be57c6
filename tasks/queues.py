"""Whether somebody serves each queue: by workers' beats and the rows that wait, whatever the broker believes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, Q
from django.db.models.functions import Now

from marlin.models import Event
from marlin.sources import now
from tasks.models import (
    AgentCheck,
    Candidate,
    Environment,
    Import,
    Provider,
    Repository,
    Run,
    Task,
    Turn,
    Worker,
)  # fmt: skip

DEFAULT, GENERATE = "default", "generate"
#: What is pulled every few seconds and swept several times a minute waits this long only when something is wrong.
LATE = timedelta(minutes=5)
#: Rows of one kind that are looked at, the oldest first.
MOST = 100


@dataclass(frozen=True)
class Row:
    """Something that waits for a job: since when at the earliest, and whose events tell of a later moment."""

    since: datetime | None
    subject: str = ""


@dataclass(frozen=True)
class Kind:
    """All rows of a kind that wait for a queue; `one` and `many` follow a number."""

    queue: str
    one: str
    many: str
    rows: tuple[Row, ...]

    @property
    def counted(self) -> str:
        if len(self.rows) >= MOST:
            return f"{MOST} {self.many} or more"
        return f"{len(self.rows)} {self.one if len(self.rows) == 1 else self.many}"


#: Tells what waits, read through an alias that may see guarded rows. Those who come after us add theirs.
Teller = Callable[[str], Iterable[Kind]]
_tellers: list[Teller] = []


def also(teller: Teller) -> None:
    if teller not in _tellers:
        _tellers.append(teller)


def troubles(*, alias: str) -> list[str]:
    """A sentence for each queue that is needed and not served, or whose rows wait too long."""
    kinds = [kind for tell in (_ours, *_tellers) for kind in tell(alias) if kind.rows]
    living = list(Worker.objects.using(alias).alive())
    found = []
    for queue in (DEFAULT, GENERATE):
        serving = [worker for worker in living if queue in worker.queues.split(",")]
        waiting = [kind for kind in kinds if kind.queue == queue]
        if not serving:
            # Sweeps and the sealing of events need this one always; agents may never be run here.
            found += [_unserved(queue, waiting)] if waiting or queue == DEFAULT else []
        elif queue == DEFAULT or _has_a_free_slot(serving, alias):
            found += _late(queue, waiting, alias)
    return found


def _unserved(queue: str, waiting: list[Kind]) -> str:
    does = {
        DEFAULT: "Nothing is copied, rendered, judged or exported, no sweep runs and no event is sealed.",
        GENERATE: "No candidate is made and no environment prepared.",
    }
    waits = f" It waits: {', '.join(kind.counted for kind in waiting)}." if waiting else ""
    return f"No living worker serves the queue {queue}. {does[queue]}{waits} Start one with --queues {queue}."


def _late(queue: str, waiting: list[Kind], alias: str) -> Iterator[str]:
    why = {
        DEFAULT: "The slots of its workers are busy with longer work, or beat or the broker is away.",
        GENERATE: "A slot is free for it, so beat or the broker is away, or no sweep runs.",
    }
    moved = _moved(waiting, alias)
    for kind in waiting:
        moments = [_latest(row.since, moved.get(row.subject)) for row in kind.rows]
        late = [moment for moment in moments if moment and moment < now() - LATE]
        if late:
            minutes = int((now() - min(late)).total_seconds() // 60)
            verb = "waits" if len(kind.rows) == 1 else "wait"
            yield f"{kind.counted} {verb} for the queue {queue}, the oldest for {minutes} minutes. {why[queue]}"


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def _moved(waiting: list[Kind], alias: str) -> dict[str, datetime]:
    """When each subject was last told of, by the audit log."""
    subjects = {row.subject for kind in waiting for row in kind.rows if row.subject}
    if not subjects:
        return {}
    told = Event.objects.using(alias).filter(subject__in=subjects).values("subject")
    return dict(told.annotate(last=Max("at")).values_list("subject", "last"))


def _has_a_free_slot(serving: list[Worker], alias: str) -> bool:
    """Whether more could run than does: who waits for a slot only waits."""
    busy = Run.objects.using(alias).filter(state=Run.State.STARTED, lease_until__gt=Now()).count()
    for model in (Environment, AgentCheck):
        busy += model.objects.using(alias).filter(lease_until__gt=Now()).count()
    return busy < sum(worker.slots for worker in serving)


def _ours(alias: str) -> Iterator[Kind]:
    cloning = Repository.objects.using(alias).filter(state=Repository.State.CLONING).unleased()
    yield kind(DEFAULT, "repository to copy", "repositories to copy", [
        Row(_latest(each.added_at, each.lease_until), str(each.public_id)) for each in cloning.order_by("pk")[:MOST]
    ])  # fmt: skip
    imports = Import.objects.using(alias).filter(state=Import.State.WAITING).unleased()
    yield kind(DEFAULT, "import to read", "imports to read", [
        Row(_latest(each.asked_at, each.lease_until), str(each.public_id)) for each in imports.order_by("pk")[:MOST]
    ])  # fmt: skip
    turns = Turn.objects.using(alias).filter(
        candidates=None, continues__isnull=False, task__state=Task.State.OPEN
    )
    opened = turns.order_by("pk").values_list("opened_at", flat=True)[:MOST]
    yield kind(DEFAULT, "turn to open", "turns to open", [Row(at) for at in opened])
    silent = Run.objects.using(alias).filter(state=Run.State.STARTED, lease_until__lt=Now())
    ended = silent.order_by("lease_until").values_list("lease_until", flat=True)[:MOST]
    yield kind(DEFAULT, "run of a silent worker", "runs of silent workers", [Row(at) for at in ended])
    yield kind(GENERATE, "candidate", "candidates", _candidates(alias))
    proving = Environment.objects.using(alias).filter(state=Environment.State.BASELINE).unleased()
    yield kind(GENERATE, "environment", "environments", [
        Row(each.lease_until, f"tasks.environment:{each.pk}") for each in proving.order_by("pk")[:MOST]
    ])  # fmt: skip
    checks = AgentCheck.objects.using(alias).filter(state=AgentCheck.State.WAITING).unleased()
    yield kind(GENERATE, "check of an agent", "checks of agents", [
        Row(_latest(each.asked_at, each.lease_until)) for each in checks.order_by("pk")[:MOST]
    ])  # fmt: skip


def kind(queue: str, one: str, many: str, rows: Iterable[Row]) -> Kind:
    return Kind(queue, one, many, tuple(rows))


def _candidates(alias: str) -> list[Row]:
    """Those that could start at once: a provider that is paused keeps its own waiting."""
    version = "origin__agent_version__served_by"
    served = Q(**{version: None}) | Q(**{f"{version}__state": Provider.State.ACTIVE})
    waiting = Candidate.objects.using(alias).may_start().filter(served).order_by("turn__opened_at", "pk")
    told = waiting.annotate(opened=F("turn__opened_at"), paused=Max("runs__retry_at"))
    return [
        Row(_latest(opened, paused), str(subject))
        for subject, opened, paused in told.values_list("public_id", "opened", "paused")[:MOST]
    ]
