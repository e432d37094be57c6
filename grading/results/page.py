"""From stored findings to what the templates show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from grading.models import Assignment, Result
from grading.results import asking, masks, sentences
from grading.results.behind import Listed, Narrowed, Row, Whole
from grading.results.charts import Chart, charts
from grading.results.look import Look, look_at
from tasks.models import Experiment

#: Parameters of the address that change how one looks, and nothing that is counted.
VIEW = ("reference", "arm", "arms")


@dataclass(frozen=True)
class Experimental:
    """One row of the list of experiments."""

    experiment: Experiment
    accepted: int
    verdict: sentences.Verdict | None
    result: Result | None


@dataclass(frozen=True)
class Named:
    """A record of the list with its arms called by the names that this reader sees."""

    row: Row
    says: str
    left: str


def overview() -> QuerySet[Experiment]:
    """Every experiment that has begun, with how much is `accepted` in it and its `newest` result."""
    newest = (
        Result.objects.filter(experiment=OuterRef("pk"), query="", state=Result.State.READY)
        .order_by("-computed_at")
        .values("pk")[:1]
    )
    done = Assignment.objects.filter(asking.counted(), task__experiment=OuterRef("pk")).order_by()
    counted = done.values("task__experiment").annotate(n=Count("pk")).values("n")
    return asking.with_results().annotate(accepted=Coalesce(Subquery(counted), 0), newest=Subquery(newest))


def with_verdicts(experiments: Sequence[Any]) -> list[Experimental]:
    """Some of the overview with their newest verdicts, masked. A constant number of queries."""
    results = Result.objects.in_bulk([each.newest for each in experiments if each.newest])
    return [
        Experimental(each, each.accepted, _verdict(results.get(each.newest)), results.get(each.newest))
        for each in experiments
    ]


def _verdict(result: Result | None) -> sentences.Verdict | None:
    if result is None:
        return None
    return sentences.verdict(look_at(result.found, masks.masked(list(result.found["arms"]))))


def axes_of(experiment: Experiment) -> dict[str, str]:
    return dict(experiment.rubric.axes.order_by("position").values_list("key", "name"))


def look(
    result: Result,
    names: Mapping[int, str],
    asked: Mapping[str, Any],
    *,
    records: str,
    filters: Mapping[str, str] | None = None,
) -> Look:
    return look_at(
        result.found,
        names,
        reference=_number(asked.get("reference")),
        arm=_number(asked.get("arm")),
        records=records,
        filters=filters,
    )


def kept(asked: Mapping[str, Any]) -> dict[str, str]:
    """What of the address says how to look: the form of the filters carries it on."""
    return {name: str(asked[name]) for name in VIEW if asked.get(name)}


def chart(look: Look, key: str) -> Chart | None:
    return charts(look).get(key)


def context(look: Look) -> dict[str, Any]:
    """The verdict, the charts, and the two arms to choose."""
    drawn = charts(look)
    return {
        "verdict": sentences.verdict(look),
        "charts": drawn,
        "figures": _figures(look),
        "plans": [
            (points, f"{count:,} tasks", sentences.cost(look, count)) for points, count in look.found["plans"]
        ],
        "notes": _notes(look),
        "arms": [(arm, look.name(arm)) for arm in look.arms],
        "reference": look.reference,
        "arm": look.arm,
        "versus": urlencode({"reference": look.reference, "arm": look.arm}),
        "stay": bool(look.records),
    }


def _figures(look: Look) -> list[tuple[str, str]]:
    counts, agreement = look.found["counts"], look.found["agreement"]
    alpha = "–" if isinstance(agreement, str) else f"{agreement['value']:.2f}".replace("-", "−")
    return [
        ("Preferences", f"{counts['votes']:,}"),
        ("Tasks", f"{counts['tasks']:,}"),
        ("Raters", f"{counts['raters']:,}"),
        ("Agreement, α", alpha),
    ]


def _notes(look: Look) -> list[str]:
    """What a reader must know before quoting a number."""
    fit = look.found["overall"]["fit"]
    notes = []
    if isinstance(fit, dict) and any("only" in note for note in fit["notes"]):
        notes.append(
            "There are few tasks or raters: intervals use Student's quantile, and are wide for a reason."
        )
    if (why := sentences.disconnected(look)) and look.found["counts"]["votes"]:
        notes.append(f"{why}. Ratings across that gap cannot be compared.")
    return notes


def named(rows: Iterable[Row], names: Mapping[int, str]) -> list[Named]:
    def name(arm: int | None) -> str:
        return names.get(arm or 0, f"Arm {arm}")

    return [
        Named(
            row,
            f"{name(row.better)} over {name(row.worse)}, {row.strength}"
            if row.strength
            else f"{name(row.better)} and {name(row.worse)} alike",
            name(row.left),
        )
        for row in rows
    ]


def said(narrow: Narrowed, axes: Mapping[str, str], names: Mapping[int, str]) -> str:
    """What the list is narrowed to, in words."""
    parts = []
    if narrow.arm is not None:
        arms = [names.get(each, f"Arm {each}") for each in (narrow.arm, narrow.other) if each is not None]
        parts.append(" against ".join(arms))
    if narrow.axis:
        parts.append(f"rated on {axes[narrow.axis].lower()}")
    if narrow.side:
        parts.append("the left one preferred")
    if narrow.rater:
        parts.append(f"by rater {narrow.rater[:6]}")
    if narrow.shared:
        parts.append("on turns that others rated, too")
    return ", ".join(parts)


def pages(listed: Listed, query: Mapping[str, str]) -> dict[str, str]:
    """Addresses of the pages before and after."""
    told = {}
    if listed.page > 1:
        told["before"] = f"?{urlencode({**query, 'page': listed.page - 1})}"
    if listed.page < listed.pages:
        told["after"] = f"?{urlencode({**query, 'page': listed.page + 1})}"
    return told


def sides_named(record: Whole, names: Mapping[int, str]) -> list[tuple[Any, str]]:
    return [(side, names.get(side.arm, f"Arm {side.arm}")) for side in record.sides]


def _number(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
