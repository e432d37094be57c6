"""Turns and their pairs: opening one, and answering grading's questions about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from marlin.jobs import ring
from marlin.sources import new_public_id, source
from tasks.models import Arm, Candidate, Origin, Task, Turn


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


def pairs_to_render(rendered: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(turn id, attempt) of the newest complete pair of each turn of open tasks, but those `rendered`."""
    known = set(rendered)
    turns = Turn.objects.filter(task__state=Task.State.OPEN).with_newest()
    pairs = turns.values_list("pk", "newest")  # type: ignore[misc]  # annotated by with_newest
    return [pair for pair in pairs if pair not in known]


def bases_in_use() -> list[tuple[int, str]]:
    """(repository id, commit) of what raters and reviewers compare at the moment."""
    turns = Turn.objects.filter(
        task__state=Task.State.OPEN, task__scenario__repository__patch_only=False
    ).with_newest()
    return list(turns.order_by().values_list("task__scenario__repository", "base_commit").distinct())
