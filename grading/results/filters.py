"""Which preferences a result counts: read from the address, written back in one form of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from tasks.models import Category, Experiment

#: From this many tasks on a rater is practised in an experiment.
PRACTISED = 5
RATERS = {
    "lead": "leads",
    "second": "second readers",
    "new": f"in their first {PRACTISED} tasks",
    "practised": f"after their first {PRACTISED} tasks",
}


@dataclass(frozen=True)
class Filters:
    """Each is "" for any. Only values that the experiment has are ever kept."""

    language: str = ""
    repository: str = ""
    category: str = ""
    raters: str = ""
    turn: str = ""
    since: str = ""
    until: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def query(self) -> str:
        """The same filters are the same text, whatever order they came in."""
        return urlencode(self.chosen)

    @property
    def words(self) -> str:
        """What counts, for a person."""
        said = [
            self.language or "all languages",
            f"category {self.category}" if self.category else "all categories",
        ]
        said += [self.repository] if self.repository else []
        said += [RATERS[self.raters]] if self.raters else []
        said += [f"turn {self.turn}" if self.turn else "all turns"]
        said += [f"from {self.since}"] if self.since else []
        said += [f"until {self.until}"] if self.until else []
        return ", ".join(said)

    def votes(self) -> Q:
        """The condition on rows of Vote."""
        condition = Q()
        for name in ("language", "repository", "category", "turn"):
            if value := getattr(self, name):
                condition &= Q(**{name: value})
        if self.since:
            condition &= Q(submitted_on__gte=self.since)
        if self.until:
            condition &= Q(submitted_on__lte=self.until)
        return condition & _of_raters(self.raters)


def _of_raters(raters: str) -> Q:
    return {
        "": Q(),
        "lead": Q(seat=0),
        "second": ~Q(seat=0) | Q(seat=None),
        "new": Q(nth__lte=PRACTISED),
        "practised": Q(nth__gt=PRACTISED),
    }[raters]


@dataclass(frozen=True)
class Choice:
    """One select of the page."""

    name: str
    label: str
    values: list[tuple[str, str]]
    value: str


def choices(experiment: Experiment) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen, by the filter's name: value and words. Two queries at most."""
    scenarios = experiment.scenarios.order_by()
    found = scenarios.values_list("repository__language", "repository__name", "category").distinct()
    rows = list(found)
    languages, repositories, categories = (sorted({row[place] for row in rows} - {""}) for place in range(3))
    return {
        "language": [(each, each) for each in languages],
        "repository": [(each, each) for each in repositories],
        "category": [(each, Category(each).value) for each in categories],
        "raters": list(RATERS.items()),
        "turn": [(str(number), str(number)) for number in range(1, experiment.turns_wanted + 1)],
    }


def read(asked: Mapping[str, Any], offered: Mapping[str, list[tuple[str, str]]]) -> Filters:
    """What is asked for and exists. Anything else is left out, so nobody fills the store with nonsense."""
    kept = {}
    for field in fields(Filters):
        value = str(asked.get(field.name, "")).strip()
        if field.name in offered:
            kept[field.name] = value if value in {each for each, _ in offered[field.name]} else ""
        else:
            kept[field.name] = _day(value)
    return Filters(**kept)


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return ""


def selects(filters: Filters, offered: Mapping[str, list[tuple[str, str]]]) -> list[Choice]:
    labels = {
        "language": "Language",
        "repository": "Repository",
        "category": "Category",
        "raters": "Raters",
        "turn": "Turn",
    }
    return [
        Choice(name, label, offered[name], getattr(filters, name))
        for name, label in labels.items()
        # One value is no choice.
        if len(offered[name]) > 1 or getattr(filters, name)
    ]
