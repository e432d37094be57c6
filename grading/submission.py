"""What the rater writes: kept at every change, handed in once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from grading import checks, queue
from grading.models import Assignment, BlindPair, Preference, Receipt, Revision
from grading.reading import Reading
from grading.rubric import NOT_APPLICABLE, TEXTS, clean_ratings
from marlin.sources import source
from marlin.states import WrongState
from tasks.models import Rubric

#: A text longer than this is cut, and the form says so before.
LONGEST = 20_000


@dataclass(frozen=True)
class Saved:
    """The answer to a save: where the words are, and what the page must know to write on."""

    preference: Preference
    revision: int
    saved_at: datetime
    tab: str
    sequence: int
    #: Another tab had written since this one read: both texts are kept, this one is the newest.
    other_tab: bool
    findings: tuple[checks.Finding, ...]


@transaction.atomic
def save_draft(assignment: Assignment, posted: Mapping[str, Any]) -> Saved:
    """Keep what stands in the form as a new revision, in any state of the work.

    A locked revision is never touched: what arrives later is another row. The same save arriving twice
    (its answer was lost) is recognised by tab, sequence and words.
    """
    pair = _pair_of(assignment)
    # The assignment's row before the preference's, as `submit` takes them: the other way round a save and
    # a click on submit would wait for each other.
    assignment.renew()
    preference = _preference_of(pair)
    newest = preference.newest()
    rubric = assignment.task.experiment.rubric
    content = _content(rubric, posted)
    tab, sequence = _text(posted, "tab")[:40], _number(posted.get("sequence"))
    based_on = _number(posted.get("revision"))
    if newest is None or _differs(newest, content):
        # Only a save that would be news is compared with the last: a repeated answer writes nothing.
        again = preference.revisions.filter(tab=tab, sequence=sequence).first() if tab else None
        other_tab = bool(newest and based_on < newest.number and newest.tab != tab)
        if again is None or _differs(again, content):
            newest = preference.revisions.create(
                number=(newest.number if newest else 0) + 1,
                # Other words under a number that was used (a page that went back in its history) are no
                # repetition. They are kept, without a claim to that number.
                tab="" if again else tab,
                sequence=sequence,
                based_on=based_on,
                **content,
            )
    else:
        other_tab = False
    assert newest is not None
    return Saved(
        preference=preference,
        revision=newest.number,
        saved_at=newest.saved_at,
        tab=tab,
        sequence=sequence,
        other_tab=other_tab,
        findings=tuple(checks.findings(rubric, newest)),
    )


@transaction.atomic
def submit(assignment: Assignment, preference: Preference, *, number: int | None = None) -> Receipt:
    """Hand the work in. Raises `Refused` for what is missing, `WrongState` for who comes too late.

    `number` is the revision that the person saw when they clicked; without it, the newest counts.
    Whose time has ended takes the task back first: an hour's work is not turned away for a minute.
    """
    experiment = assignment.task.experiment
    if queue.knows(assignment.rater, experiment):
        raise checks.Refused(queue.KNOWS_TOO_MUCH)
    revision = preference.revisions.filter(number=number).first() if number else preference.newest()
    checks.demand(experiment.rubric, revision)
    assert revision is not None
    if assignment.state == Assignment.State.EXPIRED:
        queue.resume(assignment)
    # Move first, so that the second of two clicks stops before it writes.
    assignment.submit(by=assignment.rater)
    if preference.state == Preference.State.DRAFT:
        preference.lock(revision, by=assignment.rater)
    else:  # sent back before: the pointer moves, the earlier revision stays
        Preference.objects.filter(pk=preference.pk).update(locked_revision=revision)
    receipt = Receipt.objects.create(assignment=assignment)
    receipt.revisions.add(revision)
    return receipt


def form_context(reading: Reading) -> dict[str, Any]:
    """What the form needs beside its fields."""
    preference = Preference.objects.filter(pair=reading.pair).first()
    newest = preference.newest() if preference else None
    rubric = reading.assignment.task.experiment.rubric
    return {
        "is_editable": reading.assignment.is_with_rater() or reading.assignment.state == "expired",
        "form_tab": source().token("form tab"),
        "form_revision": newest.number if newest else 0,
        "saved_at": newest.saved_at if newest else None,
        "findings": list(checks.findings(rubric, newest)) if newest else [],
        "longest": LONGEST,
        "review": reading.assignment.last_review(),
    }


def _pair_of(assignment: Assignment) -> BlindPair:
    pair = assignment.pairs.order_by("-turn__number", "-attempt").first()
    if pair is None:
        raise WrongState("This task has no pair yet.")
    return pair


def _preference_of(pair: BlindPair) -> Preference:
    """Locked, so that two saves at once get two numbers."""
    Preference.objects.get_or_create(pair=pair)
    return Preference.objects.select_for_update().get(pair=pair)


def _content(rubric: Rubric, posted: Mapping[str, Any]) -> dict[str, Any]:
    keys = [axis.key for axis in rubric.axes.all()]
    key_axis = str(posted.get("key_axis", ""))
    return {
        "ratings": clean_ratings(rubric.points, ["overall", *keys], posted),
        "not_applicable": [key for key in keys if rubric.may_skip and posted.get(key) == NOT_APPLICABLE],
        "key_axis": key_axis if key_axis in keys else "",
        # Browsers send line ends as CRLF.
        "texts": {name: _text(posted, name).replace("\r\n", "\n")[:LONGEST] for name in TEXTS},
    }


def _text(posted: Mapping[str, Any], name: str) -> str:
    """PostgreSQL stores no NUL."""
    return str(posted.get(name, "")).replace("\0", "")


def _differs(revision: Revision, content: dict[str, Any]) -> bool:
    return any(getattr(revision, name) != value for name, value in content.items())


def _number(value: object) -> int:
    text = str(value or "")
    return int(text[:9]) if text.isascii() and text.isdigit() else 0
