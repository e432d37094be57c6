"""Worlds for tests. Each function has good defaults and reaches a state by the real moves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from grading import queue, rendering, reviewing, submission
from grading.models import Assignment, Receipt, Review
from marlin.models import User
from marlin.sources import source
from tasks import experiments, providers, repeats
from tasks.gateway import sealing
from tasks.generation import apart
from tasks.models import (
    AgentVersion,
    Arm,
    Axis,
    Candidate,
    Category,
    Environment,
    Experiment,
    Failure,
    Provider,
    RecordedOutput,
    Repository,
    Rubric,
    Run,
    Scenario,
    SealingKey,
    Task,
    Turn,
)
from tests import repositories

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)

BASE_COMMIT = repositories.COMMIT
#: A patch that applies to the repositories made here, and the tree it leads to.
TREE = "c72840fd2058691412244146529ebe5d8452d0be"
PATCH = b"""diff --git a/README.md b/README.md
new file mode 100644
index 0000000000000000000000000000000000000000..ce013625030ba8dba906f756967f9e9ca394464a
--- /dev/null
+++ b/README.md
@@ -0,0 +1 @@
+hello
"""
FILES = [
    {
        "path": "README.md",
        "old_path": None,
        "status": "A",
        "added": 1,
        "removed": 0,
        "binary": False,
        "old_mode": "000000",
        "new_mode": "100644",
    }
]
RATINGS = {"overall": "2", "efficiency": "3", "clarity": "2"}
JUSTIFICATION = "A keeps the change small and its test in README.md shows that it works at the edges too."


def make_person(name: str, *roles: str) -> User:
    return User.objects.create_user(
        f"{name.lower()}{next(_numbers)}@example.org", PASSWORD, name=name, roles=list(roles)
    )


def make_repository(**fields: Any) -> Repository:
    """Copied, and its tests pass."""
    number = next(_numbers)
    fields = {"name": f"repository {number}", "url": f"https://example.org/{number}.git"} | fields
    repository = Repository.objects.create(**fields)
    token = repository.take_lease(Repository.State.CLONING, 60)
    repositories.provide_mirror(repository)
    repository.cloned(head=BASE_COMMIT, token=token)
    repository.passes()
    return repository


def make_rubric(points: int = 8, **fields: Any) -> Rubric:
    fields = {"name": f"rubric {next(_numbers)}", "version": 1, "least_words": 5} | fields
    rubric = Rubric.objects.create(points=points, **fields)
    for position, name in enumerate(("Efficiency", "Clarity")):
        Axis.objects.create(
            rubric=rubric, key=name.lower(), name=name, question=f"Which has more {name}?", position=position
        )
    return rubric


def make_agent_version(**fields: Any) -> AgentVersion:
    number = next(_numbers)
    defaults = {
        "name": f"Quillback {number}",
        "harness": f"quillback-harness-{number}",
        "harness_version": "1.0",
        "model": f"quillback-large-{number}",
        "provider": f"Quillworks {number}",
        "settings": {"argv": ["true"]},
    }
    return AgentVersion.objects.create(**(defaults | fields))


#: Half a key pair, as a gateway makes it at its first start.
GATEWAY_KEY = X25519PrivateKey.from_private_bytes(b"marlin tests: the gateway's key.")


def make_provider(*, key: str = "sk-real-secret", models: Sequence[str] = (), **fields: Any) -> Provider:
    """Active, with a sealed key and a price of 3 and 15 dollars for each model."""
    defaults = {
        "name": f"Southbank {next(_numbers)}",
        "dialect": Provider.Dialect.OPENAI,
        "base_url": "https://api.example.org/v1",
    }
    provider = providers.add(Provider(**(defaults | fields)), by=None)
    SealingKey.objects.get_or_create(public=sealing.public_of(GATEWAY_KEY))
    providers.set_key(provider, key, by=None)
    prices = {"input": Decimal(3), "output": Decimal(15)}
    for model in models:
        providers.set_price(
            provider, model, prices | {"cache_read": Decimal("0.3"), "cache_write": Decimal("3.75")}, by=None
        )
    return provider


def record_output(
    version: AgentVersion, scenario: Scenario, patch: bytes = PATCH, transcript: bytes = b""
) -> RecordedOutput:
    """What `version` replays for this scenario."""
    return RecordedOutput.objects.create(
        agent_version=version, scenario=scenario, patch=patch, transcript=transcript
    )


def make_scenario(**fields: Any) -> Scenario:
    """Approved."""
    defaults = {
        "base_commit": BASE_COMMIT,
        "category": Category.BUG_FIX,
        "title": f"Entries outlive a change of the clock {next(_numbers)}",
        "prompt": "Entries must not come back when the clock is set back.",
    }
    if "repository" not in fields:
        fields["repository"] = make_repository()
    scenario = Scenario.objects.create(**(defaults | fields))
    scenario.propose(by=scenario.author)
    scenario.approve(by=None)
    return scenario


WRITTEN = {
    "title": "Say when the tide turns",
    "about": "A small library that tells the height of the tide.",
    "change": "Callers ask again and again; they should be told when it turns.",
    "acceptance": "next_turn(hour) returns the hour of the next turn, also across midnight.",
    "prompt": "Callers ask for the height every minute to see when the tide turns. They should be able to ask for "
    "the hour of the next turn, also when it lies after midnight, with a test for each case.",
}


def make_draft(author: User, *, repository: Repository | None = None, **fields: Any) -> Scenario:
    """Complete, and not yet proposed."""
    defaults = {"base_commit": BASE_COMMIT, "category": Category.FEATURE, **WRITTEN}
    fields = defaults | fields
    fields["bands"] = repeats.bands(str(fields["prompt"]))
    return Scenario.objects.create(repository=repository or make_repository(), author=author, **fields)


def make_experiment(
    *, scenarios: Sequence[Scenario] = (), versions: Sequence[AgentVersion] = (), **fields: Any
) -> Experiment:
    """Running, with two arms."""
    defaults = {
        "name": f"experiment {next(_numbers)}",
        "lead": Experiment.Lead.ANYONE,
        "rate": Decimal("280.00"),
    }
    if "rubric" not in fields:
        fields["rubric"] = make_rubric()
    experiment = Experiment.objects.create(**(defaults | fields))
    experiment.scenarios.set(scenarios or [make_scenario()])
    for position, version in enumerate(versions or [make_agent_version(), make_agent_version()]):
        Arm.objects.create(experiment=experiment, agent_version=version, position=position)
    experiments.start(experiment, by=None)
    return experiment


def make_task(experiment: Experiment | None = None, **fields: Any) -> Task:
    """Open, with a queued pair, in an environment that is proven."""
    experiment = experiment or make_experiment(**fields)
    scenario = experiment.scenarios.exclude(tasks__experiment=experiment).first()
    assert scenario is not None
    prove_environment(scenario)
    experiments.open_task(experiment, scenario)
    return Task.objects.get(experiment=experiment, scenario=scenario)


def prove_environment(scenario: Scenario) -> Environment:
    environment, _ = Environment.objects.get_or_create(
        repository=scenario.repository, base_commit=scenario.base_commit
    )
    if environment.state == Environment.State.BASELINE:
        token = environment.take_lease(Environment.State.BASELINE, 60)
        environment.passes(evidence={"ran": True, "passed": 3}, log="", token=token)
    return environment


def start_run(candidate: Candidate) -> Run:
    token = source().token("run")
    candidate.start(token=token)
    return Run.objects.create(candidate=candidate, token=token, worker="test", lease_until=source().now())


def finish_candidate(
    candidate: Candidate, *, beside: Mapping[str, str] | None = None, **result: Any
) -> Candidate:
    """Ready, as if an agent had written one file, and these `beside` it by path, which are set apart."""
    run = start_run(candidate)
    defaults = {
        "patch": PATCH,
        "tree": TREE,
        "files": FILES,
        "transcript": [{"kind": "say", "text": "I added a file.", "path": None, "exit": None}],
        "final_message": "I added a file.",
        "evidence": {"ran": True, "passed": 3, "failed": 0, "skipped": 0, "failures": [], "log": "OK"},
    }
    whole = b""
    if beside:
        defaults["set_apart"] = apart.listed({path: apart.rule_of(path) for path in beside})
        whole = result.get("patch", PATCH) + added(beside)
    candidate.finish(token=run.token, **(defaults | result))
    run.end(Run.State.SUCCEEDED, seconds=1.0, exit_code=0, whole_patch=whole)
    return candidate


def added(lines: Mapping[str, str]) -> bytes:
    """A patch of new files with a line each, by path."""
    return "".join(
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n"
        for path, line in lines.items()
    ).encode()


def fail_candidate(candidate: Candidate, kind: Failure = Failure.EXIT) -> Candidate:
    run = start_run(candidate)
    candidate.fail(kind, token=run.token)
    run.end(Run.State.FAILED, sentence="The agent stopped with exit code 1.", exit_code=1)
    return candidate


def make_ready_task(experiment: Experiment | None = None, **fields: Any) -> Task:
    """Generated and rendered: a rater can claim it."""
    task = make_task(experiment, **fields)
    turn = task.turns.get(number=1)
    for candidate in turn.candidates.all():
        finish_candidate(candidate)
    render(turn)
    return task


def render(turn: Turn, attempt: int = 1) -> None:
    assert rendering.render(turn.pk, attempt)


def make_assignment(
    rater: User, task: Task | None = None, *, state: str = "claimed", by: User | None = None, **form: str
) -> Assignment:
    """Claimed by the real queue; then on by the real moves: submitted, accepted, rejected, released, expired."""
    if task is None:
        make_ready_task()
    assignment = queue.claim_next(rater)
    assert assignment is not None
    if state in ("submitted", "accepted", "rejected"):
        submit(assignment, **form)
    if state in ("accepted", "rejected"):
        decide(assignment, "accept" if state == "accepted" else "reject", by=by)
    if state == "released":
        queue.release(assignment)
    if state == "expired":
        assignment.expire()
    assignment.refresh_from_db()
    return assignment


def filled(**form: str) -> dict[str, str]:
    """What a browser would post of a finished form."""
    texts = {"justification": JUSTIFICATION, "a_strengths": "Small.", "b_weaknesses": "Long."}
    return {**RATINGS, "key_axis": "clarity", **texts, **form}


def submit(assignment: Assignment, **form: str) -> Receipt:
    saved = submission.save_draft(assignment, filled(**form))
    return submission.submit(assignment, saved.preference)


def decide(assignment: Assignment, decision: str, *, by: User | None = None, reason: str = "") -> Review:
    reviewer = by or make_person("Robin", "reviewer")
    return reviewing.decide(
        assignment, decision, by=reviewer, reason=reason or "The claim about README.md is not so."
    )
