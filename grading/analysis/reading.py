"""Reads preferences from a file, ours or anybody's; a row that makes no sense is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from grading.analysis.styles import differences
from grading.analysis.votes import SCALES, BadVotes, Vote, Votes, from_rows

PLAIN = ("rater", "task", "model_a", "model_b", "side", "rating")


def read(path: Path, points: int | None = None) -> Votes:
    """The votes of our preferences.jsonl, our preferences.csv, or a plain CSV with the columns of PLAIN.

    A CSV may add `turn` and `submitted_at`, an ISO 8601 date or time.
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
            yield from _of_record(number, line)


def _of_record(number: int, line: str) -> Iterator[Parsed]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadVotes(f"Line {number} is not JSON.") from None
    if not isinstance(record, dict):
        raise BadVotes(f"Line {number} is not a record.")
    if _is_known(record):
        return
    rubric, axes = record.get("rubric") or {}, record.get("axes") or {}
    if not isinstance(rubric, dict) or not isinstance(axes, dict):
        raise BadVotes(f"Line {number} has a rubric or axes that are not objects.")
    turn = (record.get("turn"), record.get("attempt"))
    styles = differences(record.get("candidate_a"), record.get("candidate_b"))
    vote = _checked(number, record, str(turn), axes, styles)
    yield number, vote, str(record.get("preference") or ""), _points(number, rubric.get("points"))


def _from_csv(lines: Iterable[str]) -> Iterator[Parsed]:
    table = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        for row in table:
            if row and not header:
                header = _header(row)
            elif row:
                yield from _of_row(table.line_num, header, row)
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


def _of_row(number: int, header: list[str], row: list[str]) -> Iterator[Parsed]:
    if len(row) != len(header):
        raise BadVotes(f"Line {number} has {len(row)} cells where the first line has {len(header)}.")
    ours = "preference" in header and "points" in header
    record: dict[str, Any] = dict(zip(header, map(_unquoted, row) if ours else row, strict=True))
    if ours and _is_known(record):
        return
    # In our own table the axes stand between the rating and the length of the scale.
    names = header[header.index("rating") + 1 : header.index("points")] if ours else []
    axes = {name: _whole(record[name]) for name in names if record[name] != ""}
    turn = (record.get("turn", ""), record.get("attempt", ""))
    vote = _checked(number, record | {"rating": _whole(record["rating"])}, str(turn), axes, {})
    points = _points(number, _whole(record["points"])) if record.get("points") else None
    yield number, vote, record["preference"] if ours else "", points


def _is_known(record: Mapping[str, Any]) -> bool:
    """An answer to a task whose answer was known, which an export holds when asked to: no preference."""
    return any(record.get(name) in (True, "True") for name in ("is_gold", "is_practice"))


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
        day=_day(number, record),
    )


def _day(number: int, record: Mapping[str, Any]) -> date | None:
    value = record.get("submitted_at") or None
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise BadVotes(f"Line {number} was submitted at {value!r}, which is no ISO 8601 time.") from None


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
