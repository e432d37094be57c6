"""Reads preferences from a file, ours or anybody's, into arrays; a row that makes no sense is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

#: In an axis: this vote has no rating on it.
UNRATED = -128
SCALES = (7, 8)
PLAIN = ("rater", "task", "model_a", "model_b", "side", "rating")
#: How much more of something the candidate of model_a has; where records tell it.
STYLES = ("changed_lines", "files", "tests", "message_length")


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
    tasks: tuple[str, ...]
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
        pairs, both = np.unique(
            np.concatenate([self.first[chosen], self.second[chosen]]), return_inverse=True
        )
        raters, rater = np.unique(self.rater[chosen], return_inverse=True)
        tasks, task = np.unique(self.task[chosen], return_inverse=True)
        count = len(rater)
        return Votes(
            models=tuple(self.models[each] for each in pairs),
            raters=tuple(self.raters[each] for each in raters),
            tasks=tuple(self.tasks[each] for each in tasks),
            first=both[:count],
            second=both[count:],
            on_left=self.on_left[chosen],
            rater=rater,
            task=task,
            unit=np.unique(self.unit[chosen], return_inverse=True)[1],
            rating=rating[chosen],
            points=self.points,
            axes={axis: values[chosen] for axis, values in self.axes.items()},
            styles={style: values[chosen] for style, values in self.styles.items()},
            count=None if self.count is None else self.count[chosen],
            day=None if self.day is None else self.day[chosen],
        )


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


def read(path: Path, points: int | None = None) -> Votes:
    """The votes of our preferences.jsonl, our preferences.csv, or a plain CSV with the columns of PLAIN.

    `points` is the length of the scale, 7 or 8, for files that do not tell. Raises BadVotes with the line
    and the reason, OSError when the file cannot be opened.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows, told = _rows(file)
    except UnicodeDecodeError:
        raise BadVotes("The file is not text in UTF-8.") from None
    return from_rows((vote for _, vote in rows), _scale(rows, told, points))


Numbered: TypeAlias = tuple[int, Vote]


def _rows(lines: Iterable[str]) -> tuple[list[Numbered], int | None]:
    """Every vote with its line, and the length of the scale where the file tells it."""
    lines = iter(lines)
    opening = []
    for text in lines:
        opening.append(text)  # blank ones too, so that the numbers of the lines stay true
        if text.strip():
            break
    else:
        return [], None
    everything = chain(opening, lines)
    is_json = opening[-1].lstrip().startswith("{")
    rows: list[Numbered] = []
    seen: dict[str, int] = {}
    told = None
    for line, vote, name, scale in _from_json(everything) if is_json else _from_csv(everything):
        if name and seen.setdefault(name, line) != line:
            raise BadVotes(f"Line {line} repeats the preference of line {seen[name]}.")
        if rows and scale != told:
            raise BadVotes(f"Line {line} is on another scale ({scale} points) than those before ({told}).")
        told = scale
        rows.append((line, vote))
    return rows, told


Parsed: TypeAlias = tuple[int, Vote, str, int | None]


def _from_json(lines: Iterable[str]) -> Iterator[Parsed]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _of_record(number, line)


def _of_record(number: int, line: str) -> Parsed:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadVotes(f"Line {number} is not JSON.") from None
    if not isinstance(record, dict):
        raise BadVotes(f"Line {number} is not a record.")
    rubric, axes = record.get("rubric") or {}, record.get("axes") or {}
    if not isinstance(rubric, dict) or not isinstance(axes, dict):
        raise BadVotes(f"Line {number} has a rubric or axes that are not objects.")
    turn = (record.get("turn"), record.get("attempt"))
    vote = _checked(number, record, str(turn), axes, _styles_of(record))
    return number, vote, str(record.get("preference") or ""), _points(number, rubric.get("points"))


def _from_csv(lines: Iterable[str]) -> Iterator[Parsed]:
    table = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        for row in table:
            if row and not header:
                header = _header(row)
            elif row:
                yield _of_row(table.line_num, header, row)
    except csv.Error as why:
        raise BadVotes(f"Line {table.line_num} is not CSV: {why}.") from None


def _header(row: list[str]) -> list[str]:
    header = [name.strip() for name in row]
    missing = [name for name in PLAIN if name not in header]
    if missing:
        raise BadVotes(f"The first line names no column {', '.join(missing)}.")
    if len(set(header)) != len(header):
        raise BadVotes("The first line names a column twice.")
    return header


