"""Looks an agent version over before it is trusted with work: is it there, is it the pinned one, does it answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marlin.sources import source
from tasks.agents.base import AgentFailed, AgentJob, AgentMisconfigured
from tasks.agents.command import AGENT
from tasks.agents.harness import Harness, filled, harness_from
from tasks.agents.registry import agent_for
from tasks.gateway import access
from tasks.generation import pipeline, places
from tasks.models import AgentVersion
from tasks.sandbox.base import HOME, WORKSPACE, Command, Limits, Mount, Sandbox, SandboxUnusable

PROMPT = "Write a file called marlin.txt that holds the word tide, and say that you did."
NO_PROVIDER = "No provider serves its model yet, so no prompt was tried."
PROBE = Limits(wall=60, idle=None)
TRIAL = Limits(wall=300, idle=120)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `well` is None for what could not be tried."""

    what: str
    well: bool | None
    sentence: str


def examine(version: AgentVersion) -> Iterator[Finding]:
    """Stops at the first thing that bars the rest. Needs a worker's machine."""
    try:
        agent_for(version.kind, version.settings)
    except AgentMisconfigured as why:
        yield Finding("settings", False, str(why))
        return
    yield Finding("settings", True, "The settings make sense.")
    if version.kind == AgentVersion.Kind.REPLAY:
        yield Finding("recorded", True, f"It has {version.recorded.count()} recorded outputs.")
        return
    try:
        with places.run_directory(source().token("doctor")) as directory, places.sandbox() as sandbox:
            yield from _on_this_machine(version, directory, sandbox)
    except (pipeline.Failed, SandboxUnusable) as why:
        yield Finding("machine", False, str(why))


def _on_this_machine(version: AgentVersion, directory: Path, sandbox: Sandbox) -> Iterator[Finding]:
    harness = harness_from(version.settings)
    installed = pipeline.installed(version, directory)
    program = _program(harness, installed)
    if program is not None and not program.is_file():
        yield Finding("program", False, f"{_shown(harness)} is not in {version.directory}.")
        return
    yield Finding("program", True, f"{_shown(harness)} is there.")
    if harness.probe:
        answered = _version(harness, installed, directory, sandbox)
        yield answered
        if not answered.well:
            return
    if harness.dialect and version.served_by is None:
        yield Finding("prompt", None, NO_PROVIDER)
        return
    yield _trial(version, installed, directory, sandbox)


def _program(harness: Harness, installed: Path | None) -> Path | None:
    """The file that is started, where it lies in the agent's own directory."""
    inside = "{agent}/"
    named = next((part for part in harness.argv[:2] if part.startswith(inside)), None)
    return None if named is None or installed is None else installed / named.removeprefix(inside)


def _shown(harness: Harness) -> str:
    return next((part for part in harness.argv[:2] if part.startswith("{agent}/")), harness.argv[0])


def _version(harness: Harness, installed: Path | None, directory: Path, sandbox: Sandbox) -> Finding:
    """The harness tells its own version: both sides of a pair must run the pinned one."""
    values = dict.fromkeys(("gateway", "model", "prompt", "prompt_file", "session", "transcript"), "")
    values |= {
        "agent": AGENT if installed is None else sandbox.inside(installed, AGENT),
        "home": HOME,
        "worktree": WORKSPACE,
    }
    command = Command(
        argv=tuple(filled(part, values) for part in harness.probe),
        env={"IS_SANDBOX": "1"},
        worktree=pipeline.new(directory / "probed"),
        home=pipeline.new(directory / "probe-home"),
        mounts=() if installed is None else (Mount(installed, AGENT),),
    )
    finished = sandbox.run(command, PROBE)
    said = (finished.stdout or finished.stderr).decode("utf-8", "replace").strip()[:200]
    if not finished.succeeded:
        return Finding("version", False, f"It did not tell its version: {said or 'it said nothing'}")
    if harness.version not in said.replace("v", " ").split():
        return Finding("version", False, f"It should be {harness.version} and says: {said}")
    return Finding("version", True, f"It is {harness.version}, as pinned.")


def _trial(version: AgentVersion, installed: Path | None, directory: Path, sandbox: Sandbox) -> Finding:
    worktree = pipeline.new(directory / "trial")
    home = pipeline.new(directory / "trial-home")
    try:
        with access.opened(version) as opened:
            job = AgentJob(PROMPT, worktree, home, installed, TRIAL, opened.door)
            try:
                result = agent_for(version.kind, version.settings).run(job, sandbox)
            except AgentFailed as why:
                fault = opened.fault()
                return Finding("prompt", False, f"{fault.sentence} {why}" if fault else str(why))
            cost = opened.cost()
    except access.NoAccess as why:
        return Finding("prompt", False, str(why))
    left = sorted(path.name for path in worktree.iterdir())
    return Finding(
        "prompt",
        True,
        f"It took {len(result.steps)} steps, left {', '.join(left) or 'nothing'}, and answered."
        + (f" It cost ${cost:.4f}." if cost else ""),
    )
