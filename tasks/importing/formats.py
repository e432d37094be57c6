"""What a row must hold to become a task or a recorded output. Plain values in, plain values out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from tasks.addresses import REPOSITORY
from tasks.importing.rows import Refused

COMMIT = re.compile(r"[0-9a-f]{40}")
INSTANCE = re.compile(r"[\w.:/@+-]{1,150}")
MOST_TEXT = 200_000  # characters of a prompt or a part of a write-up
MOST_PATCH = 32 * 1024 * 1024  # characters
NO_PROMPT = "The text of this task was not part of what was imported."

#: Parts of a write-up that our own format may fill.
WRITE_UP = ("about", "change", "edge_cases", "acceptance", "ideal_answer", "difficulty")


@dataclass(frozen=True)
class Instance:
    """One task of a benchmark, or one of our own format."""

    key: str
    repository: str
    base_commit: str
    title: str
    prompt: str
    category: str
    write_up: Mapping[str, str] = field(default_factory=dict)
    effort_hours: Decimal | None = None
    patch: str = ""
    test_patch: str = ""
    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What one model made of one task."""

    key: str
    model: str
    patch: str
    #: JSON, one step a line; empty when it was not given.
    transcript: str = ""


def instance_of(row: Mapping[str, Any], categories: frozenset[str]) -> Instance:
    """A SWE-bench row (`instance_id`, `repo`, `problem_statement`, …) or one of ours. Raises Refused."""
    key = _matching(row, "instance_id", INSTANCE, "an identifier of letters, digits and . _ - : / @ +")
    prompt = _text(row, "problem_statement" if "problem_statement" in row else "prompt") or NO_PROMPT
    category = _text(row, "category") or "bug fix"
    if category not in categories:
        raise Refused(f"“{category[:40]}” is not a category; there are {', '.join(sorted(categories))}.")
    return Instance(
        key=key,
        repository=_matching(row, "repo", REPOSITORY, "an owner and a name, as in octocat/hello"),
        base_commit=_matching(row, "base_commit", COMMIT, "a commit of 40 hexadecimal digits"),
        title=(_text(row, "title") or _first_line(prompt, key))[:200],
        prompt=prompt,
        category=category,
        write_up={name: _text(row, name) for name in WRITE_UP},
        effort_hours=_hours(row.get("effort_hours")),
        patch=_text(row, "patch", most=MOST_PATCH),
        test_patch=_text(row, "test_patch", most=MOST_PATCH),
        fail_to_pass=_names(row, "FAIL_TO_PASS"),
        pass_to_pass=_names(row, "PASS_TO_PASS"),
    )


def prediction_of(row: Mapping[str, Any]) -> Prediction:
    """`instance_id`, `model_name_or_path`, `model_patch` (null is empty), perhaps `transcript`. Raises Refused."""
    model = _text(row, "model_name_or_path").strip()
    if not model:
        raise Refused("It names no model (model_name_or_path).")
    if len(model) > 100:
        raise Refused("The name of the model is longer than 100 characters.")
    if "model_patch" not in row:
        raise Refused("It has no model_patch; an agent that changed nothing has an empty one.")
    return Prediction(
        key=_matching(row, "instance_id", INSTANCE, "an identifier"),
        model=model,
        patch=_text(row, "model_patch", most=MOST_PATCH),
        transcript=_transcript(row.get("transcript")),
    )


def _text(row: Mapping[str, Any], name: str, *, most: int = MOST_TEXT) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"{name} is not a text.")
    if len(value) > most:
        raise Refused(f"{name} is longer than {most:,} characters.")
    if "\0" in value:
        raise Refused(f"{name} holds a NUL character, which no text may.")
    return value


def _matching(row: Mapping[str, Any], name: str, pattern: re.Pattern[str], what: str) -> str:
    value = _text(row, name)
    if not value:
        raise Refused(f"It has no {name}.")
    if not pattern.fullmatch(value):
        raise Refused(f"Its {name} “{value[:80]}” is not {what}.")
    return value


def _first_line(prompt: str, key: str) -> str:
    lines = (line.strip().lstrip("#").strip() for line in prompt.splitlines())
    return key if prompt == NO_PROMPT else next(filter(None, lines), key)


def _names(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of names, or one written as JSON text, as the published sets have it."""
    value = row.get(name) or []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as why:
            raise Refused(f"{name} is neither a list nor a list written as JSON.") from why
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(f"{name} is not a list of names of tests.")
    return tuple(one.replace("\0", "") for one in value)


def _hours(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        hours = Decimal(str(value)).quantize(Decimal("0.1"))
    except InvalidOperation:
        raise Refused("effort_hours is not a number of hours.") from None
    if not 0 < hours < 1000:
        raise Refused("effort_hours lies outside of 0 to 1000.")
    return hours


def _transcript(value: Any) -> str:
    """A list of neutral steps, or their text."""
    if value is None or isinstance(value, str):
        return (value or "").replace("\0", "")
    if isinstance(value, list) and all(isinstance(step, dict) for step in value):
        return "\n".join(json.dumps(step) for step in value)
    raise Refused("transcript is neither a text nor a list of steps.")
