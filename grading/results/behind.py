"""The records behind a number, and one of them whole: arms stay masked, `unblind` reads the guarded rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from grading.export.records import pseudonyms
from grading.models import Judgement, Vote
from grading.results.filters import Filters
from grading.rubric import word
from marlin.models import User
from tasks.models import Experiment

A_PAGE = 50
#: So many lines of a patch are shown; the whole is in the export.
MOST_LINES = 3_000


@dataclass(frozen=True)
class Narrowed:
    """Beyond the filters of the page: the number that was clicked."""

    arm: int | None = None
    other: int | None = None
    axis: str = ""
    rater: str = ""
    side: str = ""
    shared: bool = False

    @property
    def query(self) -> dict[str, str]:
        told = {
            "arm": self.arm,
            "other": self.other,
            "axis": self.axis,
            "rater": self.rater,
            "side": self.side,
            "shared": "yes" if self.shared else "",
        }
        return {name: str(value) for name, value in told.items() if value not in (None, "")}


@dataclass(frozen=True)
class Row:
    """One preference of the list."""

    public_id: UUID
    title: str
    repository: str
    turn: int
    better: int | None
    worse: int
    strength: int
    left: int
    rater: str
    on: Any


@dataclass(frozen=True)
class Listed:
    rows: list[Row]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))

    @property
    def first(self) -> int:
        return (self.page - 1) * A_PAGE + 1


def narrowed(asked: Mapping[str, Any], axes: Iterable[str]) -> Narrowed:
    """What of the address makes sense; the rest is left out."""
    axis, side = str(asked.get("axis", "")), str(asked.get("side", ""))
    rater = str(asked.get("rater", ""))
    return Narrowed(
        arm=_number(asked.get("arm")),
        other=_number(asked.get("other")),
        axis=axis if axis in set(axes) else "",
        rater=rater if rater.isalnum() and len(rater) <= 32 else "",
        side=side if side == "left" else "",
        shared=asked.get("shared") == "yes",
    )


def _number(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None


def listed(experiment: Experiment, filters: Filters, narrow: Narrowed, axes: list[str], page: int) -> Listed:
    """A page of them, the newest first. A constant number of queries."""
    rows = _chosen(experiment, filters, narrow, axes)
    total = rows.count()
    page = min(max(1, page), max(1, -(-total // A_PAGE)))
    begin = (page - 1) * A_PAGE
    values = list(
        rows.order_by("-submitted_on", "-pk").values_list(
            "judgement__public_id",
            "task__scenario__title",
            "repository",
            "turn",
            "first__mask__number",
            "second__mask__number",
            "rating" if not narrow.axis else f"axes__{axes.index(narrow.axis)}",
            "on_left",
            "rater",
            "submitted_on",
        )[begin : begin + A_PAGE]
    )
    people = User.objects.using("unblind").in_bulk({row[8] for row in values})
    name_of = pseudonyms(experiment)
    return Listed([_row(row, people, name_of) for row in values], total, page)


def _row(row: tuple[Any, ...], people: Mapping[int, User], name_of: Callable[[User], str]) -> Row:
    identity, title, repository, turn, first, second, rating, on_left, rater, on = row
    better, worse = (first, second) if (rating or 0) >= 0 else (second, first)
    return Row(
        public_id=identity,
        title=title,
        repository=repository,
        turn=turn,
        better=better,
        worse=worse,
        strength=abs(rating or 0),
        left=first if on_left else second,
        rater=name_of(people[rater]),
        on=on,
    )


def _chosen(experiment: Experiment, filters: Filters, narrow: Narrowed, axes: list[str]) -> QuerySet[Vote]:
    rows = Vote.objects.using("unblind").filter(filters.votes(), experiment=experiment)
    arm, other = narrow.arm, narrow.other
    if arm is not None and other is not None:
        rows = rows.filter(
            Q(first__mask__number=arm, second__mask__number=other)
            | Q(first__mask__number=other, second__mask__number=arm)
        )
    elif arm is not None:
        rows = rows.filter(Q(first__mask__number=arm) | Q(second__mask__number=arm))
    if narrow.axis:
        rows = rows.filter(**{f"axes__{axes.index(narrow.axis)}__isnull": False})
    if narrow.side:
        rows = rows.filter(Q(on_left=True, rating__gt=0) | Q(on_left=False, rating__lt=0))
    if narrow.rater:
        rows = rows.filter(rater__in=_person(experiment, narrow.rater))
    if narrow.shared:
        others = Vote.objects.filter(
            task=OuterRef("task"), turn=OuterRef("turn"), attempt=OuterRef("attempt")
        )
        rows = rows.filter(Exists(others.exclude(rater=OuterRef("rater"))))
    return rows


def _person(experiment: Experiment, name: str) -> list[int]:
    """A pseudonym cannot be turned back; it can be made again for each rater of the experiment."""
    votes = Vote.objects.using("unblind").filter(experiment=experiment)
    people = User.objects.using("unblind").filter(pk__in=votes.values("rater"))
    name_of = pseudonyms(experiment)
    return [person.pk for person in people if name_of(person) == name]


# --- One record ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """What stood at A or at B, with the number of its arm in place of a name."""

    letter: str
    arm: int
    strengths: str
    weaknesses: str
    message: str
    failure: str
    files: int
    added: int
    removed: int
    tests: str
    lines: list[tuple[str, str]]
    cut: int

    @property
    def css(self) -> str:
        return self.letter.lower()


@dataclass(frozen=True)
class Whole:
    """One preference, read-only."""

    public_id: UUID
    title: str
    repository: str
    category: str
    turn: int
    prompt: str
    rater: str
    on: Any
    method: str
    probability: float
    ratings: list[tuple[str, str]]
    key_axis: str
    justification: str
    sides: tuple[Side, Side]


def counted(public_id: UUID) -> Vote:
    """The vote of this record. Raises Http404 for one that no result has counted yet."""
    votes = Vote.objects.using("unblind").filter(judgement__public_id=public_id)
    vote = votes.select_related("judgement", "rater", "experiment", "first__mask", "second__mask").first()
    if vote is None:
        raise Http404
    return vote


def experiment_of(vote: Vote) -> UUID:
    identity: UUID = vote.experiment.public_id
    return identity


def whole(experiment: Experiment, vote: Vote, axes: Mapping[str, str]) -> Whole:
    """What stands in its record, with the letters that its rater saw."""
    judgement: Judgement = vote.judgement
    record = judgement.record
    points, shown = record["rubric"]["points"], record["shown"]["ratings"]
    asked = {"overall": "Overall", **axes}
    key = record["key_axis"]
    a_is_left = vote.on_left
    first = _side("A" if a_is_left else "B", vote.first.mask.number, record, "a")
    second = _side("B" if a_is_left else "A", vote.second.mask.number, record, "b")
    return Whole(
        public_id=judgement.public_id,
        title=record["scenario"]["title"],
        repository=vote.repository,
        category=vote.category,
        turn=vote.turn,
        prompt=record["prompt"],
        rater=pseudonyms(experiment)(vote.rater),
        on=vote.submitted_on,
        method=record["draw"]["method"],
        probability=record["draw"]["probability"],
        ratings=[(name, word(points, shown.get(axis))) for axis, name in asked.items()],
        key_axis=asked.get(key, ""),
        justification=record["texts"]["justification"],
        sides=(first, second) if a_is_left else (second, first),
    )


def _side(letter: str, arm: int, record: Mapping[str, Any], own: str) -> Side:
    candidate = record[f"candidate_{own}"]
    lines, cut = patch_lines(candidate["patch"])
    return Side(
        letter=letter,
        arm=arm,
        strengths=record["texts"][f"strengths_{own}"],
        weaknesses=record["texts"][f"weaknesses_{own}"],
        message=candidate["final_message"],
        failure=candidate["failure"],
        files=candidate["files"],
        added=candidate["added"],
        removed=candidate["removed"],
        tests=_tests(candidate["evidence"]),
        lines=lines,
        cut=cut,
    )


def patch_lines(patch: str | bytes) -> tuple[list[tuple[str, str]], int]:
    """(class, line) of the first lines of a patch, and how many more there are."""
    text = patch.decode(errors="replace") if isinstance(patch, bytes) else patch
    lines = text.splitlines()
    return [(_kind(line), line) for line in lines[:MOST_LINES]], max(0, len(lines) - MOST_LINES)


def _kind(line: str) -> str:
    """Of a line of a patch, as a class of the style sheet."""
    if line.startswith(
        ("diff --git", "index ", "--- ", "+++ ", "new file", "deleted file", "similarity", "rename")
    ):
        return "head"
    return {"+": "add", "-": "del", "@": "hunk"}.get(line[:1], "")


def _tests(evidence: Mapping[str, Any]) -> str:
    if not evidence.get("ran"):
        return "Tests were not run."
    passed, failed = evidence.get("passed") or 0, evidence.get("failed") or 0
    return f"{passed:,} passed, {failed:,} failed" if failed else f"{passed:,} passed"
