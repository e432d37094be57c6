"""One dictionary per accepted preference, with the names of who made what. This is where the veil is lifted."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings

import marlin
from grading import checks
from grading.export.schema import FORMAT
from grading.models import (
    Assignment,
    BlindPair,
    Gold,
    Guess,
    PairPage,
    Preference,
    Pseudonym,
    ReadMark,
    Review,
    Revision,
)
from grading.models.judgement import as_line
from grading.rubric import canonical
from marlin.models import Event, User
from tasks.models import AgentVersion, Candidate, Experiment, Origin, Scenario

__all__ = ["FORMAT", "MASK", "as_line", "digest_of", "pseudonym", "pseudonyms", "record_of", "traces_of"]

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
MASK = "[somebody]"
#: Shorter names of agents are words of the language too often.
LEAST_NAME = 4


def record_of(preference: Preference, revision: Revision) -> dict[str, Any]:
    """The row as researchers get it; grading.export.schema says what each column means.

    Needs rights on the guarded tables. `model_a` is the arm that comes first in the experiment, wherever it
    was shown; `side` says where: L is the rater's A. Ratings are symmetric about zero and positive when
    `model_a` is better; `shown` keeps the positions as the rater saw them, 1 being "A clearly".
    """
    pair = preference.pair
    assignment = pair.assignment
    task = assignment.task
    experiment, scenario = task.experiment, task.scenario
    rubric = experiment.rubric
    axes = [axis.key for axis in rubric.axes.all()]
    left, right = _origin(pair.a), _origin(pair.b)
    a_is_left = left.arm.position < right.arm.position
    first, second = (pair.a, pair.b) if a_is_left else (pair.b, pair.a)
    models = (left, right) if a_is_left else (right, left)
    own, other = ("a", "b") if a_is_left else ("b", "a")

    def rated(axis: str) -> int | None:
        shown = revision.ratings.get(axis)
        return None if shown is None else canonical(rubric.points, shown, a_is_first=a_is_left)

    known = _kind_of_known(assignment)
    record = {
        "format": FORMAT,
        "preference": str(preference.public_id),
        "revision": revision.number,
        "experiment": {"id": str(experiment.public_id), "name": experiment.name},
        "task": str(task.public_id),
        "turn": pair.turn.number,
        "attempt": pair.attempt,
        "rater": pseudonym(assignment.rater, experiment),
        "seat": assignment.seat,
        "nth_task": _nth(assignment),
        "session_complete": assignment.session_complete,
        "is_gold": known == Gold.Kind.GOLD,
        "is_practice": known == Gold.Kind.PRACTICE,
        "scenario": _scenario(scenario, experiment) | {"base_commit": pair.turn.base_commit},
        "prompt": pair.turn.prompt,
        "prompt_sha256": _sha256(pair.turn.prompt.encode()),
        "model_a": models[0].agent_version.name,
        "model_b": models[1].agent_version.name,
        "side": "L" if a_is_left else "R",
        "draw": {
            "method": pair.method,
            "probability": pair.probability,
            "drawn_at": _time(pair.drawn_at),
        },
        "rubric": {
            "name": rubric.name,
            "version": rubric.version,
            "points": rubric.points,
            "axes": axes,
        },
        "rating": rated("overall"),
        "axes": {axis: rated(axis) for axis in sorted(axes)},
        "not_applicable": sorted(revision.not_applicable),
        "shown": {
            "A": left.agent_version.name,
            "B": right.agent_version.name,
            "ratings": {axis: revision.ratings.get(axis) for axis in sorted([*axes, "overall"])},
        },
        "acceptable_a": _answer(revision.ratings.get(f"{own}_acceptable")),
        "acceptable_b": _answer(revision.ratings.get(f"{other}_acceptable")),
        "key_axis": revision.key_axis,
        "texts": _texts(revision.texts, own, other, assignment.rater, models),
        "timing": _timing(preference, revision, assignment),
        "submitted_at": _time(assignment.submitted_at),
        "review": _review(assignment, experiment),
        "checks": [finding.sentence for finding in checks.findings(rubric, revision)],
        "blinding": _blinding(pair, {"a": own, "b": other}),
        "agent_a": _agent(models[0].agent_version),
        "agent_b": _agent(models[1].agent_version),
        "candidate_a": _candidate(first),
        "candidate_b": _candidate(second),
        "versions": {"marlin": marlin.__version__, "drawing": _drawing(first, second)},
    }
    return record | {"row_hash": digest_of(record)}


def pseudonym(person: User, experiment: Experiment) -> str:
    """Stable within an experiment, unrelated between two, and not to be turned back without our key.

    Stored when work is judged: a later key gives nobody a second name in the same experiment.
    """
    kept, _ = Pseudonym.objects.get_or_create(
        experiment=experiment, person=person, defaults={"name": _name(person, experiment)}
    )
    return kept.name


def pseudonyms(experiment: Experiment) -> Callable[[User], str]:
    """The same for many people with one query and nothing written: who has none yet is told what it will be."""
    kept = dict(Pseudonym.objects.filter(experiment=experiment).values_list("person", "name"))
    return lambda person: kept.get(person.pk) or _name(person, experiment)


def _name(person: User, experiment: Experiment) -> str:
    message = f"{experiment.public_id}:{person.public_id}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()[:16]


def digest_of(record: dict[str, Any]) -> str:
    """What `row_hash` holds: it is not part of what it sums up."""
    return _sha256(as_line({name: record[name] for name in record if name != "row_hash"}).encode())


def _origin(candidate: Candidate) -> Origin:
    return Origin.objects.select_related("arm", "agent_version").get(candidate=candidate)


def _kind_of_known(assignment: Assignment) -> str | None:
    """Gold or practice, when the answer was known before the task was claimed."""
    known = Gold.objects.filter(task=assignment.task, made_at__lte=assignment.claimed_at)
    return known.values_list("kind", flat=True).first()


def _nth(assignment: Assignment) -> int:
    before = Assignment.objects.filter(
        rater=assignment.rater,
        task__experiment=assignment.task.experiment,
        claimed_at__lt=assignment.claimed_at,
    )
    return 1 + before.count()


def _scenario(scenario: Scenario, experiment: Experiment) -> dict[str, Any]:
    approved = Event.objects.filter(name="scenario.approved", subject=str(scenario.public_id))
    approval = approved.select_related("actor").order_by("-pk").first()
    return {
        "id": str(scenario.public_id),
        "title": scenario.title,
        "category": scenario.category,
        "repository": scenario.repository.name,
        "language": scenario.repository.language,
        "licence": scenario.repository.licence,
        "acceptance": scenario.acceptance,
        "author": _pseudonym_or_none(scenario.author, experiment),
        "approved_by": _pseudonym_or_none(approval.actor if approval else None, experiment),
        "approved_at": _time(approval.at if approval else None),
        "imported_as": scenario.imported_as,
    }


def _pseudonym_or_none(person: User | None, experiment: Experiment) -> str | None:
    return pseudonym(person, experiment) if person else None


def _answer(given: object) -> bool | None:
    return None if given is None else bool(given)


def traces_of(rater: User) -> re.Pattern[str]:
    """What a text may hold that tells who wrote it: addresses, and the rater's own name. MASK takes its place."""
    return re.compile(rf"{EMAIL.pattern}|\b{re.escape(rater.name)}\b", re.IGNORECASE)


