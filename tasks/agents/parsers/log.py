"""What a log says, put together line by line in bounded memory."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tasks.agents.transcripts import (
    LEFT_OUT,
    MOST_BYTES,
    MOST_LINE,
    MOST_STEPS,
    MOST_TEXT,
    Kind,
    Step,
    cleaned,
)
from tasks.sandbox.base import HOME, WORKSPACE

#: Why a harness says it did not get to its end: its provider's fault, a limit of its own, or anything else.
Fault = Literal["", "provider", "limit", "other"]

PROVIDER = re.compile(
    r"\b(401|403|408|429|5\d\d)\b|overloaded|rate.?limit|quota|time[d ]?.?out|connection|unauthori[sz]ed"
    r"|authenticat|network|ECONN|high demand|temporar(?:y|ily)"
    r"|stream (?:closed|disconnected)|api.?error|service unavailable",
    re.IGNORECASE,
)
LIMIT = re.compile(
    r"max.?turns|maximum (?:number of )?turns|step.?limit|limits?.?exceeded|prompt.{0,12}too.long|context.{0,12}"
    r"(?:window|length)|budget",
    re.IGNORECASE,
)
#: What a harness writes around a command's output: the exit code has a place of its own.
EMPTY = re.compile(r"^(?:Error: )?Exit code \d+\n?|^\((?:Bash completed with )?no output\)$|^\(empty\)$")
ASKED_AGAIN = "The model did not answer; it was asked again."
ANOTHER_TOOL = "Used another tool."
UNKNOWN = "A line of another form was left out."


@dataclass(frozen=True)
class Usage:
    """Tokens as the harness counts them; the gateway's own count is the one that is paid."""

    input: int = 0
    output: int = 0
    cached: int = 0


@dataclass(frozen=True)
class Outcome:
    """The record with which a harness ends: whether it calls that a success, and what it says if not."""

    succeeded: bool
    fault: Fault = ""
    sentence: str = ""


@dataclass(frozen=True)
class Log:
    """A whole log, read. `outcome` is None when it ends without saying how it went."""

    steps: tuple[Step, ...] = ()
    session: str = ""
    usage: Usage = Usage()
    outcome: Outcome | None = None
    final: str = ""


class Writer:
    """Collects steps up to a number and a size; what comes after is left out with one note."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._size = 0
        self._calls: dict[str, int] = {}
        self._full = False
        self.session = ""
        self.usage = Usage()
        self.outcome: Outcome | None = None
        self.final = ""

    def add(self, kind: Kind, text: object, path: object = None, code: object = None) -> None:
        if self._full:
            return
        step = Step(kind, cleaned(text), shown_path(path), _exit(code))
        self._size += len(step.text)
        if len(self._steps) == MOST_STEPS or self._size > MOST_BYTES:
            self._full = True
            step = Step("note", "The transcript has more steps than are kept.")
        self._steps.append(step)

    def say(self, text: object) -> None:
        if isinstance(text, str) and text.strip():
            self.add("say", text.strip())

    def call(self, name: object, kind: Kind, text: object, path: object = None) -> None:
        """A tool that is used; its answer comes later under the same name."""
        self.add(kind, text, path)
        if isinstance(name, str) and not self._full:
            self._calls[name] = len(self._steps) - 1

    def answer(self, name: object, text: object, *, code: object = None, failed: bool = False) -> None:
        """What a tool gave back: a command's exit code goes to the step that ran it."""
        asked = self._calls.pop(name, None) if isinstance(name, str) else None
        ended = _exit(code)
        if asked is not None and self._steps[asked].kind == "run" and ended is not None:
            self._steps[asked] = replace(self._steps[asked], exit=ended)
        shown = EMPTY.sub("", cleaned(text).rstrip()).lstrip("\n")
        if shown:
            self.add("error" if failed and ended is None else "result", shown)

    def ends(self, *, well: bool, sentence: object = "", limit: bool = False) -> None:
        said = cleaned(sentence)[:2000]
        fault: Fault = "" if well else "limit" if limit else fault_in(said)
        self.outcome = Outcome(well, fault, said)

    def log(self) -> Log:
        final = self.final.strip() or next(
            (step.text for step in reversed(self._steps) if step.kind == "say"), ""
        )
        return Log(tuple(self._steps), self.session[:200], self.usage, self.outcome, final)


def fault_in(sentence: str) -> Fault:
    if LIMIT.search(sentence):
        return "limit"
    return "provider" if PROVIDER.search(sentence) else "other"


def records(log: bytes, writer: Writer) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of a log, one a line. Whatever else stands there becomes a note."""
    for match in re.finditer(rb"[^\n]+", log[:MOST_BYTES]):
        line = match[0].strip()
        if not line:
            continue
        found = _object(line)
        if found is None:
            shown = line[:MOST_TEXT].decode("utf-8", "replace")
            writer.add("note", shown + LEFT_OUT if len(line) > MOST_LINE else shown)
            continue
        yield found
    if len(log) > MOST_BYTES:
        writer.add("note", "The transcript is longer than is kept.")


def _object(line: bytes) -> Mapping[str, Any] | None:
    if len(line) > MOST_LINE:
        return None
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def part(value: object, *names: str) -> Any:
    """What stands under these keys, one inside the other; None as soon as one is missing."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def parts(value: object, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list under this key."""
    found = part(value, name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text_of(value: object) -> str:
    """Text that is written as text, or as a list of parts with a text each."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text for one in value if (text := text_of(part(one, "text"))))
    return ""


def count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def changed(old: object, new: object) -> str:
    """An edit as lines that go and lines that come."""
    gone = [f"-{line}" for line in text_of(old).splitlines()]
    come = [f"+{line}" for line in text_of(new).splitlines()]
    return "\n".join((*gone, *come))


def shown_path(path: object) -> str | None:
    """Below the worktree, as everybody names it; None when there is none."""
    if not isinstance(path, str) or not path:
        return None
    plain = cleaned(path[:4096])
    for folder, short in ((WORKSPACE, ""), (HOME, "~")):
        if plain == folder or plain.startswith(f"{folder}/"):
            return posixpath.join(short, plain[len(folder) + 1 :]) or "."
    return plain


def _exit(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None
