"""Generates one candidate: worktree, agent, patch, tests. Plain values out; the job stores them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from tasks.agents.base import Agent, AgentFailed, AgentJob, AgentMisconfigured, AgentResult, Memory
from tasks.agents.registry import agent_for
from tasks.agents.transcripts import final_message, parse
from tasks.gateway import access
from tasks.generation import apart, conversation, evidence, places, prepared, scrub, traces
from tasks.generation.live import Progress
from tasks.generation.retries import Fault
from tasks.git import patches, trees
from tasks.git.command import GitFailed
from tasks.git.recorded import describe
from tasks.models import AgentVersion, Candidate, Failure, RecordedOutput, Reference, Run
from tasks.sandbox.base import Finished, Limits, Sandbox, SandboxUnusable

Result = TypeVar("Result")
#: Asked now and then by whatever takes long: whether to stop.
Asked = Callable[[], bool]

NOT_TESTED = "Tests not run: this was imported without the files of its repository."
HIDDEN_DO_NOT_FIT = "Hidden tests not run: they do not fit the files of the base commit."
UNSAFE = "It was run without a sandbox: what it did on this machine is not known."

#: What an agent's failure is called where a rater may read it.
BLIND = {
    "nothing": Failure.NOTHING,
    "exit": Failure.EXIT,
    "limit": Failure.EXIT,
    "provider": Failure.MACHINE,
    "time": Failure.TIME,
    "idle": Failure.IDLE,
    "memory": Failure.LIMIT,
    "output": Failure.LIMIT,
    "disk": Failure.LIMIT,
    "processes": Failure.LIMIT,
    "patch": Failure.PATCH,
    "unusable": Failure.MACHINE,
}

#: Failures of an agent that are somebody else's fault, and what is tried again for them.
FAULTS = {"provider": Fault.PROVIDER}


class Failed(Exception):
    """No candidate came of it. `kind` is blind, the sentence is for admins."""

    def __init__(
        self,
        kind: Failure,
        sentence: str,
        *,
        finished: Finished | None = None,
        fault: Fault | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.finished = finished
        self.fault = fault or (Fault.MACHINE if kind is Failure.MACHINE else Fault.AGENT)
        #: Seconds that a provider asked us to wait.
        self.retry_after = retry_after


class Cancelled(Exception):
    """The row was taken from us: by the sweep, or because the task was withdrawn."""


@dataclass(frozen=True)
class Product:
    """What is stored on the candidate, and what only admins read."""

    fields: dict[str, Any]
    finished: Finished | None
    #: What the agent itself remembers of the conversation.
    memory: Memory | None = None
    #: Lines that name somebody, for an admin to read first.
    hits: Sequence[traces.Hit] = ()
    #: As the agent left it, where something was set apart.
    whole_patch: bytes = b""


def generate(
    candidate: Candidate,
    agent_version: AgentVersion,
    token: str,
    *,
    cancelled: Asked,
    progress: Progress | None = None,
) -> Product:
    """Run the agent on a clean worktree and test what it leaves. Raises Failed or Cancelled."""
    try:
        with places.run_directory(token) as directory, places.sandbox() as sandbox:
            return _generate(
                candidate, agent_version, token, directory, sandbox, cancelled, progress or Progress()
            )
    except AgentFailed as why:
        if why.kind == "cancelled":
            raise Cancelled from why
        kind = BLIND[why.kind]
        raise Failed(kind, str(why), finished=why.finished, fault=FAULTS.get(why.kind)) from why
    except prepared.Stopped as why:
        raise Cancelled from why
    except (AgentMisconfigured, SandboxUnusable, access.NoAccess, prepared.SetUpFailed) as why:
        raise Failed(Failure.MACHINE, str(why)) from why


def _generate(
    candidate: Candidate,
    agent_version: AgentVersion,
    token: str,
    directory: Path,
    sandbox: Sandbox,
    cancelled: Asked,
    progress: Progress,
) -> Product:
    progress.at(Run.Stage.PREPARING)
    repository = candidate.turn.task.scenario.repository
    commit = candidate.turn.base_commit
    if repository.patch_only:
        return _repeated(candidate, agent_version, directory)
    ready = _or_machine(lambda: prepared.prepare(repository, commit, sandbox, cancelled=cancelled))
    agent = agent_for(agent_version.kind, _settings_for(agent_version, candidate))
    home = ready.home(directory / "home")
    prompt, resumed = conversation.opening(candidate)
    with ready.worktree(directory / "worktree") as worktree:
        job = AgentJob(
            prompt=prompt,
            worktree=worktree,
            home=home,
            agent_dir=installed(agent_version, directory),
            limits=limits_of(agent_version),
            resumed=resumed,
        )
        progress.at(Run.Stage.AGENT)
        with access.opened(agent_version, run=Run.objects.filter(token=token).first()) as opened:
            result = _worked(agent, replace(job, door=opened.door), sandbox, opened, cancelled, progress)
        progress.at(Run.Stage.PATCH)
        taken, notes = _taken(result, worktree, ready, directory)
    graded, rules = _set_apart(taken, ready, directory)
    _require_something(taken, result, agent_version)
    progress.at(Run.Stage.TESTS)
    tested = _tested(candidate, ready, graded.patch, directory, sandbox, cancelled)
    if cancelled():
        raise Cancelled
    product = _product(graded, notes, result, tested, ready, rules)
    return _with_the_rest(product, taken.patch, ready) if rules else product


def _worked(
    agent: Agent,
    job: AgentJob,
    sandbox: Sandbox,
    opened: access.Opened,
    cancelled: Asked,
    progress: Progress,
) -> AgentResult:
    """Where the model failed last, the agent's own failure is only what followed from it."""
    try:
        return agent.run(job, sandbox, cancelled=cancelled, on_output=progress.output)
    except AgentFailed as why:
        fault = opened.fault()
        if fault is None or why.kind == "cancelled":
            raise
        sentence = f"{fault.sentence} {why}"
        if fault.is_agents:
            raise Failed(Failure.LIMIT, sentence, finished=why.finished) from why
        raise Failed(
            Failure.MACHINE,
            sentence,
            finished=why.finished,
            fault=Fault.PROVIDER,
            retry_after=fault.retry_after,
        ) from why