def _texts(
    texts: dict[str, str], own: str, other: str, rater: User, models: tuple[Origin, Origin]
) -> dict[str, Any]:
    fields = {
        "strengths_a": f"{own}_strengths",
        "weaknesses_a": f"{own}_weaknesses",
        "strengths_b": f"{other}_strengths",
        "weaknesses_b": f"{other}_weaknesses",
        # Written with the letters of `shown`; never rewritten.
        "justification": "justification",
    }
    people = traces_of(rater)
    masked = {name: people.subn(MASK, texts.get(field, "")) for name, field in fields.items()}
    everything = "\n".join(texts.values()).lower()
    return {
        **{name: text for name, (text, _) in masked.items()},
        "masked": sum(count for _, count in masked.values()),
        "names_an_agent": any(name in everything for name in _names(models)),
    }


def _names(models: tuple[Origin, Origin]) -> list[str]:
    """What would give an agent away, in small letters."""
    versions = [origin.agent_version for origin in models]
    names = [
        name
        for version in versions
        for name in (version.name, version.harness, version.model, version.provider)
    ]
    return [name.lower() for name in names if len(name) >= LEAST_NAME]


def _timing(preference: Preference, revision: Revision, assignment: Assignment) -> dict[str, Any]:
    submitted = assignment.submitted_at
    saves = Revision.objects.filter(preference=preference.pk).exclude(tab="")
    return {
        "claimed_at": _time(assignment.claimed_at),
        "started_at": _time(preference.started_at),
        "saved_at": _time(revision.saved_at),
        "wall_seconds": (submitted - assignment.claimed_at).total_seconds() if submitted else None,
        "saves": revision.number,  # every save is a revision, and they count from one
        "tabs": saves.values("tab").distinct().count(),
        "files_marked": ReadMark.objects.filter(pair=preference.pair_id, reader=assignment.rater).count(),
    }


