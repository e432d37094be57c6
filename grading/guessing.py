"""Asks raters which side they took for the newer one, after handing in: the results tell whether the blinding held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from grading.models import Assignment, BlindPair, Guess, Receipt
from marlin.states import WrongState


@dataclass(frozen=True)
class Question:
    """One turn of what was handed in. `field` is the name in the form, `answer` what was said, if anything."""

    turn: int
    field: str
    answer: str
    pair: int


def questions(receipt: Receipt) -> list[Question]:
    """One for each turn, while nobody has decided yet; afterwards those that were answered."""
    rows = (
        BlindPair.objects.filter(preference__locked_revision__in=receipt.revisions.all())
        .select_related("turn", "guess")
        .order_by("turn__number", "attempt")
    )
    asked = [_question(pair) for pair in rows]
    return asked if receipt.assignment.state == _ASKED_IN else [each for each in asked if each.answer]


@transaction.atomic
def answer(receipt: Receipt, posted: Mapping[str, Any]) -> int:
    """Keep what was chosen; how many answers were new. What was answered before stays as it was.

    Raises WrongState once a reviewer has decided: the preference's record is written then, and would never
    hear of it.
    """
    assignment = Assignment.objects.select_for_update().get(pk=receipt.assignment_id)
    if assignment.state != _ASKED_IN:
        raise WrongState("Your rating has been decided on, so the question is closed.")
    told = [
        Guess(pair_id=question.pair, newer=posted[question.field])
        for question in questions(receipt)
        if not question.answer and posted.get(question.field) in Guess.Newer.values
    ]
    Guess.objects.bulk_create(told, ignore_conflicts=True)
    return len(told)


#: Not before, so that nobody looks for signs while they rate; not later, since the record is written by then.
_ASKED_IN = Assignment.State.SUBMITTED


def _question(pair: BlindPair) -> Question:
    told = getattr(pair, "guess", None)
    return Question(
        turn=pair.turn.number,
        field=f"newer-{pair.turn.number}-{pair.attempt}",
        answer=told.get_newer_display() if told else "",
        pair=pair.pk,
    )
