"""From what each harness prints to one list of steps: the only code that is particular to an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.agents.parsers import aider, claude, codex, gemini, mini, opencode, plain
from tasks.agents.parsers.log import Log, Outcome, Usage

__all__ = ["PARSERS", "Log", "Outcome", "Parser", "Usage"]


@dataclass(frozen=True)
class Parser:
    """`read` takes the whole log and never raises; `has_result` says that a run that went well left a record of it."""

    read: Callable[[bytes], Log]
    has_result: bool = True


PARSERS: Mapping[str, Parser] = {
    "claude-stream-json": Parser(claude.read),
    "codex-jsonl": Parser(codex.read),
    "opencode-jsonl": Parser(opencode.read),
    "gemini-jsonl": Parser(gemini.read),
    "mini-traj": Parser(mini.read),
    "aider": Parser(aider.read),
    "plain": Parser(plain.read, has_result=False),
    "steps": Parser(plain.steps, has_result=False),
}
