"""What every agent takes and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, get_args

from tasks.agents.transcripts import Step
from tasks.sandbox.base import Finished, Limits, Sandbox
from tasks.sandbox.door import Door

# Blind words: the same for every agent, so that a rater may read them. The sentence beside may name somebody.
FailureKind = Literal[
    "nothing",  # printed nothing and changed nothing; decided by whoever takes the patch
    "provider",  # was let down by its provider, and says so
    "limit",  # reached a limit of its own: turns, tokens, money
    "exit",  # ended with an exit code that is not zero
    "time",  # used up its time
    "idle",  # neither printed nor worked for too long
    "memory",
    "output",  # printed too much
    "disk",  # wrote too much
    "processes",
    "patch",  # brought a patch that does not apply
    "cancelled",
    "unusable",  # the machine or the agent's own installation, not its work
]
FAILURE_KINDS: frozenset[str] = frozenset(get_args(FailureKind))


class AgentFailed(Exception):
    """The agent did not do its work. `kind` is blind; the message is for admins and may name the agent."""

    def __init__(self, kind: FailureKind, sentence: str, *, finished: Finished | None = None) -> None:
        if kind not in FAILURE_KINDS:
            raise ValueError(f"{kind!r} is not a kind of failure.")
        super().__init__(sentence)
        self.kind = kind
        self.finished = finished


class AgentMisconfigured(ValueError):
    """An agent's settings make no sense; the message says which and why."""


@dataclass(frozen=True)
class AgentJob:
    """One prompt to work on. The worktree is the agent's to change, the home its own."""

    prompt: str = field(repr=False)
    worktree: Path
    home: Path
    agent_dir: Path | None = None  # its installation, shown read-only
    limits: Limits = field(default_factory=Limits)
    door: Door | None = None  # its way to a model, when it needs one
    resumed: Memory | None = None  # the conversation that it goes on with


@dataclass(frozen=True)
class Memory:
    """What an agent keeps of a conversation: its session, and the files of its home that hold it."""

    session: str
    state: bytes = field(repr=False)


@dataclass(frozen=True)
class AgentResult:
    """What an agent did. `patch` is set only by an agent that brings its own and edits nothing."""

    steps: tuple[Step, ...]
    final_message: str
    patch: bytes | None = None
    finished: Finished | None = None
    memory: Memory | None = None  # None when it cannot go on with this conversation by itself


def never() -> bool:
    return False


class Agent(Protocol):
    """Works on one prompt. Raises AgentFailed when it does not get to an end, and nothing else of its own."""

    def run(
        self,
        job: AgentJob,
        sandbox: Sandbox,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> AgentResult: ...
