"""Results that wait to be read: the newest of an experiment, asking for another, keeping one for ever."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, Q, QuerySet

from grading.models import Assignment, Gold, Result
from grading.results.filters import Filters
from marlin.events import record
from marlin.jobs import ring
from marlin.models import Event, User
from marlin.sources import now
from marlin.states import WrongState
from tasks.models import Experiment

MOST_BELLS = 20
#: An older result stays so long, since somebody may still have its page open.
KEPT = timedelta(days=1)
ANY = Filters()
SEEN = "experiment.results_seen"


def with_results() -> QuerySet[Experiment]:
    """Experiments that can have preferences."""
    return Experiment.objects.exclude(state=Experiment.State.DRAFT).order_by("-created_at")


def newest_result(experiment: Experiment, filters: Filters = ANY) -> Result | None:
    """The newest one that is ready, its arms masked; None when nobody has asked yet."""
    ready = Result.objects.filter(experiment=experiment, query=filters.query, state=Result.State.READY)
    return ready.order_by("-computed_at").first()


def under_way(experiment: Experiment, filters: Filters = ANY) -> Result | None:
    states = (Result.State.QUEUED, Result.State.COMPUTING)
    return Result.objects.filter(experiment=experiment, query=filters.query, state__in=states).first()


def last_failure(experiment: Experiment, filters: Filters, *, since: Result | None) -> Result | None:
    """The last attempt, when it failed and nothing came after it."""
    attempts = Result.objects.filter(experiment=experiment, query=filters.query)
    last = attempts.order_by("-pk").first()
    return last if last and last.state == Result.State.FAILED and last != since else None


def ask(experiment: Experiment, filters: Filters = ANY) -> Result:
    """The one under way, or a new one, rung for. Asking twice ends where asking once does."""
    if there := under_way(experiment, filters):
        return there
    try:
        with transaction.atomic():
            result = Result.objects.create(experiment=experiment, query=filters.query)
            ring("grading.jobs.compute_result", result.pk)
    except IntegrityError:  # one_result_under_way_per_query: somebody asked in this very moment
        return Result.objects.get(
            experiment=experiment,
            query=filters.query,
            state__in=(Result.State.QUEUED, Result.State.COMPUTING),
        )
    return result


def accepted(experiment: Experiment) -> int:
    """How much there is to count: grows whenever a result would change."""
    return Assignment.objects.filter(counted(), task__experiment=experiment).count()


def counted(assignment: str = "") -> Q:
    """Accepted, and no answer to a task whose answer is known; `assignment` is the way there, if not itself."""
    state = f"{assignment}__state" if assignment else "state"
    return Q(~Exists(Gold.objects.measuring(assignment)), **{state: Assignment.State.ACCEPTED})


def freeze(result: Result, *, by: User) -> Result:
    """Keep this state for whoever cites it. Twice is once."""
    with transaction.atomic():
        fresh = Result.objects.filter(pk=result.pk, state=Result.State.READY, frozen_at=None)
        if fresh.update(frozen_at=now(), frozen_by=by):
            record("result.frozen", result, by=by, digest=result.digest)
    result.refresh_from_db(fields=["frozen_at", "frozen_by"])
    return result


def note_seen(person: User, experiment: Experiment, **detail: str) -> None:
    """The first look is an Event: whoever knows how it stands cannot rate in it any more."""
    known = Event.objects.filter(actor=person, name=SEEN, subject=str(experiment.public_id))
    if not known.exists():
        record(SEEN, experiment, by=person, **detail)


def requeue() -> int:
    """What a silent worker held is queued again, and what waits is rung."""
    for result in Result.objects.filter(state=Result.State.COMPUTING).unleased():
        try:
            result.give_back(token=result.token)
        except WrongState:
            continue  # it was finished in this very moment
    waiting = Result.objects.filter(state=Result.State.QUEUED).unleased()
    bells = list(waiting.values_list("pk", flat=True)[:MOST_BELLS])
    for pk in bells:
        ring("grading.jobs.compute_result", pk)
    return len(bells)


def tidy(result: Result) -> int:
    """Forget what this one replaces, unless it is frozen or somebody may still be looking at it."""
    replaced = Result.objects.filter(
        experiment=result.experiment, query=result.query, frozen_at=None, asked_at__lt=now() - KEPT
    ).exclude(pk=result.pk)
    count, _ = replaced.delete()
    return count
