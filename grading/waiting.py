"""What of grading waits for a worker: told to the operations page, which looks whether somebody serves its queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max

from grading.export.judging import unjudged
from grading.models import Export, Result, Trouble
from grading.pages import unrendered
from marlin.models import Event
from tasks.models import Candidate
from tasks.queues import DEFAULT, MOST, Kind, Row, kind


def kinds(alias: str) -> Iterator[Kind]:
    yield kind(DEFAULT, "pair to render", "pairs to render", _pairs(alias))
    accepted = unjudged().using(alias).order_by("pk")
    assignments = accepted.values_list("pair__assignment__public_id", flat=True)[:MOST]
    yield kind(
        DEFAULT, "judgement to write", "judgements to write", [Row(None, str(each)) for each in assignments]
    )
    exports = Export.objects.using(alias).filter(state=Export.State.QUEUED).unleased().order_by("pk")
    yield kind(DEFAULT, "export to write", "exports to write", [
        Row(export.asked_at, str(export.public_id)) for export in exports[:MOST]
    ])  # fmt: skip
    results = Result.objects.using(alias).filter(state=Result.State.QUEUED).unleased().order_by("pk")
    yield kind(DEFAULT, "result to compute", "results to compute", [
        Row(result.asked_at, str(result.public_id)) for result in results.defer("found")[:MOST]
    ])  # fmt: skip


def _pairs(alias: str) -> list[Row]:
    """Ready since its later side was; and what could not be rendered rests before it is tried again."""
    turns = list(unrendered().using(alias).values_list("pk", "newest")[:MOST])  # type: ignore[misc]
    if not turns:
        return []
    rested = Trouble.objects.using(alias).filter(turn__in=[pk for pk, _ in turns])
    again = dict(rested.values_list("turn_id", "again_at"))
    made = _made(dict(turns), alias)
    return [Row(max(filter(None, (made.get(pk), again.get(pk))), default=None)) for pk, _ in turns]


def _made(turns: dict[int, int], alias: str) -> dict[int, datetime]:
    """When the later side of each turn's newest pair was made, by the audit log."""
    sides = Candidate.objects.using(alias).filter(turn__in=turns).values_list("public_id", "turn", "attempt")
    turn_of = {str(public_id): turn for public_id, turn, attempt in sides if turns[turn] == attempt}
    told = Event.objects.using(alias).filter(subject__in=turn_of).values("subject").annotate(last=Max("at"))
    made: dict[int, datetime] = {}
    for subject, at in told.values_list("subject", "last"):
        turn = turn_of[subject]
        made[turn] = max(at, made.get(turn, at))
    return made
