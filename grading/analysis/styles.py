"""What a patch looks like apart from how good it is: sizes that raters may fall for, as differences."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

#: A line of code that is a comment, in the languages we meet; `*` goes on with a block.
COMMENT = re.compile(
    r"\s*(#(?!include|define|if|else|endif|pragma)|//|/\*|\*(\s|/|$)|--\s|<!--|;;|\"\"\"|''')"
)
#: A file that holds tests, by where it lies or what it is called.
TESTS = re.compile(
    r"(^|/)(tests?|specs?|__tests__)/|(^|/)(test_|conftest\.)[^/]*$|[._-](test|spec)s?\.[^/.]+$", re.I
)


def differences(first: object, second: object) -> dict[str, float]:
    """How much more the first candidate of a record has, by style; without those that either does not tell.

    ln(1 + x) of each: twice as long is the same step for short and long patches.
    """
    if not isinstance(first, dict) or not isinstance(second, dict):
        return {}
    sizes = {style: (size(first), size(second)) for style, size in SIZES.items()}
    return {
        style: math.log1p(one) - math.log1p(other)
        for style, (one, other) in sizes.items()
        if one is not None and other is not None
    }


def _changed_lines(candidate: Mapping[str, Any]) -> int | None:
    added, removed = _number(candidate.get("added")), _number(candidate.get("removed"))
    return added + removed if added is not None and removed is not None else None


def _files(candidate: Mapping[str, Any]) -> int | None:
    return _number(candidate.get("files"))


def _test_lines(candidate: Mapping[str, Any]) -> int | None:
    patch = candidate.get("patch")
    return sum(bool(TESTS.search(path)) for path, _ in _added(patch)) if isinstance(patch, str) else None


def _comments(candidate: Mapping[str, Any]) -> int | None:
    patch = candidate.get("patch")
    return sum(bool(COMMENT.match(line)) for _, line in _added(patch)) if isinstance(patch, str) else None


def _message_length(candidate: Mapping[str, Any]) -> int | None:
    message = candidate.get("final_message")
    return len(message) if isinstance(message, str) else None


def _transcript_length(candidate: Mapping[str, Any]) -> int | None:
    transcript = candidate.get("transcript")
    if isinstance(transcript, list):
        return len(transcript)
    return _number(candidate.get("transcript_length"))


#: By name of the style, how much of it a candidate has; None where the record does not tell.
SIZES: Mapping[str, Callable[[Mapping[str, Any]], int | None]] = {
    "changed_lines": _changed_lines,
    "files": _files,
    "tests": _test_lines,
    "comments": _comments,
    "message_length": _message_length,
    "transcript_length": _transcript_length,
}


def _added(patch: str) -> list[tuple[str, str]]:
    """Each added line of a patch in git's format with the path of its file."""
    found, path, in_hunk = [], "", False
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            path, in_hunk = line.rpartition(" b/")[2], False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and line.startswith("+"):
            found.append((path, line[1:]))
    return found


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
