"""Rubrics are data: those that come with Marlin, and the versions that an admin writes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from marlin.events import record
from marlin.models import User
from tasks.models import Axis, Experiment, Need, Rubric

_FILE = Path(__file__).with_name("rubrics.toml")

MOST_AXES = 30
MOST_WORDS = 1_000
#: Names that the rating form sends for something else.
RESERVED = frozenset(
    {
        "overall",
        "key_axis",
        "justification",
        "tab",
        "sequence",
        "revision",
        "csrfmiddlewaretoken",
        *(f"{side}_{kind}" for side in "ab" for kind in ("strengths", "weaknesses")),
    }
)
#: How long each part of an axis may be.
LONGEST = {"name": 60, "question": 200, "help": 2_000}
NUMBERS = ("least_words", "strengths_words", "weaknesses_words")
NEEDS = ("justification", "strengths", "weaknesses")
_NAME = re.compile(r"[\w][\w .-]{0,59}")


def shipped_names() -> list[str]:
    return [str(rubric["name"]) for rubric in _shipped()]


def not_there() -> list[str]:
    """Those that come with Marlin and that nobody has added yet."""
    there = set(Rubric.objects.filter(version=1).values_list("name", flat=True))
    return [name for name in shipped_names() if name not in there]


@transaction.atomic
def shipped(name: str = "default") -> Rubric:
    """Version 1 of a rubric that comes with Marlin, made when it is not there. Raises KeyError."""
    found = {str(rubric["name"]): rubric for rubric in _shipped()}[name]
    rubric, is_new = Rubric.objects.get_or_create(
        name=name, version=1, defaults={"points": found["points"], "least_words": found["least_words"]}
    )
    if is_new:
        Axis.objects.bulk_create(
            Axis(rubric=rubric, position=position, **axis) for position, axis in enumerate(found["axes"])
        )
    return rubric


def _shipped() -> list[dict]:  # type: ignore[type-arg]  # as TOML gives it
    return list(tomllib.loads(_FILE.read_text(encoding="utf-8"))["rubrics"])


# --- Writing one ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AxisRow:
    """One axis as it was typed. `key` stays when the name changes, so that answers stay comparable."""

    position: str
    key: str
    name: str
    question: str
    help: str

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.question or self.help)


@dataclass
class Draft:
    """What stands in the editor, as it was typed, with what is wrong with it by field."""

    name: str = ""
    points: str = "8"
    may_skip: bool = False
    least_words: str = "10"
    justification: str = Need.ALWAYS
    strengths: str = Need.OPTIONAL
    strengths_words: str = "0"
    weaknesses: str = Need.OPTIONAL
    weaknesses_words: str = "0"
    axes: list[AxisRow] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The columns of a rubric; what makes no sense falls back, so that a preview can always be drawn."""
        fields: dict[str, Any] = {
            "points": 7 if self.points == "7" else 8,
            "may_skip": self.may_skip,
            **{name: _whole(getattr(self, name)) or 0 for name in NUMBERS},
        }
        for name in NEEDS:
            need = getattr(self, name)
            fields[name] = need if need in Need.values else Need.OPTIONAL
        return fields

    def written_axes(self) -> list[Axis]:
        """Without the empty rows, in the order of their numbers."""
        rows = sorted(
            (row for row in self.axes if not row.is_empty), key=lambda row: _whole(row.position) or 0
        )
        return [
            Axis(key=key, name=row.name, question=row.question, help=row.help, position=position)
            for position, (key, row) in enumerate(_keyed(rows))
        ]


def _keyed(rows: list[AxisRow]) -> Iterator[tuple[str, AxisRow]]:
    """Each with a key that no other has, and that the form does not use for something else."""
    taken = set(RESERVED)
    for row in rows:
        wanted = row.key or slugify(row.name)[:36] or "axis"
        key, number = wanted, 2
        while key in taken:
            key, number = f"{wanted[:36]}-{number}", number + 1
        taken.add(key)
        yield key, row


def draft_of(rubric: Rubric) -> Draft:
    """A version as the editor shows it."""
    rows = [
        AxisRow(str(number), axis.key, axis.name, axis.question, axis.help)
        for number, axis in enumerate(rubric.axes.order_by("position"), 1)
    ]
    draft = Draft(name=rubric.name, may_skip=rubric.may_skip, axes=rows)
    for name in ("points", *NUMBERS, *NEEDS):
        setattr(draft, name, str(getattr(rubric, name)))
    return draft


def read(posted: Mapping[str, Any], base: Rubric | None) -> Draft:
    """What a form posted; everything typed is kept, and `errors` says what is wrong."""
    draft = Draft(name=base.name if base else " ".join(_text(posted, "name").split()))
    for name in ("points", *NUMBERS, *NEEDS):
        setattr(draft, name, _text(posted, name).strip()[:20])
    draft.may_skip = "may_skip" in posted
    draft.axes = _rows(posted)
    draft.errors = dict(_faults(draft, base))
    return draft