def _tested(
    candidate: Candidate,
    ready: prepared.Prepared,
    patch: bytes,
    directory: Path,
    sandbox: Sandbox,
    cancelled: Asked,
) -> evidence.Evidence:
    """The repository's own tests, then the scenario's hidden ones, each on a fresh copy that the agent never saw."""
    repository = candidate.turn.task.scenario.repository

    def run(name: str, over: bytes = b"") -> evidence.Evidence:
        files, home = new(directory / name), ready.home(directory / f"{name}-home")
        _or_machine(lambda: ready.materialise(patch, files, over=over, scratch=directory))
        return evidence.run_tests(repository, files, home, sandbox, cancelled=cancelled)

    tested = run("tested")
    hidden = Reference.objects.filter(scenario=candidate.turn.task.scenario).values_list(
        "test_patch", flat=True
    )
    over = "".join(hidden).encode()
    if not over.strip() or not tested.ran:
        return tested
    try:
        return replace(tested, hidden=replace(run("hidden", over), checks=()))
    except Failed as why:
        if not isinstance(why.__cause__, patches.PatchDoesNotApply):
            raise
        return replace(tested, hidden=evidence.Evidence(ran=False, sentence=HIDDEN_DO_NOT_FIT))


def _repeated(candidate: Candidate, agent_version: AgentVersion, directory: Path) -> Product:
    """A recorded output on files that nobody has: shown as it came, neither applied nor tested."""
    if agent_version.kind != AgentVersion.Kind.REPLAY:
        raise Failed(
            Failure.MACHINE,
            f"{candidate.turn.task.scenario.repository.name} was imported without its files, so only recorded "
            "outputs can be shown. Import it with its repository to run an agent on it.",
        )
    recorded = _recorded(agent_version, candidate)
    steps = parse(bytes(recorded.transcript))
    result = AgentResult(steps=steps, final_message=final_message(steps), patch=bytes(recorded.patch))
    try:
        taken = describe(bytes(recorded.patch), scratch=directory)
    except patches.PatchDoesNotApply as why:
        raise Failed(Failure.PATCH, str(why)) from why
    _require_something(taken, result, agent_version)
    return _product(taken, (), result, evidence.Evidence(ran=False, sentence=NOT_TESTED))


def _require_something(
    taken: patches.Taken | patches.Applied, result: AgentResult, agent_version: AgentVersion
) -> None:
    if not taken.patch and not result.final_message.strip():
        raise Failed(
            Failure.NOTHING,
            f"{agent_version.name} ended without an error, changed nothing and said nothing.",
            finished=result.finished,
        )


def _product(
    taken: patches.Taken | patches.Applied,
    notes: Sequence[str],
    result: AgentResult,
    tested: evidence.Evidence,
    ready: prepared.Prepared | None = None,
    rules: Mapping[str, str] | None = None,
) -> Product:
    names = scrub.known_names()
    hits = scrub.hits(taken.patch, names, ready.base if ready else None, ready.commit if ready else "")
    return Product(
        fields={
            "patch": taken.patch,
            "tree": taken.tree,
            "files": [asdict(file) for file in taken.files],
            "is_held": bool(hits),
            "set_apart": apart.listed(
                {scrub.masked(path, names): rule for path, rule in (rules or {}).items()}
            ),
            "notes": [*notes, *([UNSAFE] if settings.UNSAFE_SUBPROCESS else [])],
            "transcript": [_step(step, names) for step in result.steps],
            "final_message": scrub.masked(result.final_message, names),
            "evidence": _masked_evidence(tested, names),
        },
        finished=result.finished,
        memory=result.memory,
        hits=hits,
    )


