"""What a scripted model has a real agent do: commands for the agent's own shell tool, then a sentence.

A script keeps no place of its own: how far a conversation is, the conversation itself tells. So it serves agents that
ask twice, start again, or go on with a session of another's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from tests.fake_provider import Seen, Turn

#: What a request without tools is told: a title, a summary, or a question of the gateway's own.
ASIDE = "Work on a small library"
#: How those are told that work otherwise than by tools alone.
LISTING, SUBMITS = "*file listing*", "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


@dataclass(frozen=True)
class Act:
    """The answer to one prompt: commands, one after another, and what is said when they are done."""

    commands: tuple[str, ...] = ("printf 'hello\\n' > README.md",)
    said: str = "I wrote README.md."
    #: What an agent that runs no commands writes instead; None where it cannot do this at all.
    files: Mapping[str, str] | None = None


@dataclass
class Script:
    """Acts by a word of the prompt that asks for them; the prompt that came last counts."""

    acts: Mapping[str, Act] = field(default_factory=lambda: {"": Act()})
    #: These come first, once each.
    faults: list[Turn] = field(default_factory=list)
    #: What comes after the faults instead of any work: a provider that does not get well again.
    always: Turn | None = None
    seen: list[Seen] = field(default_factory=list)

    def __call__(self, seen: Seen) -> Turn:
        tools, written = tools_of(seen), takes_files(seen)
        if not tools and not written:
            return self.always or Turn(ASIDE)
        self.seen.append(seen)
        if self.faults:
            return self.faults.pop(0)
        if self.always:
            return self.always
        act, done = self._act(seen), answered(seen)
        if written:
            return Turn("\n\n".join([act.said, *starmap(_listing, (act.files or {}).items())]))
        if done < len(act.commands):
            return Turn("Let me see.", tool=shell(tools, act.commands[done]))
        return Turn(act.said, tool=shell(tools, f"echo {SUBMITS}") if submits(seen) else None)

    def _act(self, seen: Seen) -> Act:
        told = json.dumps(conversation(seen))
        return self.acts[max(self.acts, key=told.rfind)]


def takes_files(seen: Seen) -> bool:
    """Whether whole files are read out of what the model says (aider)."""
    return LISTING in json.dumps(conversation(seen)[:1])


def submits(seen: Seen) -> bool:
    """Whether a command is how the model says that it is done (mini-swe-agent)."""
    return SUBMITS in json.dumps(conversation(seen))


def _listing(path: str, text: str) -> str:
    return f"{path}\n```\n{text}```"


def conversation(seen: Seen) -> list[dict[str, Any]]:
    """The messages of a request, whatever they are called."""
    body = seen.body
    messages = body.get("messages") or body.get("input") or body.get("contents") or []
    return [message for message in messages if isinstance(message, dict)]


def answered(seen: Seen) -> int:
    """How many commands were answered since a person last wrote."""
    number = 0
    for message in conversation(seen):
        results = _results(message)
        if results:
            number += results
        elif message.get("role") == "user":
            number = 0
    return number


def _results(message: dict[str, Any]) -> int:
    if message.get("type") == "function_call_output" or message.get("role") == "tool":
        return 1
    parts = message.get("content") if isinstance(message.get("content"), list) else message.get("parts")
    return sum(
        part.get("type") == "tool_result" or "functionResponse" in part
        for part in parts or []
        if isinstance(part, dict)
    )


def tools_of(seen: Seen) -> list[str]:
    """The names of the tools that the agent offers."""
    names: list[str] = []
    for tool in seen.body.get("tools") or []:
        declared = tool.get("functionDeclarations") or [tool.get("function") or tool]
        names += [str(each["name"]) for each in declared if each.get("name")]
    return names


def shell(tools: list[str], command: str) -> tuple[str, dict[str, Any]]:
    """A call of whichever of these runs a command."""
    for name, argument in SHELLS.items():
        if name in tools:
            called: Any = ["bash", "-lc", command] if name == "shell" else command
            return name, {argument: called} | ({"description": "Work"} if name in DESCRIBED else {})
    raise AssertionError(f"None of these runs a command: {tools}")


#: The argument that holds the command, by the tool's name.
SHELLS = {
    "Bash": "command",
    "exec_command": "cmd",
    "shell_command": "command",
    "shell": "command",
    "bash": "command",
    "run_shell_command": "command",
}
DESCRIBED = frozenset({"Bash", "bash", "run_shell_command"})
