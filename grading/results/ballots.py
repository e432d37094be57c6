"""Reads votes out of PostgreSQL as whole columns: the database strings the numbers of many rows together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import (
    BigIntegerField,
    Count,
    Expression,
    F,
    FloatField,
    Func,
    IntegerField,
    Max,
    Model,
    Q,
    QuerySet,
    Value,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Mod
from numpy.typing import NDArray

from grading.analysis.cells import Guess
from grading.analysis.styles import SIZES
from grading.analysis.votes import UNRATED, Ints, Votes, numbered
from grading.export.records import pseudonyms
from grading.models import Vote
from grading.results import masks
from grading.results.findings import Ballots
from grading.results.words import Column, Part, Real, words
from marlin.models import User
from tasks.models import Experiment, Task

EPOCH = 719_163  # date(1970, 1, 1).toordinal()
#: Rows that one answer of the database tells of: what is held beside the columns themselves.
BLOCK = 32_768
#: Ratings are sent as numbers above zero: nothing is left for those that are not there.
LIFT = 8
#: Style differs from row to row, so nothing can be counted together: of more votes, this many are enough.
MOST_STYLED = 100_000


class _Day(Func):
    """Days since 1970. Django takes the difference of two dates for a duration."""

    template = "(%(expressions)s - DATE '1970-01-01')"
    output_field = IntegerField()


def read(experiment: Experiment, chosen: Q) -> Ballots:
    """What counts under these filters. Nothing is held as rows."""
    axes = list(experiment.rubric.axes.order_by("position").values_list("key", flat=True))
    rows = Vote.objects.filter(chosen, experiment=experiment)
    votes = votes_of(experiment, rows, axes)
    some = -(-len(votes) // MOST_STYLED)  # every how-manieth task
    styled = rows if some < 2 else rows.annotate(rest=Mod("task", Value(some))).filter(rest=0)
    answers = rows.filter(guess__isnull=False).count()
    return Ballots(votes, tuple(_guesses(rows)), answers, votes_of(experiment, styled, styles=list(SIZES)))


def votes_of(
    experiment: Experiment, rows: QuerySet[Vote], axes: Sequence[str] = (), styles: Sequence[str] = ()
) -> Votes:
    """The votes as columns of the smallest integers that fit, arms by their masks; with these axes and styles.

    A style that any vote does not tell is left out: a missing one cannot be told from none.
    """
    drawn = masks.draw(experiment)
    columns: list[Column] = [*words(_parts(drawn, axes))]
    columns += [Real(f"style_{style}", _style(style)) for style in styles]
    found = _gathered(rows, columns)
    told = {style: found[f"style_{style}"] for style in styles}
    tasks, task = numbered(found.pop("task"))
    raters, rater = numbered(found.pop("rater"))
    arms, both = numbered(np.concatenate([found.pop("first"), found.pop("second")]))
    first, second = np.split(both.astype(np.min_scalar_type(-1 - len(arms))), 2)
    return Votes(
        models=tuple(str(1 + arm) for arm in arms.tolist()),
        raters=_pseudonyms(experiment, raters.tolist()),
        tasks=range(len(tasks)),
        first=first,
        second=second,
        on_left=found["on_left"],
        rater=rater,
        task=task,
        unit=_units(task, found.pop("turn"), found.pop("attempt"), first, second),
        rating=found["rating"],
        points=experiment.rubric.points,
        axes={key: found[f"axis_{key}"] for key in axes},
        styles={style: column for style, column in told.items() if not np.isnan(column).any()},
        day=found["day"] + EPOCH,
    )


def _parts(drawn: Mapping[int, int], axes: Sequence[str]) -> dict[str, Part]:
    # Counted from the first of this experiment's own: a key may be larger than a word has room for.
    least, most = min(drawn, default=0), max(drawn, default=0)
    place = _places({key - least: mask for key, mask in drawn.items()})
    width = (most - least).bit_length()
    parts = {
        "task": _key("task", Task),
        "rater": _key("rater", User),
        "first": Part(_from("first", least), width, place.__getitem__),
        "second": Part(_from("second", least), width, place.__getitem__),
        "day": Part(_Day("submitted_on"), 16, _as(np.int32)),
        "rating": Part(F("rating") + LIFT, 5, lambda raised: raised.astype(np.int8) - np.int8(LIFT)),
        "on_left": Part(Cast("on_left", IntegerField()), 1, _as(np.bool_)),
        "turn": Part(F("turn"), 15, _as(np.int16)),
        "attempt": Part(F("attempt"), 15, _as(np.int16)),
    }
    rated = {
        f"axis_{key}": Part(Coalesce(F(f"axes__{at}") + LIFT, 0), 5, _rated) for at, key in enumerate(axes)
    }
    return parts | rated


def _as(kind: type[np.generic]) -> Callable[[Ints], NDArray[Any]]:
    return lambda numbers: numbers.astype(kind)


def _key(name: str, kind: type[Model]) -> Part:
    """As wide as the largest key there is."""
    most = kind._default_manager.aggregate(most=Max("pk"))["most"] or 0
    return Part(F(name), most.bit_length(), _as(np.int32 if most < 2**31 else np.int64))


def _rated(raised: Ints) -> NDArray[np.int8]:
    return np.where(raised == 0, UNRATED, raised - LIFT).astype(np.int8)


def _from(arm: str, least: int) -> Expression:
    return Cast(arm, BigIntegerField()) - Value(least, output_field=BigIntegerField())


def _style(style: str) -> Coalesce:
    nothing = Value(float("nan"), output_field=FloatField())
    return Coalesce(Cast(KeyTextTransform(style, "styles"), FloatField()), nothing)


def _gathered(rows: QuerySet[Vote], columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    """Each part of each column as one array, put together from all blocks."""
    pieces = {name: [piece] for column in columns for name, piece in column.read(b"")}
    for block in _blocks(rows, columns):
        for column, body in zip(columns, block, strict=True):
            for name, piece in column.read(body):
                pieces[name].append(piece)
    return {name: np.concatenate(pieces.pop(name)) for name in list(pieces)}


def _blocks(rows: QuerySet[Vote], columns: Sequence[Column]) -> Iterator[list[bytes]]:
    """In the order of the index that holds what is counted, each block from where the one before ended."""
    strung = {f"column_{at}": column.strung for at, column in enumerate(columns)}
    last: int | None = 0
    while last is not None:
        block = rows.filter(pk__gt=last).order_by("pk")[:BLOCK].aggregate(last=Max("pk"), **strung)
        last = block.pop("last")
        if last is not None:
            yield list(block.values())


def _places(drawn: Mapping[int, int]) -> Ints:
    """By an arm's key the number that masks it, less one, in few bits: two of them stand in each row."""
    place: Ints = np.zeros(max(drawn, default=0) + 1, dtype=np.int8 if len(drawn) < 128 else np.int16)
    place[list(drawn)] = np.array(list(drawn.values()), dtype=place.dtype) - 1
    return place


