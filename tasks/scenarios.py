"""Scenarios on their way: begun, written, proposed, approved or sent back with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from marlin.events import record
from marlin.models import User
from marlin.states import WrongState
from tasks import repeats
from tasks.checks import Finding, findings
from tasks.models import (
    MEANINGS,
    TEXTS,
    Category,
    CategoryRule,
    Commit,
    Experiment,
    Repository,
    Scenario,
    ScenarioReview,
    ScenarioRevision,
)
from tasks.models.scenario import ScenarioQuerySet
from tasks.tongues import language_of

#: A text longer than this is cut, and the form says so before.
LONGEST = 50_000
LONGEST_TITLE = 200
WRITABLE = (Scenario.State.DRAFT, Scenario.State.SENT_BACK)
#: How alike two prompts are before the author is told: the share of trigrams, as pg_trgm counts (0 to 1).
ALIKE = 0.5
#: So many that share a band are compared in earnest.
MOST_MET = 50
#: Without these nothing is proposed.
NEEDED = {
    "title": "a title",
    "about": "what the repository does",
    "change": "what should change and why",
    "acceptance": "how to tell that it is done",
    "prompt": "the opening prompt",
}

_WORD = re.compile(r"\s+|\S+")


class Refused(Exception):
    """It cannot be done now; the sentence says why, and what was typed is kept."""


@dataclass(frozen=True)
class Saved:
    """The answer to a save."""

    scenario: Scenario
    number: int
    saved_at: datetime
    tab: str
    sequence: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class CategoryChoice:
    """A category as the desk offers it; `closed` says why it cannot be chosen."""

    value: str
    meaning: str
    closed: str


# --- Beginning ----------------------------------------------------------------------------------------------------


def categories() -> list[CategoryChoice]:
    rules = {rule.category: rule for rule in CategoryRule.objects.all()}
    return [
        CategoryChoice(value, MEANINGS[Category(value)], _closed(rules.get(value)))
        for value in Category.values
    ]


def _closed(rule: CategoryRule | None) -> str:
    if rule is None:
        return ""
    if not rule.is_open:
        return "closed for now"
    if rule.quota is not None:
        taken = Scenario.objects.filter(category=rule.category).exclude(state=Scenario.State.RETIRED).count()
        if taken >= rule.quota:
            return f"full: {rule.quota} are wanted"
    return ""


def rules() -> list[dict[str, Any]]:
    """Each category with what it is for, whether it is open, how many are wanted and how many there are."""
    kept = {rule.category: rule for rule in CategoryRule.objects.all()}
    counted = Scenario.objects.exclude(state=Scenario.State.RETIRED).values("category")
    taken = {row["category"]: row["number"] for row in counted.annotate(number=Count("pk")).order_by()}
    return [
        {
            "category": category,
            "meaning": MEANINGS[Category(category)],
            "is_open": category not in kept or kept[category].is_open,
            "quota": kept[category].quota if category in kept else None,
            "taken": taken.get(category, 0),
        }
        for category in Category.values
    ]


def set_rules(posted: Mapping[str, Any], *, by: User) -> None:
    """Open or close each category, and say how many scenarios it takes: `open-NAME`, `quota-NAME`. Raises Refused."""
    wanted = {}
    for category in Category.values:
        quota = str(posted.get(f"quota-{category}", "")).strip()
        if quota and not (quota.isascii() and quota.isdigit() and len(quota) <= 6):
            raise Refused(
                f"“{quota[:20]}” scenarios of “{category}” is not a number; leave it empty for any."
            )
        wanted[category] = {"is_open": f"open-{category}" in posted, "quota": int(quota) if quota else None}
    with transaction.atomic():
        for category, rule in wanted.items():
            CategoryRule.objects.update_or_create(category=category, defaults=rule)
        closed = [category for category, rule in wanted.items() if not rule["is_open"]]
        record("categories.set", by, by=by, closed=closed)


@transaction.atomic
def begin(author: User, repository: Repository, commit: str, category: str) -> Scenario:
    """A draft, with a claim on writing about this commit. Raises Refused."""
    # Two people beginning at once wait for each other here.
    Repository.objects.select_for_update().get(pk=repository.pk)
    if repository.state != Repository.State.USABLE or repository.patch_only:
        raise Refused("This repository takes no scenarios now.")
    listed = Commit.objects.filter(Q(name=commit) | Q(parent=commit), repository=repository)
    if not (listed.exists() or repository.pull_requests.filter(base_commit=commit).exists()):
        raise Refused("This commit is not in the history of the repository. Choose one from the list.")
    choice = next((one for one in categories() if one.value == category), None)
    if choice is None:
        raise Refused("Choose a category.")
    if choice.closed:
        raise Refused(f"“{category}” is {choice.closed}. Choose another category.")
    held = Scenario.objects.filter(
        repository=repository, base_commit=commit, state__in=WRITABLE, held_until__gt=Now()
    )
    if mine := held.filter(author=author).first():
        return mine
    if held.exists():
        raise Refused("Somebody writes about this commit now. Choose another one, or come back later.")
    scenario = Scenario.objects.create(
        repository=repository,
        base_commit=commit,
        author=author,
        category=category,
        title="",
        prompt="",
        held_until=_lease_end(),
    )
    record("scenario.begun", scenario, by=author, after=scenario.state)
    return scenario


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.SCENARIO_LEASE)


# --- Writing ------------------------------------------------------------------------------------------------------


@transaction.atomic
def save(scenario: Scenario, posted: Mapping[str, Any]) -> Saved:
    """Keep what stands in the form as a new revision. Raises WrongState when it is no longer the author's to change."""
    locked = Scenario.objects.select_for_update().get(pk=scenario.pk)
    content = _content(posted)
    tab, sequence = str(posted.get("tab", "")).replace("\0", "")[:40], _number(posted.get("sequence"))
    newest = locked.revisions.last()
    if locked.state not in WRITABLE:
        raise WrongState("This write-up is with the reviewers; it can be read and not changed.")
    again = locked.revisions.filter(tab=tab, sequence=sequence).first() if tab else None
    if newest is None or (newest.texts != content and (again is None or again.texts != content)):
        newest = locked.revisions.create(
            number=(newest.number if newest else 0) + 1,
            texts=content,
            tab="" if again else tab,
            sequence=sequence,
        )
        Scenario.objects.filter(pk=locked.pk).update(**_fields(content), held_until=_lease_end())
    return Saved(locked, newest.number, newest.saved_at, tab, sequence, tuple(warnings(locked, content)))


