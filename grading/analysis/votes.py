"""Votes as columns, and what every estimate counts in them: kinds of votes, and what a task says of two models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.signedinteger[Any]]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

#: In an axis: this vote has no rating on it.
UNRATED = -128
SCALES = (7, 8)
#: Ratings lie between minus and plus this.
MOST = 4


class BadVotes(ValueError):
    """The file is not one we can analyse; says why in a sentence."""


@dataclass(frozen=True)
class Vote:
    """One row, checked. `rating` is symmetric about zero and positive when `model_a` is better."""

    rater: str
    task: str
    model_a: str
    model_b: str
    side: str  # where model_a was shown: L or R
    rating: int
    turn: str = ""
    axes: Mapping[str, int] = field(default_factory=dict)
    styles: Mapping[str, float] = field(default_factory=dict)
    count: int = 1
    day: date | None = None


@dataclass(frozen=True, eq=False)
class Tally:
    """The M kinds of votes that were given, each counted: who stood where, and the rating for the left."""

    left: Ints  # [M]
    right: Ints
    rating: Ints  # positive when the left one is better
    count: Floats
    of_row: Ints  # [N]: the kind of each row of the votes


@dataclass(frozen=True, eq=False)
class Bouts:
    """What each task says about each two models compared in it: U bouts, in order of the pair, then the task."""

    pair: Ints  # [U], low * K + high
    task: Ints
    votes: Floats
    won: Floats  # by the one whose name sorts first; a tie is half
    balance: Floats  # the sum of its ratings, positive in favour of that one
    day: Ints | None  # of the last vote


@dataclass(frozen=True, eq=False)
class Votes:
    """N rows as columns. Models, tasks and raters are numbers that index their names.

    `first` is model_a and `second` model_b, both int[N]; `on_left` tells where model_a stood, bool[N];
    `rating` is positive when model_a is better, int[N]; `unit` numbers what two raters can agree on (a
    task's turn and its two models), int[N]. A row is one vote, or `count` of them that are alike, int[N].
    `day` is when, as date.toordinal(), int[N]. `axes` hold int[N] with UNRATED where a vote has none,
    `styles` float[N], differences between the candidates of model_a and model_b. Integers may be of any
    size: a million rows of the smallest that fit are 20 MB.
    """

    models: tuple[str, ...]
    raters: tuple[str, ...]
    tasks: Sequence[object]  # only their number matters
    first: Ints
    second: Ints
    on_left: Bools
    rater: Ints
    task: Ints
    unit: Ints
    rating: Ints
    points: int | None = None
    axes: Mapping[str, Ints] = field(default_factory=dict)
    styles: Mapping[str, Floats] = field(default_factory=dict)
    count: Ints | None = None  # None: every row is one vote
    day: Ints | None = None  # None: nobody knows when

    def __len__(self) -> int:
        """How many rows, which is how many votes where nothing was counted together."""
        return len(self.rating)

    @property
    def number(self) -> int:
        """How many votes."""
        return len(self) if self.count is None else int(self.count.sum())

    @property
    def counts(self) -> Ints:
        """How many votes each row is, int[N]."""
        return np.ones(len(self), dtype=np.int64) if self.count is None else self.count

    @property
    def left(self) -> Ints:
        """The model shown on the left, int[N]."""
        return np.where(self.on_left, self.first, self.second)

    @property
    def right(self) -> Ints:
        return np.where(self.on_left, self.second, self.first)

    @property
    def for_left(self) -> Ints:
        """The rating, positive when the left one is better, int[N]."""
        return np.where(self.on_left, self.rating, -self.rating)

    @property
    def canonical(self) -> Ints:
        """The rating, positive when the model whose name sorts first is better: alike for all raters."""
        return np.where(self.first < self.second, self.rating, -self.rating)

    @cached_property
    def tally(self) -> Tally:
        """Cells without tasks and raters: few, however many votes there are."""
        models, ratings = len(self.models), 2 * MOST + 1
        kind = np.where(self.on_left, self.first, self.second).astype(np.int32)
        kind *= models
        kind += np.where(self.on_left, self.second, self.first)
        kind *= ratings
        kind += self.for_left + MOST
        counts = np.bincount(kind, self.count, models * models * ratings)
        kinds = np.flatnonzero(counts)
        numbers = np.zeros(len(counts), dtype=np.int32)
        numbers[kinds] = np.arange(len(kinds))
        pair = kinds // ratings
        return Tally(
            left=pair // models,
            right=pair % models,
            rating=kinds % ratings - MOST,
            count=counts[kinds].astype(np.float64),
            of_row=numbers[kind],
        )

    @cached_property
    def bouts(self) -> Bouts:
        """One for each task and two models."""
        models = len(self.models)
        pair = np.minimum(self.first, self.second).astype(np.int64) * models
        pair += np.maximum(self.first, self.second)
        order, begins = _grouped(pair * max(1, len(self.tasks)) + self.task)
        rows = order[begins]
        rating, counts = self.canonical[order], self.counts[order]
        return Bouts(
            pair=pair[rows],
            task=self.task[rows],
            votes=_sums(counts, begins),
            won=_sums((np.sign(rating) + 1) * counts, begins) / 2,
            balance=_sums(rating * counts, begins),
            day=None if self.day is None else np.maximum.reduceat(self.day[order], begins),
        )

    @property
    def levels(self) -> Ints:
        """Every value of the scale in order; of the values seen, when the scale is not known."""
        if self.points is None:
            return np.unique(np.concatenate([self.rating, -self.rating]))
        half = self.points // 2
        return np.array([value for value in range(-half, half + 1) if value or self.points % 2])

    def of_axis(self, axis: str) -> Votes:
        """The votes that rate this axis, with that rating in place of the overall one."""
        rated = self.axes[axis] != UNRATED
        return self._with(rated, self.axes[axis])

    def where(self, chosen: Bools) -> Votes:
        """Some of the votes; models, raters and tasks that are left without any are forgotten."""
        return self._with(chosen, self.rating)

    def _with(self, chosen: Bools, rating: Ints) -> Votes:
        if np.all(chosen):  # as on most axes: nothing is forgotten, so nothing is numbered anew
            return replace(self, rating=rating)
        pairs, both = numbered(np.concatenate([self.first[chosen], self.second[chosen]]))
        raters, rater = numbered(self.rater[chosen])
        tasks, task = numbered(self.task[chosen])
        count = len(rater)
        return Votes(
            models=tuple(self.models[each] for each in pairs.tolist()),
            raters=tuple(self.raters[each] for each in raters.tolist()),
            tasks=tuple(self.tasks[each] for each in tasks.tolist()),
            first=both[:count],
            second=both[count:],
            on_left=self.on_left[chosen],
            rater=rater,
            task=task,
            unit=numbered(self.unit[chosen])[1],
            rating=rating[chosen],
            points=self.points,
            axes={axis: values[chosen] for axis, values in self.axes.items()},
            styles={style: values[chosen] for style, values in self.styles.items()},
            count=None if self.count is None else self.count[chosen],
            day=None if self.day is None else self.day[chosen],
        )


def numbered(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys in order, and for each row the number of its key, int32[N]: np.unique without the sort.

    Keys of a database lie close together, so a table of those that occur is small and quick.
    """
    if not len(keys):
        return keys, np.zeros(0, dtype=np.int32)
    low = keys.min()
    span = int(keys.max()) - int(low) + 1
    if span > 16 * len(keys) + 1024:
        found, number = np.unique(keys, return_inverse=True)
        return found, number.astype(np.int32)
    # As a number of a few bits the difference might not fit.
    places = (keys if keys.itemsize > 2 else keys.astype(np.int32)) - low
    seen = np.zeros(span, dtype=bool)
    seen[places] = True
    numbers = np.cumsum(seen, dtype=np.int32) - 1
    return np.flatnonzero(seen) + low, numbers[places]


def from_rows(rows: Iterable[Vote], points: int | None = None) -> Votes:
    """Columns from rows. The order of models, raters and tasks is that of their names."""
    votes = list(rows)
    models, both = _numbered([*(vote.model_a for vote in votes), *(vote.model_b for vote in votes)])
    raters, rater = _numbered([vote.rater for vote in votes])
    tasks, task = _numbered([vote.task for vote in votes])
    first, second = both[: len(votes)], both[len(votes) :]
    low, high = np.minimum(first, second), np.maximum(first, second)
    units = zip(task.tolist(), (vote.turn for vote in votes), low.tolist(), high.tolist(), strict=True)
    return Votes(
        models=models,
        raters=raters,
        tasks=tasks,
        first=first,
        second=second,
        on_left=np.array([vote.side == "L" for vote in votes], dtype=bool),
        rater=rater,
        task=task,
        unit=_numbered(list(units))[1],
        rating=np.array([vote.rating for vote in votes], dtype=np.int64),
        points=points,
        axes=_axes(votes),
        styles=_styles(votes),
        count=_counts(votes),
        day=_days(votes),
    )


def _numbered(names: list[Any]) -> tuple[tuple[Any, ...], Ints]:
    """The different names in order, and for each the number of its name."""
    ordered = tuple(sorted(set(names)))
    index = {name: number for number, name in enumerate(ordered)}
    return ordered, np.array([index[name] for name in names], dtype=np.int64)


def _axes(votes: list[Vote]) -> dict[str, Ints]:
    names = sorted({name for vote in votes for name in vote.axes})
    return {
        name: np.array([vote.axes.get(name, UNRATED) for vote in votes], dtype=np.int64) for name in names
    }


def _styles(votes: list[Vote]) -> dict[str, Floats]:
    """Those that every vote tells: a missing one cannot be told from none."""
    told = set.intersection(*(set(vote.styles) for vote in votes)) if votes else set()
    return {style: np.array([vote.styles[style] for vote in votes]) for style in sorted(told)}


def _counts(votes: list[Vote]) -> Ints | None:
    counts = np.array([vote.count for vote in votes], dtype=np.int64)
    return counts if (counts != 1).any() else None


def _days(votes: list[Vote]) -> Ints | None:
    """Of all votes or of none: half a calendar would show half a path."""
    days = [vote.day.toordinal() for vote in votes if vote.day]
    return np.array(days, dtype=np.int64) if days and len(days) == len(votes) else None


def _grouped(key: Ints) -> tuple[Ints, Ints]:
    """Rows in order of their key, and where in that order each new key begins."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    return order, np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))


def _sums(values: Ints, begins: Ints) -> Floats:
    return np.add.reduceat(values, begins).astype(np.float64)