def _rows(posted: Mapping[str, Any]) -> list[AxisRow]:
    columns = [
        [str(word).replace("\0", "").strip() for word in _list(posted, f"axis_{name}")]
        for name in ("position", "key", "name", "question", "help")
    ]
    # A row that somebody cut out of the page is short of some; it is filled with nothing.
    length = min(MOST_AXES + 1, max(map(len, columns), default=0))
    padded = [column + [""] * (length - len(column)) for column in columns]
    return [AxisRow(*(column[number] for column in padded)) for number in range(length)]


def _list(posted: Mapping[str, Any], name: str) -> list[Any]:
    getlist = getattr(posted, "getlist", None)
    return list(getlist(name)) if getlist else list(posted.get(name, []))


def _faults(draft: Draft, base: Rubric | None) -> Iterator[tuple[str, str]]:
    if base is None:
        if not _NAME.fullmatch(draft.name):
            yield "name", "A name of letters, digits, blanks, dots and hyphens, at most 60."
        elif Rubric.objects.filter(name__iexact=draft.name).exists():
            yield "name", "There is a rubric of this name; edit that one, or take another name."
    if draft.points not in ("7", "8"):
        yield "points", "Choose 7 points with a middle, or 8 without."
    for name in NUMBERS:
        number = _whole(getattr(draft, name))
        if number is None or number > MOST_WORDS:
            yield name, f"Write a number of words, 0 to {MOST_WORDS:,}."
    for name in NEEDS:
        if getattr(draft, name) not in Need.values or (
            name == "justification" and draft.justification == "hidden"
        ):
            yield name, "Choose when it is needed."
    yield from _axis_faults([row for row in draft.axes if not row.is_empty])


def _axis_faults(rows: list[AxisRow]) -> Iterator[tuple[str, str]]:
    if not rows:
        yield "axes", "A rubric asks about one axis at least."
    if len(rows) > MOST_AXES:
        yield "axes", f"At most {MOST_AXES} axes."
    names = [row.name.casefold() for row in rows]
    for number, row in enumerate(rows, 1):
        called = f"“{row.name}”" if row.name else f"Axis {number}"
        if not row.name:
            yield "axes", f"Axis {number} has no name. Name it, or empty the whole row to leave it out."
        elif not row.question:
            yield "axes", f"{called} has no question: what should the rater ask themselves?"
        elif names.count(row.name.casefold()) > 1:
            yield "axes", f"{called} is there twice."
        for part, longest in LONGEST.items():
            if len(getattr(row, part)) > longest:
                yield "axes", f"The {part} of {called} is longer than {longest:,} letters."
        if _whole(row.position) is None:
            yield "axes", f"{called} needs a whole number for its place."


def _text(posted: Mapping[str, Any], name: str) -> str:
    return str(posted.get(name, "")).replace("\0", "")


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def is_fixed(rubric: Rubric) -> bool:
    """Used, or shipped: an edit makes a new version, and this one stays as it was answered."""
    used = Experiment.objects.filter(rubric=rubric).exclude(state=Experiment.State.DRAFT)
    return used.exists() or (rubric.version == 1 and rubric.name in shipped_names())


@transaction.atomic
def write(draft: Draft, base: Rubric | None, *, by: User) -> Rubric:
    """A new rubric, a new version of a fixed one, or the old one changed. Needs a draft without errors."""
    axes = draft.written_axes()
    if base is None:
        rubric = Rubric.objects.create(name=draft.name, version=1, **draft.fields())
    else:
        # All versions of a name wait here, so that two who edit at once get two numbers.
        versions = Rubric.objects.select_for_update().filter(name=base.name).order_by("pk")
        base = next(one for one in list(versions) if one.pk == base.pk)
        if _says_the_same(base, draft.fields(), axes):
            return base
        rubric = _next_version(base) if is_fixed(base) else base
        for name, value in draft.fields().items():
            setattr(rubric, name, value)
        rubric.save()
        rubric.axes.all().delete()
    for axis in axes:
        axis.rubric = rubric
    Axis.objects.bulk_create(axes)
    record("rubric.written", rubric, by=by, rubric=rubric.name, version=rubric.version)
    return rubric


def _next_version(base: Rubric) -> Rubric:
    newest = Rubric.objects.filter(name=base.name).aggregate(newest=Max("version"))["newest"]
    return Rubric(name=base.name, version=newest + 1)


def _says_the_same(rubric: Rubric, fields: Mapping[str, Any], axes: list[Axis]) -> bool:
    parts = ("key", "name", "question", "help")
    now = [tuple(getattr(axis, part) for part in parts) for axis in rubric.axes.order_by("position")]
    wanted = [tuple(getattr(axis, part) for part in parts) for axis in axes]
    return now == wanted and all(getattr(rubric, name) == value for name, value in fields.items())
