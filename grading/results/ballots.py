"""Reads votes out of PostgreSQL as whole columns: the database strings the numbers of many rows together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from django.db.models import (
    Aggregate,
    BigIntegerField,
    BinaryField,
    Count,
    Expression,
    F,
    FloatField,
    Func,
    IntegerField,
    Max,
    Min,
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
from marlin.models import User
from tasks.models import Experiment

EPOCH = 719_163  # date(1970, 1, 1).toordinal()
#: Rows that one answer of the database tells of: what is held beside the columns themselves.
BLOCK = 32_768
#: Style differs from row to row, so nothing can be counted together: of more votes, this many are enough.
MOST_STYLED = 100_000


class _Strung(Aggregate):
    """A column as one string of bytes, every number in the same width and in network order.

    One row of PostgreSQL's protocol for each vote costs more than all the counting. The columns of one answer
    have their rows in the same order, whatever it is.
    """

    template = "string_agg(%(sent)s(CAST(%(expressions)s AS %(width)s)), ''::bytea)"
    output_field = BinaryField()
    allow_distinct = False


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
    # Counted from the first of this experiment's own: a key may be larger than four bytes hold.
    least = min(drawn, default=0)
    place = _places({key - least: mask for key, mask in drawn.items()})
    columns = [
        _two(task=(F("task"), np.int32), rater=(F("rater"), np.int32)),
        _two(
            first=(_from("first", least), place.__getitem__),
            second=(_from("second", least), place.__getitem__),
        ),
        _two(turn=(F("turn") * 1000 + F("attempt"), np.int32), day=(_Day("submitted_on"), np.int32)),
        _Column(
            Cast(F("rating") * 256 + Cast("on_left", IntegerField()), IntegerField()),
            "smallint",
            {"rating": ("i1", np.int8), "on_left": ("i1", np.bool_)},
        ),
    ]
    columns += [
        _Column(Coalesce(f"axes__{at}", UNRATED), "smallint", {f"axis_{key}": (">i2", np.int8)})
        for at, key in enumerate(axes)
    ]
    columns += [
        _Column(_style(style), "double precision", {f"style_{style}": (">f8", np.float64)})
        for style in styles
    ]
    found = _gathered(rows, columns)
    told = {style: found[f"style_{style}"] for style in styles}
    tasks, task = numbered(found.pop("task"))
    raters, rater = numbered(found.pop("rater"))
    arms, both = numbered(np.concatenate([found.pop("first"), found.pop("second")]))
    first, second = np.split(both.astype(place.dtype), 2)
    return Votes(
        models=tuple(str(1 + arm) for arm in arms.tolist()),
        raters=_pseudonyms(experiment, raters.tolist()),
        tasks=range(len(tasks)),
        first=first,
        second=second,
        on_left=found["on_left"],
        rater=rater,
        task=task,
        unit=_units(task, found.pop("turn"), first, second),
        rating=found["rating"],
        points=experiment.rubric.points,
        axes={key: found[f"axis_{key}"] for key in axes},
        styles={style: column for style, column in told.items() if not np.isnan(column).any()},
        day=found["day"] + EPOCH,
    )


Held: TypeAlias = Callable[[Any], Any]  # what is kept of an array that came


@dataclass(frozen=True)
class _Column:
    """What PostgreSQL is asked, and what its bytes are: by name how numpy reads a part, and what we keep of it."""

    asked: Expression | F
    width: str
    parts: Mapping[str, tuple[str, Held]]

    @property
    def strung(self) -> _Strung:
        sent = {"bigint": "int8send", "smallint": "int2send", "double precision": "float8send"}
        return _Strung(self.asked, width=self.width, sent=sent[self.width])

    def read(self, body: bytes) -> dict[str, NDArray[Any]]:
        """Each part block by block, so that the wide numbers of the wire are never held all at once."""
        kinds = [(name, kind) for name, (kind, _) in self.parts.items()]
        table = np.frombuffer(body, dtype=kinds)
        return {name: held(table[name]) for name, (_, held) in self.parts.items()}


def _two(**parts: tuple[Expression | F, Held]) -> _Column:
    """Two numbers in one, neither below zero: stringing a column together takes as long for eight bytes as for four."""
    high, low = (Cast(asked, BigIntegerField()) for asked, _ in parts.values())
    asked = high * Value(2**32, output_field=BigIntegerField()) + low
    return _Column(asked, "bigint", {name: (">i4", held) for name, (_, held) in parts.items()})


def _from(arm: str, least: int) -> Expression:
    return Cast(arm, BigIntegerField()) - Value(least, output_field=BigIntegerField())


def _style(style: str) -> Coalesce:
    nothing = Value(float("nan"), output_field=FloatField())
    return Coalesce(Cast(KeyTextTransform(style, "styles"), FloatField()), nothing)


def _gathered(rows: QuerySet[Vote], columns: Sequence[_Column]) -> dict[str, NDArray[Any]]:
    """Each part of each column as one array, put together from all blocks."""
    pieces = {name: [piece] for column in columns for name, piece in column.read(b"").items()}
    for block in _blocks(rows, columns):
        for column, body in zip(columns, block, strict=True):
            for name, piece in column.read(body or b"").items():
                pieces[name].append(piece)
    return {name: np.concatenate(pieces.pop(name)) for name in list(pieces)}


def _blocks(rows: QuerySet[Vote], columns: Sequence[_Column]) -> Iterator[list[Any]]:
    strung = {f"column_{at}": column.strung for at, column in enumerate(columns)}
    ends = rows.order_by().aggregate(first=Min("pk"), last=Max("pk"), count=Count("pk"))
    if not ends["count"]:
        return
    # Other experiments' votes may lie between ours: as many pieces as our own number asks for, however far apart.
    step = -(-(ends["last"] + 1 - ends["first"]) // -(-ends["count"] // BLOCK))
    for begin in range(ends["first"], ends["last"] + 1, step):
        block = rows.order_by().filter(pk__gte=begin, pk__lt=begin + step, pk__lte=ends["last"])
        yield list(block.aggregate(**strung).values())


def _places(drawn: Mapping[int, int]) -> Ints:
    """By an arm's key the number that masks it, less one, in few bits: two of them stand in each row."""
    place: Ints = np.zeros(max(drawn, default=0) + 1, dtype=np.int8 if len(drawn) < 128 else np.int16)
    place[list(drawn)] = np.array(list(drawn.values()), dtype=place.dtype) - 1
    return place


def _units(task: Ints, turn: Ints, first: Ints, second: Ints) -> Ints:
    """What raters can agree on: a pair of a task's turn. Of one turn a task has one pair."""
    if not len(turn) or (turn == turn[0]).all():
        return task
    turns, nth = numbered(turn)
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
