"""Agents as data: from a kind and its settings to something that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.agents.base import Agent, AgentMisconfigured
from tasks.agents.command import CommandAgent
from tasks.agents.harness import KNOWN_AS, NAMES
from tasks.agents.replay import ReplayAgent


def agent_for(kind: str, settings: Mapping[str, object]) -> Agent:
    """The agent that these plain values describe. Raises AgentMisconfigured with a sentence.

    "command": {"argv": [...], "env": {...}} and more, see
    tasks.agents.harness; "replay": {"patch": "...", "transcript": "..."}.
    """
    if kind not in KINDS:
        raise AgentMisconfigured(
            f"“{kind[:80]}” is not a kind of agent; there are {', '.join(sorted(KINDS))}."
        )
    settings = {name: value for name, value in settings.items() if name != KNOWN_AS}
    allowed, build = KINDS[kind]
    unknown = sorted(str(name) for name in settings if name not in allowed)
    if unknown:
        raise AgentMisconfigured(f"A {kind} agent has no setting “{unknown[0][:80]}”.")
    return build(settings)


def _command(settings: Mapping[str, Any]) -> Agent:
    rest = {name: value for name, value in settings.items() if name not in ("argv", "env")}
    if not isinstance(settings.get("argv"), list | tuple) or not isinstance(settings.get("env", {}), Mapping):
        raise AgentMisconfigured(
            "A command agent needs “argv”, a list, and may have “env”, names and values."
        )
    return CommandAgent(settings["argv"], settings.get("env", {}), **rest)


def _replay(settings: Mapping[str, Any]) -> Agent:
    return ReplayAgent(patch=_recorded(settings, "patch"), transcript=_recorded(settings, "transcript"))


def _recorded(settings: Mapping[str, Any], name: str) -> bytes:
    value = settings.get(name, "")
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return value
    raise AgentMisconfigured(f"The {name} of a replay agent must be text.")


KINDS: Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, Any]], Agent]]] = {
    "command": (NAMES, _command),
    "replay": (frozenset({"patch", "transcript"}), _replay),
}
