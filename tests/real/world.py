"""Installed agents as versions that a worker can run, each with a provider of its own that follows a script."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tasks import providers, versions
from tasks.models import AgentVersion, Candidate, Experiment, Provider, Repository
from tasks.presets import presets
from tests import factories
from tests.fake_provider import FakeProvider, Seen, Turn
from tests.faults import worlds
from tests.real.scripts import Script
from tests.stack import Stack, eventually

FAMILIES = {
    "anthropic": Provider.Dialect.ANTHROPIC,
    "openai-chat": Provider.Dialect.OPENAI,
    "openai-responses": Provider.Dialect.OPENAI,
    "gemini": Provider.Dialect.GEMINI,
}


@dataclass
class World:
    stack: Stack
    repository: Repository
    commit: str
    folder: Path
    installed: list[str]
    #: What each model does, by its real name.
    scripts: dict[str, Script] = field(default_factory=dict)

    def decide(self, seen: Seen) -> Turn:
        return self.scripts[seen.model](seen)

    def agent(
        self, fake: FakeProvider, preset: str, model: str, script: Script, *, price: str
    ) -> worlds.Agent:
        """A version of an installed harness whose model does what the script says."""
        self.scripts[model] = script
        chosen = presets()[preset]
        family = FAMILIES[chosen.settings["dialect"]]
        provider = factories.make_provider(
            name=f"House of {model}",
            dialect=family,
            base_url=fake.url + ("/v1" if family == Provider.Dialect.OPENAI else ""),
            is_local=True,
        )
        # Sealed anew for the gateway that runs, whose half a key pair is the newest.
        providers.set_key(provider, "sk-of-nobody", by=None)
        amounts = dict.fromkeys(("input", "output", "cache_read", "cache_write"), Decimal(price))
        providers.set_price(provider, model, amounts, by=None)
        version = versions.add(
            preset,
            name=model.title(),
            model=model,
            provider=provider.name,
            directory=str(self.folder / preset),
        )
        mark = f"mark-{uuid.uuid4().hex}"
        version.settings["env"] = {**version.settings.get("env", {}), "MARK": mark}
        version.save()
        return worlds.Agent(version, mark)

    def experiment(self, agents: Sequence[worlds.Agent], *, prompt: str, turns: int = 1) -> Experiment:
        scenario = factories.make_scenario(repository=self.repository, base_commit=self.commit, prompt=prompt)
        arms: list[AgentVersion] = [agent.version for agent in agents]
        return factories.make_experiment(scenarios=[scenario], versions=arms, turns_wanted=turns)

    def wait_for(self, candidates: Sequence[Candidate], *, within: float) -> None:
        """Until each is ready, failed, or waits for an admin who resumes its provider."""
        keys = [candidate.pk for candidate in candidates]
        eventually(
            lambda: not [one for one in Candidate.objects.filter(pk__in=keys) if not has_ended(one)],
            within=within,
            why=f"Some have not ended.\n{self.stack.log_of('worker')[-3000:]}",
        )


def has_ended(candidate: Candidate) -> bool:
    if candidate.state == Candidate.State.QUEUED:
        served_by = candidate.origin.agent_version.served_by
        return bool(served_by and served_by.state == Provider.State.PAUSED and candidate.runs.exists())
    return candidate.state in (Candidate.State.READY, Candidate.State.FAILED)