@transaction.atomic
def propose(scenario: Scenario, *, by: User) -> None:
    """Hand it to the reviewers. Raises Refused for what is missing, WrongState for who comes too late."""
    scenario.refresh_from_db()
    missing = [words for field, words in NEEDED.items() if not getattr(scenario, field).strip()]
    if missing:
        raise Refused(f"Still to write: {', '.join(missing)}.")
    scenario.propose(by=by)
    newest = scenario.revisions.last()
    if newest is not None:
        ScenarioRevision.objects.filter(pk=newest.pk).update(is_proposed=True)


def warnings(scenario: Scenario, texts: Mapping[str, str]) -> list[Finding]:
    """What the author should look at, and the reviewer is told."""
    found = findings(texts)
    spoken, wanted = language_of(texts.get("prompt", "")), _languages_wanted()
    if spoken and wanted and spoken.lower() not in wanted:
        names = " or ".join(sorted(wanted.values()))
        sentence = f"This reads as {spoken}; the experiments take scenarios in {names}."
        found.append(Finding("language", "prompt", 0, 0, sentence))
    if (alike := near_duplicate(scenario, texts.get("prompt", ""))) is not None:
        sentence = f"This is {alike.share:.0%} like “{alike.title[:80]}”; say what is new, or leave it."
        found.append(Finding("duplicate", "prompt", 0, 0, sentence))
    return found


def _languages_wanted() -> dict[str, str]:
    """The languages of experiments that may still take scenarios; none when one of them takes any."""
    live = Experiment.objects.exclude(state=Experiment.State.FINISHED)
    languages = set(live.values_list("language", flat=True))
    return {} if "" in languages else {language.lower(): language for language in languages}


@dataclass(frozen=True)
class Alike:
    """Another scenario whose prompt is much like one; `share` of the trigrams, 0 to 1."""

    title: str
    share: float
    changes: list[Change] = field(default_factory=list)


def near_duplicate(scenario: Scenario, prompt: str, *, compared: bool = False) -> Alike | None:
    """The scenario whose prompt is most alike, when it is alike enough; word by word, when it is to be `compared`.

    Those that may be are found by their bands; the similarity is that of pg_trgm over the first 2,000 characters.
    """
    if len(prompt) < 40:
        return None
    with connection.cursor() as cursor:
        # Materialized: expecting thousands where there are none, the planner would look for the first few row by row.
        cursor.execute(
            "WITH met AS MATERIALIZED ("
            "SELECT id FROM tasks_scenario WHERE bands && %s::bigint[] AND id <> %s AND state <> 'draft'"
            ") SELECT title, similarity(left(prompt, 2000), left(%s, 2000)) AS alike, prompt FROM tasks_scenario "
            "WHERE id IN (SELECT id FROM met LIMIT %s) ORDER BY alike DESC LIMIT 1",
            [repeats.bands(prompt), scenario.pk, prompt, MOST_MET],
        )
        row = cursor.fetchone()
    if row is None or row[1] < ALIKE:
        return None
    return Alike(row[0], row[1], difference(row[2], prompt) if compared else [])


