"""Reads votes out of PostgreSQL as whole columns: small integers, counted together where nothing tells them apart."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import (
    Case,
    Expression,
    F,
    FloatField,
    Func,
    IntegerField,
    Q,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from grading.analysis.styles import SIZES
from grading.analysis.votes import UNRATED, Floats, Ints, Votes
from grading.export.records import pseudonyms
from grading.models import Vote
from grading.results import masks
from grading.results.findings import NOT_ASKED, Ballots
from marlin.models import User
from tasks.models import Experiment

EPOCH = 719_163  # date(1970, 1, 1).toordinal()


class _Day(Func):
    """Days since 1970. Django takes the difference of two dates for a duration."""

    template = "(%(expressions)s - DATE '1970-01-01')"
    output_field = IntegerField()


def read(experiment: Experiment, chosen: Q) -> Ballots:
    """What counts under these filters. Two passes over the votes, both streamed; nothing is held as rows."""
    axes = list(experiment.rubric.axes.order_by("position").values_list("key", flat=True))
    rows = Vote.objects.filter(chosen, experiment=experiment)
    repositories = _values(rows, "repository")
    columns = _columns(rows, axes, repositories)
    table = _copied(columns, np.int64)
    named = dict(zip(columns.query.annotations, table.T, strict=True))
    return _ballots(experiment, named, axes, repositories, _styles(rows))


def _values(rows: QuerySet[Vote], name: str) -> list[str]:
    return sorted(rows.order_by().values_list(name, flat=True).distinct())


def _columns(
    rows: QuerySet[Vote], axes: list[str], repositories: list[str]
) -> QuerySet[Vote, tuple[int, ...]]:
    """Every column as a whole number, in a fixed order."""
    expressions: dict[str, Expression | F] = {
        "v_task": F("task"),
        "v_rater": F("rater"),
        "v_first": F("first"),
        "v_second": F("second"),
        "v_left": Cast("on_left", IntegerField()),
        "v_rating": F("rating"),
        "v_unit": F("turn") * 1000 + F("attempt"),
        "v_day": _Day("submitted_on"),
        "v_repository": _numbered("repository", repositories),
        "v_newer": F("newer"),
        "v_guess": Coalesce("guess", NOT_ASKED, output_field=SmallIntegerField()),
        **{
            f"v_axis_{place}": Coalesce(f"axes__{place}", UNRATED, output_field=SmallIntegerField())
            for place in range(len(axes))
        },
    }
    ordered = rows.order_by("pk")
    return ordered.annotate(**expressions).values_list(*expressions)


def _numbered(name: str, values: list[str]) -> Case:
    return Case(
        *(When(**{name: value}, then=Value(place)) for place, value in enumerate(values)),
        default=Value(-1),
        output_field=IntegerField(),
    )


def _copied(rows: QuerySet[Vote, Any], kind: type[np.generic]) -> NDArray[Any]:
    """[N, C], by COPY: rows as Python objects would take ten times the memory."""
    statement, values = rows.query.sql_with_params()
    body = io.BytesIO()
    copying = f"COPY ({statement}) TO STDOUT (DELIMITER ' ')"
    # Put together first: while DEBUG is on Django's cursor copies without values alone.
    with connection.cursor() as cursor, cursor.copy(cursor.mogrify(copying, values)) as copy:
        for piece in copy:
            body.write(piece)
    width = len(rows.query.annotations)
    return np.fromstring(body.getvalue(), dtype=kind, sep=" ").reshape(-1, width)


def _styles(rows: QuerySet[Vote]) -> dict[str, Floats]:
    """Differences in style, for those that every vote tells: a missing one cannot be told from none."""
    names = {f"v_{style}": style for style in SIZES}
    columns = rows.order_by("pk").annotate(
        **{
            column: Coalesce(
                Cast(KeyTextTransform(style, "styles"), FloatField()),
                Value(float("nan"), output_field=FloatField()),
            )
            for column, style in names.items()
        }
    )
    table = _copied(columns.values_list(*names), np.float64)
    told = zip(names.values(), table.T, strict=True)
    return {style: column for style, column in told if len(column) and not np.isnan(column).any()}


def _ballots(
    experiment: Experiment,
    columns: Mapping[str, Ints],
    axes: list[str],
    repositories: list[str],
    styles: Mapping[str, Floats],
) -> Ballots:
    drawn = masks.draw(experiment)
    arms, both = np.unique(
        np.concatenate([_masked(drawn, columns["v_first"]), _masked(drawn, columns["v_second"])]),
        return_inverse=True,
    )
    count = len(columns["v_task"])
    raters, rater = np.unique(columns["v_rater"], return_inverse=True)
    tasks, task = np.unique(columns["v_task"], return_inverse=True)
    first, second = both[:count], both[count:]
    low, high = np.minimum(first, second), np.maximum(first, second)
    key = ((task * 10**6 + columns["v_unit"]) * (len(arms) + 1) + low) * (len(arms) + 1) + high
    votes = Votes(
        models=tuple(str(arm) for arm in arms.tolist()),
        raters=_pseudonyms(experiment, raters.tolist()),
        tasks=tuple(str(each) for each in tasks.tolist()),
        first=first,
        second=second,
        on_left=columns["v_left"].astype(bool),
        rater=rater,
        task=task,
        unit=np.unique(key, return_inverse=True)[1],
        rating=columns["v_rating"],
        points=experiment.rubric.points,
        axes={axis: columns[f"v_axis_{place}"] for place, axis in enumerate(axes)},
        styles=styles,
        day=columns["v_day"] + EPOCH,
    )
    return Ballots(
        votes=votes,
        repository=columns["v_repository"],
        repositories=tuple(repositories),
        newer=columns["v_newer"],
        guess=columns["v_guess"],
    )


def _masked(drawn: Mapping[int, int], arms: Ints) -> Ints:
    keys, place = np.unique(arms, return_inverse=True)
    numbers = np.array([drawn[key] for key in keys.tolist()], dtype=np.int64)
    return numbers[place] if len(numbers) else arms


def _pseudonyms(experiment: Experiment, raters: list[int]) -> tuple[str, ...]:
    """As in an export, so that a rater can be found again there."""
    people = User.objects.in_bulk(raters)
    name_of = pseudonyms(experiment)
    return tuple(name_of(people[pk]) for pk in raters)
