"""Each installed agent through each case: good work, a provider that fails, an agent that misbehaves."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from grading.diffs.escape import visible
from tasks import providers
from tasks.generation import scrub
from tasks.models import Candidate, Provider
from tests import factories
from tests.fake_provider import FakeProvider, Turn, in_a_thread
from tests.faults import worlds
from tests.real.scripts import Act, Script
from tests.real.world import World
from tests.stack import eventually

#: These run no commands, and are tried with what can be done by writing files.
WITHOUT_A_SHELL = frozenset({"aider"})
EDIT = Act(files={"README.md": "hello\n"})
ESCAPES = r"\033[2J\033]0;owned\007<script>alert(1)</script>"
PRINTED = "\033[2J\033]0;owned\007<script>alert(1)</script>"
FEATURE = (
    "mkdir -p pkg && printf 'def twice(n):\\n    return 2 * n\\n' > pkg/twice.py && touch pkg/__init__.py",
    "printf 'from pkg.twice import twice\\n\\n\\ndef test_twice():\\n    assert twice(2) == 4\\n' > test_twice.py",
    "printf '\\n\\ndef add_all(*every):\\n    return sum(every)\\n' >> sums.py",
    "rm README.md",
)
WRITTEN = {
    "README.md": "# Sums\n",
    "pkg/__init__.py": "# One function.\n",
    "pkg/twice.py": "def twice(n):\n    return 2 * n\n",
    "sums.py": "def add(a, b):\n    return a + b\n\n\ndef add_all(*every):\n    return sum(every)\n",
    "test_twice.py": "from pkg.twice import twice\n\n\ndef test_twice():\n    assert twice(2) == 4\n",
}
NAMES = "Written by Claude Code (Anthropic), Codex (OpenAI), Gemini and {model}."
NAMING = (
    "printf '# " + NAMES + "\\n' >> sums.py",
    "echo '" + NAMES + "'; git commit -qam 'Co-Authored-By: Claude <noreply@anthropic.com>' || true",
)


@dataclass(frozen=True)
class Case:
    """What the model does, and what becomes of it: state, blind word, part of the sentence of the last run."""

    act: Act = EDIT
    faults: tuple[Turn, ...] = ()
    always: Turn | None = None
    state: str = "ready"
    failure: str = ""
    sentence: str = ""
    runs: int = 1
    #: Paths of the patch.
    paths: tuple[str, ...] | None = ("README.md",)
    also: Callable[[Candidate], bool] = lambda candidate: True


def _is_masked(candidate: Candidate) -> bool:
    """The code is held for an admin, everything said is masked."""
    told = (json.dumps(candidate.transcript) + candidate.final_message).lower()
    words = [*scrub.known_names(), "claude", "anthropic", "openai", "codex"]
    return candidate.is_held and not [word for word in words if word.lower() in told]


def _is_as_it_was_said(candidate: Candidate) -> bool:
    """Stored as it came: pages show each odd character as a token."""
    return candidate.final_message == f"Done. {PRINTED}" and "[U+001B]" in visible(candidate.final_message)


CASES = {
    "edit": Case(),
    "feature": Case(
        Act(FEATURE, "I added twice() with a test.", WRITTEN),
        paths=("README.md", "pkg/__init__.py", "pkg/twice.py", "sums.py", "test_twice.py"),
    ),
    "question": Case(Act(("cat sums.py",), "It adds two numbers.", {}), paths=()),
    "429 once": Case(faults=(Turn(status=429, error="rate_limit_error", retry_after="1"),)),
    "500 once": Case(faults=(Turn(status=500, error="api_error"),)),
    "529 twice": Case(faults=(Turn(status=529, error="overloaded_error"),) * 2),
    "529 always": Case(
        always=Turn(status=529, error="overloaded_error"),
        state="failed",
        failure="machine",
        sentence="The provider answered 529",
        runs=2,
        paths=(),
    ),
    "401": Case(
        always=Turn(status=401, error="authentication_error"),
        state="queued",
        sentence="The provider refuses our key or our account (401)",
        paths=(),
    ),
    "prompt too long": Case(
        always=Turn(status=400, error="context_length_exceeded"),
        state="failed",
        failure="limit",
        sentence="The conversation is longer than the model takes (400)",
        paths=(),
    ),
    "dropped": Case(faults=(Turn(ends="dropped"),)),
    "truncated": Case(faults=(Turn(ends="truncated"),)),
    "stalled": Case(faults=(Turn(ends="stalled"),)),
    "overloaded midway": Case(faults=(Turn(ends="trouble"),)),
    "deletes .git": Case(Act((*EDIT.commands, "rm -rf .git"), "Done.")),
    "30,000 files": Case(
        Act(("mkdir many && cd many && seq 30000 | xargs touch && ls | wc -l",), "I wrote 30,000 files."),
        paths=None,
        also=lambda candidate: len(candidate.files) == 30_000,
    ),
    "leaves a daemon": Case(
        Act(
            (
                "setsid nohup sh -c 'sleep 1000; : {mark}' > /dev/null 2>&1 & sleep 0.1; echo started",
                *EDIT.commands,
            ),
            "Done.",
        )
    ),
    "escape codes": Case(
        Act((f"printf '{ESCAPES}'", *EDIT.commands), f"Done. {PRINTED}"),
        also=_is_as_it_was_said,
    ),
    "names itself": Case(
        Act(NAMING, NAMES, {"sums.py": f"# {NAMES}\n"}), paths=("sums.py",), also=_is_masked
    ),
}


def chosen_cases() -> list[str]:
    """All, or those that CASES names, with semicolons between."""
    named = [name.strip() for name in os.environ.get("CASES", "").split(";") if name.strip()]
    assert not (unknown := set(named) - set(CASES)), unknown
    return named or list(CASES)


def can(preset: str, case: str) -> bool:
    return preset not in WITHOUT_A_SHELL or CASES[case].act.files is not None


def test_every_case_ends_as_it_must(world: World) -> None:
    rows: dict[tuple[str, str], worlds.Agent] = {}
    with in_a_thread(decide=world.decide) as fake:
        for case in chosen_cases():
            able = [preset for preset in world.installed if can(preset, case)]
            for preset in able:
                rows[case, preset] = _agent(world, fake, case, preset)
            _experiments(world, case, [rows[case, preset] for preset in able])
        told = []
        for key, agent in rows.items():
            # Some agents ask for minutes before they give up.
            world.wait_for([_candidate(agent)], within=1500)
            told.append(_told(*key, agent))
        worlds.assert_nothing_is_left(world.stack, list(rows.values()))
        _resume_what_was_refused(world, rows)

    assert not [wrong for wrong in told if wrong]


def _agent(world: World, fake: FakeProvider, case: str, preset: str) -> worlds.Agent:
    chosen = CASES[case]
    model = f"wrasse-{len(world.scripts) + 1}"
    script = Script(faults=list(chosen.faults), always=chosen.always)
    agent = world.agent(fake, preset, model, script, price="3")
    commands = tuple(
        each.replace("{mark}", agent.mark).replace("{model}", model) for each in chosen.act.commands
    )
    files = chosen.act.files and {
        path: text.replace("{model}", model) for path, text in chosen.act.files.items()
    }
    script.acts = {"": Act(commands, chosen.act.said.replace("{model}", model), files)}
    return agent


def _experiments(world: World, case: str, agents: list[worlds.Agent]) -> None:
    """Two at a time; a last one stands beside a line of shell."""
    for pair in (agents[start : start + 2] for start in range(0, len(agents), 2)):
        beside = pair if len(pair) == 2 else [*pair, worlds.make_agent("echo hello > README.md; echo I did.")]
        world.experiment(beside, prompt=f"Say hello in README.md. ({case})")
    worlds.prepare_here()


def _candidate(agent: worlds.Agent) -> Candidate:
    return Candidate.objects.get(origin__agent_version=agent.version)


def _told(case: str, preset: str, agent: worlds.Agent) -> str:
    """What is not as it must be; printed as a row of the table either way."""
    wanted, candidate = CASES[case], _candidate(agent)
    runs = list(candidate.runs.order_by("pk"))
    sentence = runs[-1].sentence
    paths = tuple(sorted(file["path"] for file in candidate.files))
    right = {
        "state": candidate.state == wanted.state,
        "failure": candidate.failure == wanted.failure,
        "sentence": wanted.sentence in sentence,
        "runs": len(runs) == wanted.runs,
        "paths": wanted.paths is None or paths == wanted.paths,
        "rest": wanted.also(candidate),
    }
    wrong = ", ".join(name for name, well in right.items() if not well)
    verdict, state = "BAD" if wrong else "well", f"{candidate.state} {candidate.failure}".strip()
    took = f"{len(runs)} run {runs[-1].seconds or 0:>5.1f} s"
    said = wrong or sentence.replace("node_modules/", "")[:100]
    print(f"{verdict:<5}{preset:<15}{case:<18}{state:<16}{took}  {said}", flush=True)
    return wrong


def _resume_what_was_refused(world: World, rows: dict[tuple[str, str], worlds.Agent]) -> None:
    """The key is set right and the provider resumed: the same candidate becomes ready, no attempt was lost."""
    refused = [agent for (case, _), agent in rows.items() if case == "401"]
    admin = factories.make_person("Ada", "admin")
    for agent in refused:
        world.scripts[agent.version.model].always = None
        provider = Provider.objects.get(agent_versions=agent.version)
        assert "401" in provider.pause_reason
        providers.resume(provider, by=admin)
    eventually(lambda: {_candidate(agent).state for agent in refused} <= {"ready"}, within=120)