def _review(assignment: Assignment, experiment: Experiment) -> dict[str, Any]:
    reviews = list(Review.objects.filter(assignment=assignment.pk).select_related("reviewer").order_by("pk"))
    decisions = [review.decision for review in reviews]
    last = reviews[-1] if reviews else None
    return {
        "decision": last.decision if last else "",
        "reviewer": pseudonym(last.reviewer, experiment) if last else None,
        "decided_at": _time(last.decided_at if last else None),
        "sent_back": decisions.count(Review.Decision.SEND_BACK),
        "disputed": Review.Decision.REJECT in decisions,
        "reason": _reason(last, assignment.rater) if last else "",
    }


def _reason(review: Review, rater: User) -> str:
    masked = review.reason
    for person in (rater, review.reviewer):
        masked = traces_of(person).sub(MASK, masked)
    return masked


def _blinding(pair: BlindPair, model_of: dict[str, str]) -> dict[str, Any]:
    """`model_of` says which model each letter was; without an answer everything is null."""
    told = Guess.objects.filter(pair=pair.pk).first()
    shown = told.newer if told else None
    return {
        "guess": None if shown is None else model_of.get(shown, shown),
        "shown": shown,
        "told_at": _time(told.told_at if told else None),
    }


def _agent(version: AgentVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "kind": version.kind,
        "harness": version.harness,
        "harness_version": version.harness_version,
        "model": version.model,
        "provider": version.provider,
        "released_on": version.released_on.isoformat() if version.released_on else None,
        "settings_sha256": _sha256(as_line(version.settings).encode()),
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    patch = bytes(candidate.patch)
    transcript = {"steps": candidate.transcript}
    evidence = ("ran", "passed", "failed", "skipped", "failures")
    return {
        "id": str(candidate.public_id),
        "state": candidate.state,
        "failure": candidate.failure,
        # A patch may hold any bytes; what is not UTF-8 is escaped, and `tree` says what it leads to.
        # So is NUL: git calls a file text that has one late enough, and no PostgreSQL text may hold it.
        "patch": patch.decode("utf-8", "backslashreplace").replace("\0", "\\x00"),
        "patch_sha256": _sha256(patch),
        "tree": candidate.tree,
        "files": len(candidate.files),
        "added": sum(file["added"] for file in candidate.files),
        "removed": sum(file["removed"] for file in candidate.files),
        "final_message": candidate.final_message,
        "transcript_sha256": _sha256(as_line(transcript).encode()),
        "steps": len(candidate.transcript),
        "transcript_length": sum(len(step.get("text") or "") for step in candidate.transcript),
        "set_apart": [f"{each['rule']}: {path}" for each in candidate.set_apart for path in each["paths"]],
        "notes": list(candidate.notes),
        "evidence": {name: candidate.evidence.get(name) for name in evidence},
        "run": _run(candidate),
    }


def _run(candidate: Candidate) -> dict[str, Any]:
    """The run that ended last: the one that made the candidate final."""
    runs = list(candidate.runs.order_by("pk"))
    last = runs[-1] if runs else None
    return {
        "id": last.pk if last else None,
        "attempts": len(runs),
        "started_at": _time(last.started_at if last else None),
        "ended_at": _time(last.ended_at if last else None),
        "seconds": last.seconds if last else None,
        "exit_code": last.exit_code if last else None,
        "cost": str(last.cost) if last else None,
    }


def _drawing(first: Candidate, second: Candidate) -> int | None:
    """Which version of the drawing the rater may have seen last."""
    pages = PairPage.objects.filter(left=first, right=second).order_by("-version")
    return pages.values_list("version", flat=True).first()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
