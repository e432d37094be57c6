"""Who may take which task. One task is locked at a time, so that no two people get the same seat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Now

from grading import blinding
from grading.diffs.version import VERSION
from grading.models import Assignment, Confirmation, Gold, PairPage, Payout, Revision
from grading.models.assignment import lease
from marlin.events import record
from marlin.models import Event, User
from marlin.sources import source
from marlin.states import WrongState
from tasks.models import Experiment, Grant, Guidelines, Task, Turn

#: Names of events after which a person knows too much of an experiment to rate or review in it.
KNOWS = ("experiment.unblinded", "experiment.configured", "experiment.results_seen")
KNOWS_TOO_MUCH = "You have seen what this experiment compares, and cannot rate in it any more."


def offered_to(rater: User) -> QuerySet[Task]:
    """Tasks with a pair that is ready, a seat that is free, and nothing against this person taking it."""
    return _seats_for(rater).exclude(Exists(_unread_guidelines(rater)))


def _seats_for(rater: User) -> QuerySet[Task]:
    """As offered, but for guidelines that this person has still to read."""
    seated = Count("assignments", filter=Q(assignments__seat__isnull=False))
    lead_taken = Assignment.objects.filter(task=OuterRef("pk"), seat=0)
    return (
        _open_to(rater)
        .annotate(seated=seated)
        .filter(seated__lt=F("experiment__raters_wanted") + F("extra_readers"), gold=None)
        .exclude(experiment__in=_paid_out())
        .filter((~Exists(lead_taken) & _may_lead(rater)) | (Exists(lead_taken) & ~Q(scenario__author=rater)))
        # A conversation is read second when it is over.
        .exclude(Exists(lead_taken.filter(state=Assignment.State.CLAIMED)), experiment__turns_wanted__gt=1)
        .order_by("opened_at", "pk")
    )


def _open_to(rater: User) -> QuerySet[Task]:
    """Ready tasks of running experiments in which this person may take part, and has not seen yet."""
    ready = PairPage.objects.filter(turn__task=OuterRef("pk"), version=VERSION)
    missing = Experiment.qualifications.through.objects.filter(experiment=OuterRef("experiment")).exclude(
        qualification__in=Grant.objects.filter(person=rater).values("qualification")
    )
    return (
        Task.objects.filter(state=Task.State.OPEN, experiment__state=Experiment.State.RUNNING)
        .filter(Exists(ready), experiment__language__in=["", *rater.languages])
        .exclude(Exists(missing))
        .exclude(Exists(Assignment.objects.filter(task=OuterRef("pk"), rater=rater)))
        .exclude(experiment__in=known_to(rater))
    )


def _unread_guidelines(rater: User, *, through: str = "experiment") -> QuerySet[Guidelines]:
    """The newest text of the outer row's experiment, when this person has not confirmed it."""
    newer = Guidelines.objects.filter(experiment=OuterRef("experiment"), version__gt=OuterRef("version"))
    confirmed = Confirmation.objects.filter(guidelines=OuterRef("pk"), person=rater)
    unread = Guidelines.objects.exclude(text="").filter(~Exists(newer), ~Exists(confirmed))
    return unread.filter(experiment=OuterRef(through))


def _paid_out() -> QuerySet[Any]:
    """Experiments in which one more comparison would cost more than is left for pay."""
    counts = Q(tasks__assignments__state__in=[*Assignment.WITH_RATER, *Assignment.HANDED_IN])
    counts &= ~Q(tasks__assignments__state=Assignment.State.REJECTED)
    return (
        Experiment.objects.filter(state=Experiment.State.RUNNING, pay_budget__gt=0)
        .annotate(readings=Count("tasks__assignments", filter=counts))
        .filter(pay_budget__lt=(F("readings") + 1) * F("rate"))
        .values("pk")
    )


def guidelines_to_confirm(rater: User) -> QuerySet[Guidelines]:
    """What stands between this person and tasks that wait for them."""
    experiments = _seats_for(rater).order_by().values("experiment")
    unread = _unread_guidelines(rater, through="pk")
    waiting = Experiment.objects.filter(pk__in=experiments).annotate(unread=Subquery(unread.values("pk")[:1]))
    return (
        Guidelines.objects.filter(pk__in=waiting.exclude(unread=None).values("unread"))
        .select_related("experiment")
        .order_by("experiment__name")
    )


def confirm(guidelines: Guidelines, *, by: User) -> None:
    """This person has read this version. Twice is once."""
    with transaction.atomic():
        _, is_new = Confirmation.objects.get_or_create(guidelines=guidelines, person=by)
        if is_new:
            record("guidelines.confirmed", guidelines.experiment, by=by, version=guidelines.version)


