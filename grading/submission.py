"""What the rater writes: kept at every change, handed in once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from grading import checks, queue
from grading.models import Assignment, BlindPair, Preference, Receipt, Revision
from grading.reading import Reading
from grading.rubric import NOT_APPLICABLE, TEXTS, clean_ratings
from marlin.sources import source
from marlin.states import WrongState
from tasks.models import Rubric, Turn
from tasks.turns import Refused as CannotContinue
from tasks.turns import continue_from

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
def save_draft(assignment: Assignment, posted: Mapping[str, Any], *, turn: int | None = None) -> Saved:
    """Keep what stands in the form as a new revision, in any state of the work.

    A locked revision is never touched: what arrives later is another row. The same save arriving twice
    (its answer was lost) is recognised by tab, sequence and words.
    """
    pair = _pair_of(assignment, turn)
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
    is_graded = preference.state == Preference.State.LOCKED and assignment.state != Assignment.State.SENT_BACK
    revision = preference.locked_revision if is_graded else _seen(preference, number)
    checks.demand(experiment.rubric, revision)
    assert revision is not None
    _demand_turns(assignment, preference.pair, waits=is_graded)
    if assignment.state == Assignment.State.EXPIRED:
        queue.resume(assignment)
    # Move first, so that the second of two clicks stops before it writes.
    assignment.submit(by=assignment.rater)
    if preference.state == Preference.State.DRAFT:
        preference.lock(revision, by=assignment.rater)
    else:  # sent back before: the pointer moves, the earlier revision stays
        Preference.objects.filter(pk=preference.pk).update(locked_revision=revision)
    receipt = Receipt.objects.create(assignment=assignment)
    counting = Preference.objects.filter(pair__assignment=assignment, state=Preference.State.LOCKED)
    receipt.revisions.set(counting.values_list("locked_revision", flat=True))
    return receipt


@transaction.atomic
def go_on(assignment: Assignment, preference: Preference, *, number: int | None = None) -> None:
    """Lock this turn and go on to the next. The lead says from which side and with what prompt, and the turn is
    made; who reads second gets the one that is there. Raises `Refused` or `WrongState`.
    """
    mine = Assignment.objects.select_for_update(no_key=True).get(pk=assignment.pk)
    if mine.state != Assignment.State.CLAIMED or preference.state != Preference.State.DRAFT:
        raise WrongState("This turn is graded already.")
    experiment = assignment.task.experiment
    if queue.knows(assignment.rater, experiment):
        raise checks.Refused(queue.KNOWS_TOO_MUCH)
    revision = _seen(preference, number)
    checks.demand(experiment.rubric, revision)
    assert revision is not None
    if _leads(mine, preference.pair):
        _ask_for_next(preference.pair, revision, experiment.rubric)
    preference.lock(revision, by=assignment.rater)
    queue.hand_on_to(mine)


def waiting_after(assignment: Assignment) -> Preference | None:
    """The preference of the turn that is graded, while the next one is being made."""
    if assignment.task.experiment.turns_wanted == 1 or assignment.state != Assignment.State.CLAIMED:
        return None
    preference = Preference.objects.filter(pair=_pair_of(assignment)).first()
    return preference if preference and preference.state == Preference.State.LOCKED else None


def chosen_side(rubric: Rubric, revision: Revision | None) -> str:
    """“a” or “b”: what the rater said, else the side that is better overall; "" while that is neither."""
    if revision is None:
        return ""
    overall = revision.ratings.get("overall")
    if revision.continue_from or not overall or overall * 2 == rubric.points + 1:
        return revision.continue_from
    return "a" if overall * 2 < rubric.points + 1 else "b"


def _ask_for_next(pair: BlindPair, revision: Revision, rubric: Rubric) -> None:
    side = chosen_side(rubric, revision)
    if not side:
        raise checks.Refused(
            "Neither side is better: choose which one to continue from.", field="continue_from"
        )
    try:
        continue_from(
            pair.a if side == "a" else pair.b, prompt=revision.next_prompt, by=pair.assignment.rater
        )
    except CannotContinue as why:
        raise checks.Refused(
            str(why), field="next_prompt" if revision.continue_from else "continue_from"
        ) from why


def _seen(preference: Preference, number: int | None) -> Revision | None:
    return preference.revisions.filter(number=number).first() if number else preference.newest()


def _leads(assignment: Assignment, pair: BlindPair) -> bool:
    """Whether the next turn is theirs to ask for: nobody has yet."""
    return assignment.is_lead() and not _later_turns(pair).exists()


def _later_turns(pair: BlindPair) -> QuerySet[Turn]:
    return Turn.objects.filter(task=pair.turn.task_id, number__gt=pair.turn.number)


def _demand_turns(assignment: Assignment, pair: BlindPair, *, waits: bool) -> None:
    """A conversation may not end too early: for the lead by number, for who reads second before the last turn."""
    least, number = assignment.task.experiment.turns_least, pair.turn.number
    if assignment.is_lead() and number < least and not waits:
        raise checks.Refused(
            f"A conversation has at least {least} turns here; this is number {number}. Continue from one side.",
            field="next_prompt",
        )
    if not assignment.is_lead() and not waits and _later_turns(pair).exists():
        raise checks.Refused("The conversation goes on: grade its next turn too.")


def form_context(reading: Reading) -> dict[str, Any]:
    """What the form needs beside its fields."""
    preference = Preference.objects.filter(pair=reading.pair).first()
    newest = preference.newest() if preference else None
    assignment, experiment = reading.assignment, reading.assignment.task.experiment
    rubric = experiment.rubric
    is_locked = preference is not None and preference.state == Preference.State.LOCKED
    repairs = assignment.state == Assignment.State.SENT_BACK
    is_mine = assignment.is_with_rater() or assignment.state == Assignment.State.EXPIRED
    return {
        **_conversation(reading, newest, is_locked=is_locked),
        "is_editable": is_mine and (repairs or not is_locked),
        "form_tab": source().token("form tab"),
        "form_revision": newest.number if newest else 0,
        "saved_at": newest.saved_at if newest else None,
        "findings": list(checks.findings(rubric, newest)) if newest else [],
        "longest": LONGEST,
        "review": assignment.last_review(),
    }


def _conversation(reading: Reading, newest: Revision | None, *, is_locked: bool) -> dict[str, Any]:
    """How this turn may be followed by another; nothing of it where an experiment has one turn."""
    assignment, experiment = reading.assignment, reading.assignment.task.experiment
    claimed = assignment.state == Assignment.State.CLAIMED
    if experiment.turns_wanted == 1 or not claimed:
        return {"is_waiting": False, "may_go_on": False, "goes_on": False, "may_end": True}
    may_ask = (
        not is_locked and _leads(assignment, reading.pair) and reading.turn.number < experiment.turns_wanted
    )
    return {
        "is_waiting": is_locked and reading.is_newest,
        #: The lead's: which side, and what next.
        "may_go_on": may_ask,
        #: A reader's, when the next turn is there already.
        "goes_on": not is_locked and not may_ask and _later_turns(reading.pair).exists(),
        "may_end": not assignment.is_lead() or reading.turn.number >= experiment.turns_least,
        "chosen_side": chosen_side(experiment.rubric, newest),
        "next_prompt": newest.next_prompt if newest else "",
    }


def _pair_of(assignment: Assignment, turn: int | None = None) -> BlindPair:
    """The newest, or that of the turn which the page was about."""
    pairs = assignment.pairs.all() if turn is None else assignment.pairs.filter(turn__number=turn)
    pair = pairs.order_by("-turn__number", "-attempt").first()
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
        "continue_from": chosen if (chosen := str(posted.get("continue_from", ""))) in ("a", "b") else "",
        "next_prompt": _text(posted, "next_prompt").replace("\r\n", "\n")[:LONGEST],
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
