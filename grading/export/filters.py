"""Which accepted preferences of an experiment are wanted, and why each other one is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, CharField, Exists, F, Max, Q, QuerySet, Value, When
from django.http import QueryDict

from grading.checks import Refused
from grading.models import Assignment, Gold, Judgement, Preference
from tasks.models import Category, Experiment, Scenario

UTC = ZoneInfo("UTC")
WRITTEN = "written"
#: Accepted between completing the judgements and freezing the list: the next export has it.
TOO_LATE = "accepted while the list was being frozen"


@dataclass(frozen=True)
class Filters:
    """Empty means all. Days are those of UTC, the last one included."""

    languages: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()
    since: date | None = None
    until: date | None = None
    #: Kinds of tasks with a known answer that are wanted, too: by themselves those are no preferences.
    known: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Only what was chosen."""
        found = {name: value for name, value in asdict(self).items() if value}
        return {
            name: value.isoformat() if isinstance(value, date) else list(value)
            for name, value in found.items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Filters:
        def day(name: str) -> date | None:
            return date.fromisoformat(stored[name]) if stored.get(name) else None

        return cls(
            languages=tuple(stored.get("languages", ())),
            repositories=tuple(stored.get("repositories", ())),
            categories=tuple(stored.get("categories", ())),
            turns=tuple(stored.get("turns", ())),
            since=day("since"),
            until=day("until"),
            known=tuple(stored.get("known", ())),
        )

    def sentences(self) -> list[str]:
        """For the page and the data set card."""
        said = [
            f"{name}: {', '.join(map(str, values))}"
            for name, values in (
                ("Language", self.languages),
                ("Repository", self.repositories),
                ("Category", self.categories),
                ("Turn", self.turns),
            )
            if values
        ]
        said += [f"Also {kind}: tasks whose answer is known" for kind in self.known]
        if self.since:
            said.append(f"Handed in from {self.since.isoformat()}")
        if self.until:
            said.append(f"Handed in until {self.until.isoformat()}")
        return said


@dataclass(frozen=True)
class Offer:
    """What the form can offer for an experiment."""

    languages: Sequence[str]
    repositories: Sequence[str]
    categories: Sequence[str]
    turns: Sequence[int]


def offer(experiment: Experiment | None) -> Offer:
    """What its tasks hold; without an experiment, what there is in any."""
    scenarios = Scenario.objects.filter(tasks__isnull=False)
    if experiment:
        scenarios = scenarios.filter(tasks__experiment=experiment)

    def values(field: str) -> list[str]:
        found = scenarios.exclude(**{field: ""}).order_by(field).values_list(field, flat=True).distinct()
        return [str(value) for value in found]

    return Offer(
        languages=values("repository__language"),
        repositories=values("repository__name"),
        categories=values("category"),
        turns=range(1, (experiment.turns_wanted if experiment else _most_turns()) + 1),
    )


def _most_turns() -> int:
    most = Experiment.objects.aggregate(most=Max("turns_wanted"))["most"]
    return int(most or 1)


def read(posted: QueryDict) -> Filters:
    """What a form chose. Raises Refused for what cannot be."""
    categories = tuple(posted.getlist("categories"))
    if not set(categories) <= set(Category.values):
        raise Refused("Choose categories from the list.", field="categories")
    since, until = _day(posted, "since"), _day(posted, "until")
    if since and until and since > until:
        raise Refused("The last day is before the first.", field="until")
    known = tuple(sorted(set(posted.getlist("known"))))
    if not set(known) <= set(Gold.Kind.values):
        raise Refused("A known answer is gold or practice.", field="known")
    return Filters(
        languages=_words(posted, "languages"),
        repositories=_words(posted, "repositories"),
        categories=categories,
        turns=_turns(posted),
        since=since,
        until=until,
        known=known,
    )


def told_apart(experiment: Experiment, filters: Filters) -> QuerySet[Preference, dict[str, Any]]:
    """Every preference of the experiment with its `verdict`: written, or the first reason to leave it out.

    The verdict is made in the database, so that one statement can count and freeze the same moment.
    """
    judged = Judgement.objects.filter(revision=F("preference__locked_revision")).values("preference")
    known = Gold.objects.measuring("pair__assignment")
    first, last = _bounds(filters)
    verdict = Case(
        When(state=Preference.State.DRAFT, then=Value("not handed in")),
        *(
            When(pair__assignment__state=state, then=Value(f"not accepted: {label.lower()}"))
            for state, label in Assignment.State.choices
            if state != Assignment.State.ACCEPTED
        ),
        *(
            When(Exists(known.filter(kind=kind)), then=Value(f"known answer: {kind}"))
            for kind in Gold.Kind.values
            if kind not in filters.known
        ),
        *(When(~wanted, then=Value(f"filtered: {name}")) for name, wanted in _wanted(filters, first, last)),
        When(~Q(pk__in=judged), then=Value(TOO_LATE)),
        default=Value(WRITTEN),
        output_field=CharField(),
    )
    mine = Preference.objects.filter(pair__assignment__task__experiment=experiment)
    return mine.annotate(verdict=verdict).values("pk", "locked_revision_id", "public_id", "verdict")


def _wanted(filters: Filters, first: datetime | None, last: datetime | None) -> list[tuple[str, Q]]:
    scenario = "pair__assignment__task__scenario__"
    found = [
        ("language", Q(**{f"{scenario}repository__language__in": filters.languages}), filters.languages),
        ("repository", Q(**{f"{scenario}repository__name__in": filters.repositories}), filters.repositories),
        ("category", Q(**{f"{scenario}category__in": filters.categories}), filters.categories),
        ("turn", Q(pair__turn__number__in=filters.turns), filters.turns),
        ("date", Q(pair__assignment__submitted_at__gte=first), first),
        ("date", Q(pair__assignment__submitted_at__lt=last), last),
    ]
    return [(name, wanted) for name, wanted, is_chosen in found if is_chosen]


def _bounds(filters: Filters) -> tuple[datetime | None, datetime | None]:
    """From the beginning of the first day to the end of the last."""
    first = datetime.combine(filters.since, time.min, UTC) if filters.since else None
    last = datetime.combine(filters.until, time.min, UTC) + timedelta(days=1) if filters.until else None
    return first, last


def _words(posted: QueryDict, name: str) -> tuple[str, ...]:
    return tuple(sorted({str(value).replace("\0", "") for value in posted.getlist(name)} - {""}))


def _turns(posted: QueryDict) -> tuple[int, ...]:
    turns = {str(value) for value in posted.getlist("turns")}
    if not all(turn.isascii() and turn.isdigit() and len(turn) < 5 for turn in turns):
        raise Refused("A turn is a number.", field="turns")
    return tuple(sorted(int(turn) for turn in turns))


def _day(posted: QueryDict, name: str) -> date | None:
    text = str(posted.get(name, "")).strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("A day is written like 2026-11-23.", field=name) from None
