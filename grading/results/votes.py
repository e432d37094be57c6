"""Writes votes: the numbers of each judgement as columns, once."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from grading.analysis import styles
from grading.models import Assignment, Gold, Judgement, Vote
from tasks.models import Experiment, Origin

#: Patches are read for their sizes, so a batch is some megabytes.
BATCH = 500
#: The parts of a record that become columns; its texts stay where they are.
PARTS = ("rating", "axes", "side", "scenario", "submitted_at", "blinding", "candidate_a", "candidate_b")


def write_missing(experiment: Experiment) -> int:
    """A vote for each judgement that has none yet. Needs a worker; safe to do twice at once."""
    axes = list(experiment.rubric.axes.order_by("position").values_list("key", flat=True))
    written = 0
    while rows := list(_unwritten(experiment)[:BATCH]):
        votes = [_vote(experiment, row, axes) for row in rows]
        Vote.objects.bulk_create(votes, ignore_conflicts=True)
        written += len(votes)
    return written


def _unwritten(experiment: Experiment) -> QuerySet[Judgement, dict[str, Any]]:
    there = Vote.objects.filter(judgement=OuterRef("pk"))
    pair = "preference__pair__"
    assignment = f"{pair}assignment__"
    # Who reads a task whose answer is known is measured by it: their answer is no preference.
    known = Gold.objects.measuring("preference__pair__assignment")
    parts = {part: KeyTransform(part, "record") for part in PARTS}
    sides = {
        f"{agent}_{what}": KeyTransform(what, KeyTransform(agent, "record"))
        for agent, what in (("agent_a", "released_on"), ("agent_b", "released_on"))
    }
    rows: QuerySet[Judgement, dict[str, Any]] = (
        Judgement.objects.filter(
            ~Exists(there),
            ~Exists(known),
            preference__pair__assignment__task__experiment=experiment,
            preference__pair__assignment__state=Assignment.State.ACCEPTED,
            revision=F("preference__locked_revision"),
        )
        .annotate(
            arm_a=_arm_of(f"{pair}a"),
            arm_b=_arm_of(f"{pair}b"),
            nth=_nth(assignment),
            **{f"part_{name}": part for name, part in parts.items()},
            **sides,
        )
        .order_by("pk")
        .values(
            "pk",
            "arm_a",
            "arm_b",
            "nth",
            *(f"part_{name}" for name in parts),
            *sides,
            task=F(f"{assignment}task"),
            rater=F(f"{assignment}rater"),
            seat=F(f"{assignment}seat"),
            turn=F(f"{pair}turn__number"),
            attempt=F(f"{pair}attempt"),
        )
    )
    return rows


def _arm_of(candidate: str) -> Subquery:
    return Subquery(Origin.objects.filter(candidate=OuterRef(candidate)).values("arm")[:1])


def _nth(assignment: str) -> Coalesce:
    """How many tasks of this experiment the rater had taken up to this one."""
    earlier = (
        Assignment.objects.filter(
            rater=OuterRef(f"{assignment}rater"),
            task__experiment=OuterRef(f"{assignment}task__experiment"),
            pk__lte=OuterRef(f"{assignment}pk"),
        )
        .order_by()
        .values("rater")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return Coalesce(Subquery(earlier), 1)


def _vote(experiment: Experiment, row: dict[str, Any], axes: list[str]) -> Vote:
    scenario, on_left = row["part_scenario"], row["part_side"] == "L"
    # `model_a` of the record is the first arm; it stood at A exactly when its side is L.
    first, second = (row["arm_a"], row["arm_b"]) if on_left else (row["arm_b"], row["arm_a"])
    return Vote(
        judgement_id=row["pk"],
        experiment=experiment,
        task_id=row["task"],
        rater_id=row["rater"],
        first_id=first,
        second_id=second,
        on_left=on_left,
        rating=row["part_rating"],
        axes=[row["part_axes"].get(axis) for axis in axes],
        turn=row["turn"],
        attempt=row["attempt"],
        seat=row["seat"],
        nth=row["nth"],
        repository=scenario["repository"],
        language=scenario["language"],
        category=scenario["category"],
        submitted_on=date.fromisoformat(row["part_submitted_at"][:10]),
        newer=_newer(row["agent_a_released_on"], row["agent_b_released_on"]),
        guess=_guess(row["part_blinding"]),
        styles=styles.differences(row["part_candidate_a"], row["part_candidate_b"]),
    )


def _newer(first: str | None, second: str | None) -> int:
    if not first or not second or first == second:
        return Vote.Newer.UNKNOWN
    return Vote.Newer.FIRST if first > second else Vote.Newer.SECOND


def _guess(blinding: Any) -> int | None:
    """What the rater took for the newer one: `blinding.guess` is "a", "b" or "unknown", by model, not by side."""
    answer = blinding.get("guess") if isinstance(blinding, dict) else None
    told: dict[Any, int] = {
        "a": Vote.Newer.FIRST,
        "b": Vote.Newer.SECOND,
        "unknown": Vote.Newer.UNKNOWN,
    }
    return told.get(answer)