def _units(task: Ints, turn: Ints, attempt: Ints, first: Ints, second: Ints) -> Ints:
    """What raters can agree on: a pair of a task's turn. Of one turn a task has one pair."""
    if not len(turn) or ((turn == turn[0]).all() and (attempt == attempt[0]).all()):
        return task
    turns, nth = numbered(turn.astype(np.int32) * 2**15 + attempt)
    arms = int(max(first.max(), second.max())) + 1
    key = task.astype(np.int64) * len(turns) + nth
    key = (key * arms + np.minimum(first, second)) * arms + np.maximum(first, second)
    units: Ints = np.unique(key, return_inverse=True)[1].astype(np.int32)
    return units


def _guesses(rows: QuerySet[Vote]) -> Iterator[Guess]:
    """Counted by repository, where somebody answered and one is known to be newer."""
    asked = rows.filter(guess__isnull=False).exclude(newer=Vote.Newer.UNKNOWN).order_by()
    counted = asked.values_list("repository", "newer", "guess", "on_left").annotate(answers=Count("pk"))
    for repository, newer, guess, on_left, answers in counted.order_by(
        "repository", "newer", "guess", "on_left"
    ):
        sides = {Vote.Newer.FIRST: "LR"[not on_left], Vote.Newer.SECOND: "RL"[not on_left]}
        yield Guess(
            rater="",
            newer=sides[Vote.Newer(newer)],
            guess=sides.get(Vote.Newer(guess), ""),
            group=repository,
            answers=answers,
        )


def _pseudonyms(experiment: Experiment, raters: list[int]) -> tuple[str, ...]:
    """As in an export, so that a rater can be found again there."""
    people = User.objects.in_bulk(raters)
    name_of = pseudonyms(experiment)
    return tuple(name_of(people[pk]) for pk in raters)