def _content(posted: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: _text(posted, name) for name in TEXTS}
    texts["title"] = " ".join(texts["title"].split())[:LONGEST_TITLE]
    return {**texts, "effort_hours": _text(posted, "effort_hours")[:20]}


def _text(posted: Mapping[str, Any], name: str) -> str:
    """Browsers send line ends as CRLF; PostgreSQL stores no NUL."""
    return str(posted.get(name, "")).replace("\0", "").replace("\r\n", "\n")[:LONGEST]


def _fields(content: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: content[name] for name in TEXTS}
    return {
        **fields,
        "bands": repeats.bands(content["prompt"]),
        "effort_hours": _hours(content["effort_hours"]),
    }


def _hours(text: str) -> Decimal | None:
    try:
        hours = Decimal(text.replace(",", ".")).quantize(Decimal("0.1"))
    except InvalidOperation:
        return None
    return hours if 0 < hours < 1000 else None


def _number(value: object) -> int:
    text = str(value or "")
    return int(text[:9]) if text.isascii() and text.isdigit() else 0


# --- Approving ----------------------------------------------------------------------------------------------------


def waiting_for(reviewer: User) -> ScenarioQuerySet:
    """The queue, oldest first: not one's own, and not what somebody else has taken."""
    free = Q(reviewed_until=None) | Q(reviewed_until__lt=Now()) | Q(reviewer=reviewer)
    waiting = Scenario.objects.filter(free, state=Scenario.State.IN_REVIEW).exclude(author=reviewer)
    return waiting.select_related("repository", "author").order_by("proposed_at", "pk")


def take(scenario: Scenario, reviewer: User) -> bool:
    """Read it undisturbed for a while; False when somebody else does."""
    mine = waiting_for(reviewer).order_by().select_related(None).filter(pk=scenario.pk)
    lease = Now() + timedelta(seconds=settings.SCENARIO_REVIEW_LEASE)
    return bool(mine.update(reviewer=reviewer, reviewed_until=lease))


@transaction.atomic
def decide(
    scenario: Scenario, decision: str, *, by: User, reason: str = "", field: str = "", category: str = ""
) -> ScenarioReview:
    """Approve, or send back with a reason. Raises Refused, and WrongState when somebody was faster."""
    if by == scenario.author:
        raise Refused("Nobody approves their own scenario.")
    if category and category not in Category.values:
        raise Refused("Choose a category.")
    if field and field not in TEXTS:
        raise Refused("Choose the part that the reason is about.")
    if category and category != scenario.category:
        Scenario.objects.filter(pk=scenario.pk).update(category=category)
    if decision == ScenarioReview.Decision.APPROVED:
        scenario.approve(by=by)
    elif decision == ScenarioReview.Decision.SENT_BACK:
        if not reason.strip():
            raise Refused("Say what should be changed; the author reads it.")
        scenario.send_back(by=by, why=reason.strip())
        Scenario.objects.filter(pk=scenario.pk).update(held_until=_lease_end())
    else:
        raise Refused("Choose whether to approve it or to send it back.")
    return ScenarioReview.objects.create(
        scenario=scenario,
        reviewer=by,
        revision=scenario.revisions.filter(is_proposed=True).last(),
        decision=decision,
        field=field,
        reason=reason.strip().replace("\0", ""),
    )


@dataclass(frozen=True)
class Change:
    """Words of a text that stayed ("same"), went ("gone") or came ("new")."""

    kind: str
    text: str


def difference(before: str, after: str) -> list[Change]:
    """Word by word, for the author and the reviewer; whole texts when they are too long to compare."""
    one, other = _words(before), _words(after)
    if len(one) * len(other) > 4_000_000:
        return [Change("gone", before), Change("new", after)]
    changes: list[Change] = []
    for tag, low, high, other_low, other_high in SequenceMatcher(
        None, one, other, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            changes.append(Change("same", "".join(one[low:high])))
            continue
        if low < high:
            changes.append(Change("gone", "".join(one[low:high])))
        if other_low < other_high:
            changes.append(Change("new", "".join(other[other_low:other_high])))
    return changes


def _words(text: str) -> list[str]:
    """Words, and the blanks between them."""
    return _WORD.findall(text)


def changed_since(scenario: Scenario) -> dict[str, list[Change]]:
    """What the author changed since the version that was proposed before this one, by what the part is called."""
    proposed = list(scenario.revisions.filter(is_proposed=True).order_by("-number")[:2])
    newest = scenario.revisions.last()
    if scenario.state == Scenario.State.IN_REVIEW:
        proposed = proposed[1:]
    if not proposed or newest is None:
        return {}
    before = proposed[0].texts
    return {
        name: difference(before.get(field, ""), newest.texts.get(field, ""))
        for field, name in TEXTS.items()
        if before.get(field, "") != newest.texts.get(field, "")
    }