def _of_row(number: int, header: list[str], row: list[str]) -> Parsed:
    if len(row) != len(header):
        raise BadVotes(f"Line {number} has {len(row)} cells where the first line has {len(header)}.")
    ours = "preference" in header and "points" in header
    record: dict[str, Any] = dict(zip(header, map(_unquoted, row) if ours else row, strict=True))
    # In our own table the axes stand between the rating and the length of the scale.
    names = header[header.index("rating") + 1 : header.index("points")] if ours else []
    axes = {name: _whole(record[name]) for name in names if record[name] != ""}
    turn = (record.get("turn", ""), record.get("attempt", ""))
    vote = _checked(number, record | {"rating": _whole(record["rating"])}, str(turn), axes, {})
    points = _points(number, _whole(record["points"])) if record.get("points") else None
    return number, vote, record["preference"] if ours else "", points


def _unquoted(cell: str) -> str:
    """Our tables put an apostrophe before what a spreadsheet would run."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r", "\0") else cell


def _whole(cell: str) -> int | str:
    """A whole number, or the cell itself for the sentence that refuses it."""
    text = cell.strip()
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 9 else cell


def _checked(
    number: int, record: Mapping[str, Any], turn: str, axes: Mapping[str, Any], styles: Mapping[str, float]
) -> Vote:
    texts = {name: _text(number, record, name) for name in PLAIN[:5]}
    if texts["model_a"] == texts["model_b"]:
        raise BadVotes(f"Line {number} compares {texts['model_a']} with itself.")
    if texts["side"] not in ("L", "R"):
        raise BadVotes(f"Line {number} has the side {texts['side']!r}, which is neither L nor R.")
    rating = _rating(number, "rating", record.get("rating"))
    rated = {name: _rating(number, name, value) for name, value in axes.items() if value is not None}
    return Vote(
        rater=texts["rater"],
        task=texts["task"],
        model_a=texts["model_a"],
        model_b=texts["model_b"],
        side=texts["side"],
        rating=rating,
        turn=turn,
        axes=rated,
        styles=styles,
    )


def _text(number: int, record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadVotes(f"Line {number} has no {name}.")
    return value.strip()


def _rating(number: int, name: str, value: object) -> int:
    if type(value) is not int:
        raise BadVotes(f"Line {number} has the {name} {value!r}, which is not a whole number.")
    if abs(value) > 4:
        raise BadVotes(f"Line {number} has the {name} {value}, which is on no scale we know.")
    return value


def _points(number: int, value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or value not in SCALES:
        raise BadVotes(f"Line {number} names a scale of {value!r} points; we know 7 and 8.")
    return value


def _styles_of(record: Mapping[str, Any]) -> dict[str, float]:
    """On a logarithmic scale: twice as long is the same step for short and long patches."""
    first, second = record.get("candidate_a"), record.get("candidate_b")
    if not isinstance(first, dict) or not isinstance(second, dict):
        return {}
    both = zip(_sizes(first), _sizes(second), strict=True)
    return {
        style: float(np.log1p(one) - np.log1p(other))
        for style, (one, other) in zip(STYLES, both, strict=True)
        if one is not None and other is not None
    }


def _sizes(candidate: Mapping[str, Any]) -> list[int | None]:
    """One for each of STYLES; None where the candidate does not tell."""
    evidence = candidate.get("evidence")
    added, removed = _size(candidate.get("added")), _size(candidate.get("removed"))
    message = candidate.get("final_message")
    return [
        added + removed if added is not None and removed is not None else None,
        _size(candidate.get("files")),
        _size(evidence.get("ran")) if isinstance(evidence, dict) else None,
        len(message) if isinstance(message, str) else None,
    ]


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _scale(rows: list[Numbered], told: int | None, asked: int | None) -> int | None:
    """How many points the ratings were given on. Raises BadVotes when nobody knows."""
    if told and asked and told != asked:
        raise BadVotes(f"The file says that its scale has {told} points, not {asked}.")
    points = told or asked or _guessed(rows)
    if rows and points is None:
        raise BadVotes("No rating tells whether the scale has 7 or 8 points: say which with --points.")
    for line, vote in rows:
        for value in (vote.rating, *vote.axes.values()):
            if (value == 0 and points == 8) or (abs(value) == 4 and points == 7):
                raise BadVotes(f"Line {line} has the rating {value}, which a scale of {points} points lacks.")
    return points


def _guessed(rows: list[Numbered]) -> int | None:
    """Zero is only on the seven points, four only on the eight."""
    for _, vote in rows:
        for value in (vote.rating, *vote.axes.values()):
            if value == 0 or abs(value) == 4:
                return 8 if value else 7
    return None


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
    return {
        style: np.array([vote.styles[style] for vote in votes])
        for style in STYLES
        if votes and all(style in vote.styles for vote in votes)
    }


def _counts(votes: list[Vote]) -> Ints | None:
    counts = np.array([vote.count for vote in votes], dtype=np.int64)
    return counts if (counts != 1).any() else None


def _days(votes: list[Vote]) -> Ints | None:
    """Of all votes or of none: half a calendar would show half a path."""
    days = [vote.day.toordinal() for vote in votes if vote.day]
    return np.array(days, dtype=np.int64) if days and len(days) == len(votes) else None
