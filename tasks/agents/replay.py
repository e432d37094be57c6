"""An agent that repeats what was recorded: how outputs made elsewhere come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.agents.base import AgentFailed, AgentJob, AgentResult, never
from tasks.agents.transcripts import final_message, parse
from tasks.sandbox.base import Sandbox


@dataclass(frozen=True)
class ReplayAgent:
    """Gives back a recorded patch and transcript; the patch is applied by whoever asked, as any other."""

    patch: bytes = field(repr=False)
    transcript: bytes = field(repr=False)

    def run(
        self,
        job: AgentJob,
        sandbox: Sandbox,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> AgentResult:
        if cancelled():
            raise AgentFailed("cancelled", "The replay was cancelled.")
        steps = parse(self.transcript)
        return AgentResult(steps=steps, final_message=final_message(steps), patch=self.patch)
