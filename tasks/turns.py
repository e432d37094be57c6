"""Turns and their pairs: opening one, going on from a candidate, and answering grading's questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from django.db import IntegrityError, transaction

from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from marlin.sources import new_public_id, source
from marlin.states import WrongState
from tasks.lineage import commit_after
from tasks.models import Arm, Candidate, Origin, Run, Task, Turn
from tasks.models.turn import TurnQuerySet


@transaction.atomic
def open_turn(task: Task, *, number: int, prompt: str, base_commit: str, arms: Sequence[Arm]) -> Turn:
    """A new turn with its first pair. Doing it twice hits `one_turn_per_number`. Needs a worker's rights."""
    turn = Turn.objects.create(task=task, number=number, prompt=prompt, base_commit=base_commit)
    add_pair(turn, arms)
    return turn


def add_pair(turn: Turn, arms: Sequence[Arm]) -> list[Candidate]:
    """One more pair for a turn. What was graded stays; the newest complete pair is offered.

    Written through the alias that the turn was read from: who is who is guarded.
    """
    alias = turn._state.db or "default"
    with transaction.atomic(using=alias):
        return _add_pair(turn, arms, alias)


def _add_pair(turn: Turn, arms: Sequence[Arm], alias: str) -> list[Candidate]:
    first, second = arms
    shuffled = [first, second]
    # Inserted in random order: neither a key nor a place in the table tells who is who.
    source().shuffle("candidates", shuffled)
    attempt = turn.newest_attempt() + 1
    candidates = []
    for arm in shuffled:
        made = Candidate.objects.using(alias)
        candidate = made.create(turn=turn, attempt=attempt, public_id=new_public_id())
        origins = Origin.objects.using(alias)
        origins.create(candidate=candidate, arm=arm, agent_version=arm.agent_version)
        ring("tasks.jobs.generate_candidate", candidate.pk, using=alias)
        candidates.append(candidate)
    return candidates


@transaction.atomic
def make_anew_if_mended(candidate: Candidate) -> bool:
    """Whether the recipe of the repository is another than when the other side was made: then a new pair is.

    Needs a queued candidate and a worker's rights. What the other side has made stays as it is; what is still at
    work on it is cancelled.
    """
    turn = Turn.objects.select_for_update(of=("self",)).get(pk=candidate.turn_id)
    recipe = turn.task.scenario.repository.recipe()
    pair = list(turn.candidates.filter(attempt=candidate.attempt).order_by("pk"))
    others = [other for other in pair if other.pk != candidate.pk]
    if candidate.attempt != turn.newest_attempt() or not any(_made_under_another(o, recipe) for o in others):
        return False
    for each in pair:
        if each.state in (Candidate.State.QUEUED, Candidate.State.RUNNING):
            _leave(each)
    arms = Arm.objects.filter(pk__in=Origin.objects.filter(candidate__in=pair).values("arm"))
    add_pair(turn, list(arms.select_related("agent_version").order_by("position")))
    record("turn.regenerated", turn, why="The recipe changed between the two sides.", number=turn.number)
    return True


def _leave(candidate: Candidate) -> None:
    with suppress(WrongState):  # it has just finished
        candidate.cancel()
        for run in Run.objects.filter(candidate=candidate, state=Run.State.STARTED):
            run.end(Run.State.CANCELLED, sentence="The recipe changed; both sides are made anew.")


def _made_under_another(candidate: Candidate, recipe: str) -> bool:
    """By its last run. One that waits begins under the recipe of that moment, whatever it was before."""
    if candidate.state not in (Candidate.State.RUNNING, Candidate.State.READY):
        return False
    last = Run.objects.filter(candidate=candidate).order_by("-pk").values_list("recipe", flat=True).first()
    return bool(last) and last != recipe


class Refused(Exception):
    """A conversation cannot go on like this; the sentence says why."""


@transaction.atomic
def continue_from(candidate: Candidate, *, prompt: str, by: User) -> Turn:
    """The next turn, for both sides from what this candidate left. Raises Refused, or WrongState when it is there.

    Its pair is added by a job: which arms it has, no page may know.
    """
    before = candidate.turn
    task = before.task
    if candidate.state != Candidate.State.READY:
        raise Refused("This side failed: there is nothing to continue from. Choose the other one.")
    if not prompt.strip():
        raise Refused("Write what is asked for next.")
    if before.number >= task.experiment.turns_wanted:
        raise Refused(f"A conversation has at most {task.experiment.turns_wanted} turns here.")
    if not task.is_now(Task.State.OPEN):
        raise WrongState("This task is not open any more.")
    try:
        with transaction.atomic():
            turn = Turn.objects.create(
                task=task,
                number=before.number + 1,
                prompt=prompt.strip(),
                base_commit=commit_after(before.base_commit, candidate.tree),
                continues=candidate,
            )
    except IntegrityError as why:  # one_turn_per_number
        raise WrongState("The next turn has been asked for already.") from why
    record("turn.asked", task, by=by, after=str(turn.number))
    ring("tasks.jobs.open_pair", turn.pk)
    return turn


@transaction.atomic
def open_pair(turn_id: int) -> bool:
    """The first pair of a turn that goes on, of the same arms. False when it is there. Needs a worker's rights."""
    turn = Turn.objects.select_for_update(of=("self",)).get(pk=turn_id)
    if turn.continues is None or turn.newest_attempt():
        return False
    before = turn.continues
    made = Origin.objects.filter(candidate__turn=before.turn_id, candidate__attempt=before.attempt)
    add_pair(
        turn, [origin.arm for origin in made.select_related("arm__agent_version").order_by("arm__position")]
    )
    return True


def without_pair() -> list[int]:
    """Turns that were asked for and whose bell nobody heard."""
    waiting = Turn.objects.filter(candidates=None, continues__isnull=False, task__state=Task.State.OPEN)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def offered() -> TurnQuerySet:
    """Turns of open tasks that have a complete pair; `newest` is the number of the newest one."""
    return Turn.objects.filter(task__state=Task.State.OPEN).with_newest()


def bases_in_use() -> list[tuple[int, str]]:
    """(repository id, commit) of what raters and reviewers compare at the moment."""
    turns = Turn.objects.filter(
        task__state=Task.State.OPEN, task__scenario__repository__patch_only=False
    ).with_newest()
    return list(turns.order_by().values_list("task__scenario__repository", "base_commit").distinct())
