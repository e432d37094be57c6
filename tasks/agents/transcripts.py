"""What an agent did, in one vocabulary for all of them, read from a file that nobody vouches for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Kind = Literal["say", "read", "search", "edit", "write", "run", "result", "retry", "error", "note"]
KINDS: frozenset[str] = frozenset(get_args(Kind))

MOST_BYTES = 32 * 1024 * 1024  # of the whole transcript
MOST_STEPS = 20_000
MOST_LINE = 4 * 1024 * 1024  # bytes of one line; a longer one cannot be JSON we want to hold
MOST_TEXT = 256 * 1024  # characters of one step
MOST_PATH = 4096  # characters
LEFT_OUT = "[...]"
#: What is retold to an agent that was not there.
VERBS = {"read": "read", "search": "searched for", "edit": "edited", "write": "wrote", "run": "ran"}
MOST_RETOLD = 200  # steps of a turn
MOST_ANSWER = 8_000  # characters
MOST_SHOWN = 300
ANOTHER_FORM = "A line of another form was left out."


@dataclass(frozen=True)
class Step:
    """One thing an agent said or did; `exit` is the exit code of a command it ran."""

    kind: Kind
    text: str
    path: str | None = None
    exit: int | None = None


def parse(transcript: bytes) -> tuple[Step, ...]:
    """Read the neutral form: one JSON object a line with the keys kind, text, path, exit.

    Whatever is no such object is kept as a note, in bounds; nothing in the bytes raises.
    """
    steps: list[Step] = []
    for line in _lines(transcript[:MOST_BYTES]):
        if len(steps) == MOST_STEPS:
            steps.append(Step("note", "The transcript has more steps than are kept."))
            return tuple(steps)
        steps.append(_step(line))
    if len(transcript) > MOST_BYTES:
        steps.append(Step("note", "The transcript is longer than is kept."))
    return tuple(steps)


def final_message(steps: Iterable[Step]) -> str:
    """The last thing the agent said, empty when it said nothing."""
    said = [step.text for step in steps if step.kind == "say" and step.text.strip()]
    return said[-1] if said else ""


def as_json(steps: Iterable[Step]) -> bytes:
    """The neutral form of these steps, which `from_json` reads back unchanged."""
    lines = (json.dumps(_described(step), ensure_ascii=False) for step in steps)
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def from_json(stored: bytes) -> tuple[Step, ...]:
    return parse(stored)


def _described(step: Step) -> dict[str, object]:
    described: dict[str, object] = {"kind": step.kind, "text": step.text}
    if step.path is not None:
        described["path"] = step.path
    if step.exit is not None:
        described["exit"] = step.exit
    return described


def _lines(transcript: bytes) -> Iterator[bytes]:
    """Lines that hold something, one at a time: a file of line breaks must not become a list of them."""
    for match in re.finditer(rb"[^\n]+", transcript):
        if line := match[0].strip():
            yield line


def _step(line: bytes) -> Step:
    if len(line) > MOST_LINE:
        return Step("note", cleaned(line[:MOST_TEXT].decode("utf-8", "replace")) + LEFT_OUT)
    text = line.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Step("note", cleaned(text))
    if not isinstance(found, dict):
        return Step("note", cleaned(text))
    kind = found.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        # A harness's own records tell times, costs and names; the run's log keeps them, for admins.
        return Step("note", ANOTHER_FORM)
    return Step(
        cast(Kind, kind), cleaned(found.get("text")), _path(found.get("path")), _exit(found.get("exit"))
    )


def cleaned(value: object) -> str:
    """Text that a database column and a page can hold: no NUL, no lone surrogate, bounded."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _shown(value)
    if len(text) > MOST_TEXT:
        text = text[:MOST_TEXT] + LEFT_OUT
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _shown(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _path(value: object) -> str | None:
    return cleaned(value[:MOST_PATH]) if isinstance(value, str) and value else None


def _exit(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


@dataclass(frozen=True)
class Past:
    """One turn that is over: the prompt, the steps as they are stored, and what was answered."""

    prompt: str
    steps: Sequence[Mapping[str, Any]]
    final_message: str


def retold(past: Sequence[Past], prompt: str) -> str:
    """A prompt that tells a fresh agent what was asked and done before, in bounds; results of steps are left out."""
    told = ["This is a conversation that goes on. The files here are as the work so far has left them.", ""]
    for number, turn in enumerate(past, 1):
        done = [_in_a_line(step) for step in turn.steps if step.get("kind") in VERBS]
        if len(done) > MOST_RETOLD:
            half = MOST_RETOLD // 2
            done = [*done[:half], f"- ({len(done) - MOST_RETOLD} more steps)", *done[-half:]]
        told += [
            f"## Turn {number}: asked",
            "",
            turn.prompt.strip(),
            "",
            f"## Turn {number}: done",
            "",
            *done,
            "",
        ]
        told += [f"## Turn {number}: answered", "", turn.final_message.strip()[:MOST_ANSWER], ""]
    return "\n".join([*told, "## Asked now", "", prompt.strip(), ""])


def _in_a_line(step: Mapping[str, Any]) -> str:
    what = step.get("path") or str(step.get("text", "")).strip().split("\n")[0][:MOST_SHOWN]
    code = step.get("exit")
    return f"- {VERBS[step['kind']]} {what}" + (f" (exit code {code})" if code is not None else "")