def _with_the_rest(product: Product, whole: bytes, ready: prepared.Prepared) -> Product:
    """What is set apart is shown as well: it must name nobody either."""
    found = scrub.hits(whole, scrub.known_names(), ready.base, ready.commit)
    # One by one: a tree of dependencies may have more of them than are kept, and come before the work.
    hits = [*product.hits, *(hit for hit in found if hit not in product.hits)]
    return replace(product, whole_patch=whole, hits=hits, fields={**product.fields, "is_held": bool(hits)})


def _taken(
    result: AgentResult, worktree: Path, ready: prepared.Prepared, directory: Path
) -> tuple[patches.Taken | patches.Applied, tuple[str, ...]]:
    """The patch of the worktree, or the recorded one that the agent brought."""
    try:
        if result.patch is not None:
            return patches.apply(ready.base, ready.commit, result.patch, scratch=directory), ()
        taken = ready.take(worktree, directory)
        return taken, taken.notes
    except patches.PatchDoesNotApply as why:
        raise Failed(Failure.PATCH, str(why), finished=result.finished) from why
    except GitFailed as why:
        raise Failed(Failure.UNUSABLE, str(why), finished=result.finished) from why


def _set_apart(
    taken: patches.Taken | patches.Applied, ready: prepared.Prepared, directory: Path
) -> tuple[patches.Taken | patches.Applied, dict[str, str]]:
    """What is graded, tested and continued from, and the rule for each new file that is not."""
    added = [file.path for file in taken.files if file.status == "A"]
    if not added:
        return taken, {}
    base = [file.path for file in trees.files_of(ready.base, ready.commit)]
    rules = apart.chosen(added, base=base, patch=taken.patch)
    if not rules:
        return taken, {}
    rest = patches.without(ready.base, ready.commit, taken.patch, rules, scratch=directory)
    # A name that is no UTF-8 is not found again, and stays.
    stay = {file.path for file in rest.files}
    return rest, {path: rule for path, rule in rules.items() if path not in stay}


def _settings_for(agent_version: AgentVersion, candidate: Candidate) -> dict[str, Any]:
    """A replayed version has one recorded output for each scenario; every other is the same for all."""
    if agent_version.kind != AgentVersion.Kind.REPLAY:
        return dict(agent_version.settings)
    recorded = _recorded(agent_version, candidate)
    return {"patch": bytes(recorded.patch), "transcript": bytes(recorded.transcript)}


def _recorded(agent_version: AgentVersion, candidate: Candidate) -> RecordedOutput:
    scenario = candidate.turn.task.scenario
    recorded = agent_version.recorded.filter(scenario=scenario).first()
    if recorded is None:
        raise Failed(
            Failure.MACHINE, f"{agent_version.name} has no recorded output for “{scenario.title}”. Import it."
        )
    return recorded


def _step(step: Any, names: frozenset[str]) -> dict[str, Any]:
    described = asdict(step)
    described["text"] = scrub.masked(described["text"], names)
    # Agents read and write their own folders, which are named after them.
    described["path"] = scrub.masked(described["path"], names) if described["path"] else None
    return described


def _masked_evidence(tested: evidence.Evidence, names: frozenset[str]) -> dict[str, Any]:
    """A test that the agent wrote may print whatever it likes."""
    return tested.with_texts(lambda text: scrub.masked(text, names)).as_json()


def installed(agent_version: AgentVersion, directory: Path) -> Path | None:
    """The agent's own files, hundreds of megabytes of them. Copied only where the agent's user could not read them."""
    if not agent_version.directory:
        return None
    original = Path(agent_version.directory)
    if not original.is_dir():
        raise Failed(
            Failure.MACHINE, f"The directory of {agent_version.name} is not on this machine: {original}"
        )
    if os.geteuid() != 0 or _everybody_may_read(original):
        return original
    copy = directory / "agent"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    return copy


def _everybody_may_read(folder: Path) -> bool:
    """All that is in it; the sandbox shows the folder itself wherever it lies."""
    for parent, _, names in os.walk(folder):
        if os.stat(parent).st_mode & 0o005 != 0o005:
            return False
        modes = [os.lstat(os.path.join(parent, name)).st_mode for name in names]
        if not all(
            stat.S_ISLNK(mode) or (mode & 0o004 and (mode & 0o001 or not mode & 0o100)) for mode in modes
        ):
            return False
    return True


def limits_of(agent_version: AgentVersion) -> Limits:
    unknown = sorted(set(agent_version.limits) - {field.name for field in fields(Limits)})
    if unknown:
        raise AgentMisconfigured(f"There is no limit called “{unknown[0]}”.")
    return Limits(**{**settings.AGENT_LIMITS, **agent_version.limits})


def new(directory: Path) -> Path:
    directory.mkdir(mode=0o755)
    return directory


def _or_machine(work: Callable[[], Result]) -> Result:
    """Git failing on our own repositories is a fault of ours."""
    try:
        return work()
    except GitFailed as why:
        raise Failed(Failure.MACHINE, str(why)) from why
