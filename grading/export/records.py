"""One dictionary per accepted preference, with the names of who made what. This is where the veil is lifted."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from django.conf import settings

from grading.models import Preference, Revision
from grading.rubric import canonical
from marlin.models import User
from tasks.models import Candidate, Experiment, Origin

#: Changes when a field is added or means something else.
FORMAT = 1


def record_of(preference: Preference, revision: Revision) -> dict[str, Any]:
    """The row as researchers get it. Needs rights on the guarded tables.

    `model_a` is the arm that comes first in the experiment, wherever it was shown; `side` says where: L is
    the rater's A. Ratings are symmetric about zero and positive when `model_a` is better; `shown` keeps
    the positions as the rater saw them, 1 being "A clearly".
    """
    pair = preference.pair
    assignment = pair.assignment
    task = assignment.task
    experiment, scenario = task.experiment, task.scenario
    points = experiment.rubric.points
    left, right = _origin(pair.a), _origin(pair.b)
    a_is_left = left.arm.position < right.arm.position
    first, second = (pair.a, pair.b) if a_is_left else (pair.b, pair.a)
    models = (left, right) if a_is_left else (right, left)
    texts = revision.texts
    own, other = ("a", "b") if a_is_left else ("b", "a")
    return {
        "format": FORMAT,
        "preference": str(preference.public_id),
        "revision": revision.number,
        "experiment": {"id": str(experiment.public_id), "name": experiment.name},
        "task": str(task.public_id),
        "turn": pair.turn.number,
        "attempt": pair.attempt,
        "rater": pseudonym(assignment.rater, experiment),
        "seat": assignment.seat,
        "scenario": {
            "id": str(scenario.public_id),
            "title": scenario.title,
            "category": scenario.category,
            "repository": scenario.repository.name,
            "language": scenario.repository.language,
            "base_commit": pair.turn.base_commit,
        },
        "prompt": pair.turn.prompt,
        "model_a": models[0].agent_version.name,
        "model_b": models[1].agent_version.name,
        "side": "L" if a_is_left else "R",
        "draw": {"method": pair.method, "probability": pair.probability},
        "rubric": {
            "name": experiment.rubric.name,
            "version": experiment.rubric.version,
            "points": points,
        },
        "rating": canonical(points, revision.ratings["overall"], a_is_first=a_is_left),
        "axes": {
            axis: canonical(points, value, a_is_first=a_is_left)
            for axis, value in sorted(revision.ratings.items())
            if axis != "overall"
        },
        "shown": {
            "A": left.agent_version.name,
            "B": right.agent_version.name,
            "ratings": dict(sorted(revision.ratings.items())),
        },
        "key_axis": revision.key_axis,
        "texts": {
            "strengths_a": texts.get(f"{own}_strengths", ""),
            "weaknesses_a": texts.get(f"{own}_weaknesses", ""),
            "strengths_b": texts.get(f"{other}_strengths", ""),
            "weaknesses_b": texts.get(f"{other}_weaknesses", ""),
            # Written with the letters of `shown`; never rewritten.
            "justification": texts.get("justification", ""),
        },
        "session_complete": assignment.session_complete,
        "agent_a": _agent(models[0]),
        "agent_b": _agent(models[1]),
        "candidate_a": _candidate(first),
        "candidate_b": _candidate(second),
        "submitted_at": _time(assignment.submitted_at),
    }


def pseudonym(person: User, experiment: Experiment) -> str:
    """Stable within an experiment, unrelated between two, and not to be turned back without our key."""
    message = f"{experiment.public_id}:{person.public_id}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()[:16]


def as_line(record: dict[str, Any]) -> str:
    """Canonical JSON: the same record is the same bytes."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(record: dict[str, Any]) -> str:
    return hashlib.sha256(as_line(record).encode()).hexdigest()


def _origin(candidate: Candidate) -> Origin:
    return Origin.objects.select_related("arm", "agent_version").get(candidate=candidate)


def _agent(origin: Origin) -> dict[str, Any]:
    version = origin.agent_version
    return {
        "name": version.name,
        "harness": version.harness,
        "harness_version": version.harness_version,
        "model": version.model,
        "provider": version.provider,
        "released_on": version.released_on.isoformat() if version.released_on else None,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": str(candidate.public_id),
        "state": candidate.state,
        "failure": candidate.failure,
        # A patch may hold any bytes; what is not UTF-8 is escaped, and `tree` says what it leads to.
        # So is NUL, which PostgreSQL's JSON does not take: git calls a file text that has one late enough.
        "patch": bytes(candidate.patch).decode("utf-8", "backslashreplace").replace("\0", "\\x00"),
        "tree": candidate.tree,
        "files": len(candidate.files),
        "added": sum(file["added"] for file in candidate.files),
        "removed": sum(file["removed"] for file in candidate.files),
        "final_message": candidate.final_message,
        "evidence": {
            name: candidate.evidence.get(name) for name in ("ran", "passed", "failed", "skipped", "failures")
        },
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