def _may_lead(rater: User) -> Q:
    """For some days after it opened, a scenario's author may lead before anybody else."""
    authors_time = Q(
        experiment__lead=Experiment.Lead.AUTHOR,
        opened_at__gt=Now() - F("experiment__author_days") * timedelta(days=1),
    )
    return Q(scenario__author__isnull=True) | Q(scenario__author=rater) | ~authors_time


def known_to(person: User) -> QuerySet[Experiment]:
    """Experiments of which this person has learnt what they compare."""
    learnt = Event.objects.filter(
        actor=person, name__in=KNOWS, subject=Cast(OuterRef("public_id"), CharField())
    )
    return Experiment.objects.filter(Exists(learnt))


def knows(person: User, experiment: Experiment) -> bool:
    """Whether this person has learnt what is compared, and can rate in it no more."""
    return known_to(person).filter(pk=experiment.pk).exists()


def claim_next(rater: User) -> Assignment | None:
    """The task in hand, else the next one offered; None when there is none."""
    in_hand = rater.assignments.filter(state=Assignment.State.CLAIMED).first()
    return in_hand or _claim_another(rater)


@transaction.atomic
def _claim_another(rater: User) -> Assignment | None:
    # The rater's own row first: two clicks at once end with one task, not two.
    User.objects.select_for_update(no_key=True).get(pk=rater.pk)
    in_hand = rater.assignments.filter(state=Assignment.State.CLAIMED).first()
    if in_hand:
        return in_hand
    offered = list(offered_to(rater).values_list("pk", "experiment")[:50])
    if not offered:
        return None
    if gold := _gold_instead(rater, offered[0][1]):
        return _begin(rater, gold, seat=None)
    task = _lock_one(rater, [task_id for task_id, _ in offered])
    return _begin(rater, task, seat=_free_seats(task)[0]) if task else None


def _begin(rater: User, task: Task, *, seat: int | None) -> Assignment:
    assignment = Assignment.objects.create(task=task, rater=rater, seat=seat, lease_until=lease())
    assignment.refresh_from_db(fields=["lease_until"])
    record("assignment.claimed", assignment, by=rater, after=assignment.state)
    # Who leads goes on at the open turn; who reads second begins at the first.
    turn, attempt = newest_pair(task) if seat == 0 else newest_pair(task, number=1)
    blinding.draw(assignment, turn, attempt)
    return assignment


def hand_on() -> int:
    """Give everybody who waits for a turn that is ready its pair, with letters of its own."""
    waiting = Assignment.objects.waiting().select_related("task")
    return sum(hand_on_to(assignment) for assignment in waiting.order_by("pk"))


@transaction.atomic
def hand_on_to(assignment: Assignment) -> bool:
    """The pair of the turn after the one this reader has graded, if it is ready."""
    last = assignment.pairs.order_by("-turn__number").values_list("turn__number", flat=True)[0]
    if not _pages(assignment.task, last + 1).exists():
        return False
    turn, attempt = newest_pair(assignment.task, number=last + 1)
    blinding.draw(assignment, turn, attempt)
    assignment.renew()
    return True


def _gold_instead(rater: User, experiment_id: int) -> Task | None:
    """Practice until there is enough of it, then gold for its share of the claims, in place of what is offered.

    Such tasks have no seats, so nobody waits for anybody. Nothing is asked where an experiment wants neither.
    """
    wants = Q(gold_share__gt=0) | Q(practice_wanted__gt=0)
    experiment = Experiment.objects.filter(wants, pk=experiment_id).first()
    if experiment is None:
        return None
    may_read = _open_to(rater).filter(experiment=experiment).exclude(scenario__author=rater)
    golds = list(
        Gold.objects.live().filter(task__in=may_read).select_related("task__experiment").order_by("pk")
    )
    practised = rater.assignments.filter(task__experiment=experiment, task__gold__kind=Gold.Kind.PRACTICE)
    practice = [gold for gold in golds if gold.kind == Gold.Kind.PRACTICE]
    if practice and practised.count() < experiment.practice_wanted:
        return _drawn(practice)
    hidden = [gold for gold in golds if gold.kind == Gold.Kind.GOLD]
    if hidden and source().coin("gold") * 100 < experiment.gold_share:
        return _drawn(hidden)
    return None


def _drawn(golds: list[Gold]) -> Task:
    """One of them, as likely as its share says."""
    at = source().coin("which gold") * sum(gold.share for gold in golds)
    for gold in golds:
        at -= gold.share
        if at < 0:
            return gold.task
    return golds[-1].task


def _lock_one(rater: User, offered: list[int]) -> Task | None:
    """Lock the first offered task that nobody else is claiming right now; else wait for one that is.

    A task at which somebody stands may have another seat, so nobody is sent away before asking again.
    """
    for waits in (False, True):
        for task_id in offered:
            if locked := _lock(rater, task_id, waits=waits):
                return locked
    return None


def _lock(rater: User, task_id: int, *, waits: bool) -> Task | None:
    """The task under its lock, if it is still offered then: the last seat may just have been taken.

    GROUP BY and FOR UPDATE do not go together, hence the two steps.
    """
    with transaction.atomic():
        tasks = Task.objects.select_for_update(skip_locked=not waits, of=("self",))
        locked = tasks.filter(pk=task_id).first()
        if locked and offered_to(rater).filter(pk=task_id).exists():
            return locked
        # Gives the lock back at once: who waits for the next task holds none, so nobody waits in a circle.
        transaction.set_rollback(True)
    return None


def _free_seats(task: Task) -> list[int]:
    """The lowest first. The caller holds the task's lock."""
    taken = set(task.assignments.filter(seat__isnull=False).values_list("seat", flat=True))
    return [seat for seat in range(task.readers_wanted) if seat not in taken]


def newest_pair(task: Task, *, number: int | None = None) -> tuple[Turn, int]:
    """The newest pair that was rendered, of this turn or of any: what an assignment that begins now will see."""
    newest = _pages(task, number).order_by("-turn__number", "-attempt").select_related("turn")[0]
    return newest.turn, newest.attempt


def _pages(task: Task, number: int | None) -> QuerySet[PairPage]:
    pages = PairPage.objects.filter(turn__task=task, version=VERSION)
    return pages if number is None else pages.filter(turn__number=number)


@transaction.atomic
def resume(assignment: Assignment) -> None:
    """Go on with the same pair and letters. With a draft it is always allowed, as an extra reading
    when the seat is gone; without one only while there is a seat."""
    if assignment.state == Assignment.State.CLAIMED:
        return
    task = Task.objects.select_for_update().get(pk=assignment.task_id)
    # A task whose answer is known has no seats: everybody who began it may go on.
    is_gold = Gold.objects.filter(task=task).exists()
    free = [] if is_gold else _free_seats(task)
    if not free and not is_gold and not _has_draft(assignment):
        raise WrongState("Somebody else has taken this task meanwhile; you had written nothing in it.")
    if assignment.state != Assignment.State.EXPIRED:
        raise WrongState("This task is no longer yours to go on with.")
    if knows(assignment.rater, task.experiment):
        raise WrongState(KNOWS_TOO_MUCH)
    assignment.resume(seat=free[0] if free else None)


def release(assignment: Assignment) -> None:
    """Give a task back. What was written stays on record."""
    assignment.release(by=assignment.rater)


def expire_overdue() -> int:
    """End the leases that ran out, by the database's clock. Nothing written is touched."""
    expired = 0
    for assignment in Assignment.objects.overdue():
        try:
            assignment.expire()
        except WrongState:
            continue  # submitted in this very moment
        expired += 1
    return expired


def _has_draft(assignment: Assignment) -> bool:
    return Revision.objects.filter(preference__pair__assignment=assignment).exists()


def overview(rater: User) -> dict[str, Any]:
    """What stands on the rater's home page."""
    mine = rater.assignments.with_practice()
    mine = mine.select_related("task__scenario__repository", "task__experiment", "payout")
    payouts = Payout.objects.filter(assignment__rater=rater)
    offered = offered_to(rater)
    return {
        "in_hand": mine.filter(state__in=Assignment.WITH_RATER).order_by("claimed_at"),
        "expired": mine.filter(state=Assignment.State.EXPIRED).order_by("-claimed_at"),
        "handed_in": mine.filter(state__in=Assignment.HANDED_IN)
        .prefetch_related("reviews")
        .order_by("-submitted_at")[:20],
        "offered": offered.count(),
        "next": offered.select_related("scenario__repository", "experiment").first(),
        "guidelines": guidelines_to_confirm(rater),
        "owed": payouts.filter(state=Payout.State.DUE).aggregate(sum=Sum("amount"))["sum"] or 0,
        "paid": payouts.filter(state=Payout.State.PAID).aggregate(sum=Sum("amount"))["sum"] or 0,
    }
