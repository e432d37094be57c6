"""A world full of canaries, and every answer that anybody gets out of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.http import HttpResponse

from grading import queue
from grading.export import snapshot
from grading.jobs import compute_result, write_export
from grading.models import Assignment, Export, Judgement
from grading.results import asking
from marlin import tokens
from marlin.models import Role, Scope, User
from tasks import experiments
from tasks.models import (
    AgentCheck,
    AgentVersion,
    Arm,
    Import,
    ImportFile,
    ImportSource,
    ModelAccess,
    ModelRequest,
    Provider,
    RecordedOutput,
    Run,
    ScrubHit,
    Spending,
)
from tests import factories
from tests.blindness import worlds
from tests.blindness.routes import DOORS, EVERYBODY, MISSING, ROUTES, Route
from tests.blindness.tour import body_of
from tests.conftest import WebClient
from tests.faults import worlds as shell

#: Keys of guarded rows begin here, so that one of them on a page would be seen.
FIRST_KEY = 98_765_432_100
GUARDED_TABLES = (
    "tasks_agentcheck",
    "tasks_agentversion",
    "tasks_arm",
    "tasks_origin",
    "tasks_run",
    "tasks_runlog",
    "tasks_scrubhit",
    "tasks_snapshot",
    "tasks_import",
    "tasks_importfile",
    "tasks_importsource",
    "tasks_recordedoutput",
    "tasks_provider",
    "tasks_providersecret",
    "tasks_price",
    "tasks_modelaccess",
    "tasks_modelrequest",
    "tasks_spending",
    "grading_judgement",
    "grading_maskedarm",
    "grading_vote",
)
#: It tells its name wherever it can: in what it says, in a path, in what it prints.
BOASTS = r"""
echo hello > NEW.md
echo '{"kind": "edit", "text": "by @NAME@", "path": "/opt/@HARNESS@/edit"}' > "$HOME/transcript.jsonl"
echo '{"kind": "say", "text": "I am @NAME@, that is @MODEL@ of @PROVIDER@."}' >> "$HOME/transcript.jsonl"
echo "@NAME@ was here" >&2
"""
FOUND = {"what": "prompt", "well": True, "sentence": "It took 3 steps, left NEW.md, and answered."}
FAILS = "echo half > NEW.md; echo '@NAME@ of @PROVIDER@ has no key' >&2; exit 3"


@dataclass(frozen=True)
class Answer:
    """What one person got. `text` is all of it: headers, cookies, body."""

    route: str
    person: str
    method: str
    whose: str
    status: int
    headers: dict[str, str]
    text: str
    body: str
    expected: int

    def __str__(self) -> str:
        return f"{self.person}: {self.method} {self.route} ({self.whose})"


@dataclass
class CanaryWorld:
    people: dict[str, User]
    ids: dict[str, str]
    canaries: list[str]
    assignments: list[Assignment]
    #: Rowan's programs may do everything.
    secret: str
    clients: dict[str, WebClient] = field(default_factory=dict)

    def client(self, person: str) -> WebClient:
        if person not in self.clients:
            self.clients[person] = WebClient()
            if person != "anonymous":
                self.clients[person].force_login(self.people[person])
        return self.clients[person]


def canary() -> str:
    return f"CANARY-{secrets.token_hex(6)}"


def build(directory: Path) -> CanaryWorld:
    """Riley has one accepted task and one in hand, where a side failed. Rowan has an export that is ready."""
    people = worlds.people()
    people["remy"] = factories.make_person("Remy", Role.REVIEWER)
    people["rhea"] = factories.make_person("Rhea", Role.RESEARCHER)
    _number_guarded_rows()
    repository, commit = shell.make_repository(directory / "sums", test_command=worlds.TEST_COMMAND)
    agents = [
        _agent(directory, script) for script in (BOASTS + worlds.FIRST.partition("{\n")[0], BOASTS, FAILS)
    ]
    shell.make_experiment(repository, commit, agents[:2], name="Both at their best")
    shell.make_experiment(repository, commit, agents[1:], name="One at its worst", grades_failures=True)
    shell.prepare_here()
    shell.generate_here()
    worlds.prepare_trees()
    accepted = _claimed(people["riley"])
    receipt = factories.submit(accepted)
    factories.decide(accepted, "accept", by=people["robin"])
    in_hand = _claimed(people["riley"])
    export = snapshot.ask(
        str(accepted.task.experiment.public_id), by=people["rowan"], reason="To see who is who."
    )
    write_export(export.pk)
    assert Export.objects.get().state == Export.State.READY
    token, secret = tokens.create(people["rowan"], name="canaries", scopes=list(Scope), days=7)
    RecordedOutput.objects.create(
        agent_version=AgentVersion.objects.first(),
        scenario=accepted.task.scenario,
        source=ImportSource.objects.create(name="outputs.jsonl", digest="0" * 64),
    )
    experiments.write_guidelines(accepted.task.experiment, "Read the tests.", by=people["ada"])
    draft = factories.make_draft(people["riley"], repository=repository)
    brought = Import.objects.create(kind=Import.Kind.TASKS, state=Import.State.DONE, by=people["ada"])
    ImportFile.objects.create(asked=brought, name="outputs.jsonl")
    # In no experiment: its id stands in addresses that are asked, and whoever asks knows it.
    version = factories.make_agent_version(name=canary(), model=canary())
    AgentCheck.objects.create(agent_version=version, state=AgentCheck.State.DONE, findings=[FOUND])
    proposed = factories.make_draft(people["rosa"], repository=repository)
    proposed.propose(by=people["rosa"])
    result = asking.ask(accepted.task.experiment)
    compute_result(result.pk)
    provider = _serve(accepted)
    ids = {
        "agent": str(version.public_id),
        "provider": str(provider.public_id),
        "draft": str(draft.public_id),
        "import": str(brought.public_id),
        "proposed": str(proposed.public_id),
        "result": str(result.public_id),
        "record": str(Judgement.objects.get().public_id),
        "assignment": str(in_hand.public_id),
        "reviewed": str(accepted.public_id),
        "receipt": str(receipt.public_id),
        "repository": str(repository.public_id),
        "export": str(export.public_id),
        "experiment": str(accepted.task.experiment.public_id),
        "token": str(token.public_id),
        "person": str(people["rosa"].public_id),
        "task": str(in_hand.task.public_id),
        "candidate": str(in_hand.task.turns.get().candidates.order_by("pk")[0].public_id),
    }
    return CanaryWorld(people, ids, _canaries(agents), [accepted, in_hand], secret)


def answers(world: CanaryWorld) -> Iterator[Answer]:
    """Every route, asked by everybody, with GET and POST, for what exists and what does not."""
    for name, route in ROUTES.items():
        for person in EVERYBODY:
            for method in ("GET", "POST"):
                for whose, identity in _ids(world, route):
                    expected = route.expected(person, method, exists=whose != "missing")
                    path = route.path.format(id=identity)
                    yield _ask(world, name, path, person, method, whose, expected)
    for name, (path, stranger, known) in DOORS.items():
        for person in EVERYBODY:
            statuses = stranger if person == "anonymous" else known
            for method, expected in zip(("GET", "POST"), statuses, strict=True):
                yield _ask(world, name, path, person, method, "", expected)


def rolled_back(ask: Callable[[], Any]) -> tuple[HttpResponse, str]:
    """The answer and its body, and a world in which it was never asked for."""
    with transaction.atomic():
        response = ask()
        body = body_of(response)
        transaction.set_rollback(True)
    return response, body


def _ask(
    world: CanaryWorld, route: str, path: str, person: str, method: str, whose: str, expected: int
) -> Answer:
    client = world.client(person)
    cookies = dict(client.cookies)
    # As a browser would, a form sends something at least.
    response, body = rolled_back(lambda: getattr(client, method.lower())(path, {"next": ""}))
    client.cookies.clear()
    client.cookies.update(cookies)
    headers = dict(response.items())
    lines = [f"{name}: {value}" for name, value in headers.items()]
    text = "\n".join([*lines, response.cookies.output(), body])
    return Answer(route, person, method, whose, response.status_code, headers, text, body, expected)


def _ids(world: CanaryWorld, route: Route) -> list[tuple[str, str]]:
    if not route.of:
        return [("", "")]
    return [("existing", world.ids[route.of]), ("missing", MISSING)]


def _claimed(rater: User) -> Assignment:
    assignment = queue.claim_next(rater)
    assert assignment
    return assignment


def _agent(directory: Path, script: str) -> shell.Agent:
    """Each field is a canary."""
    fields: dict[str, Any] = {
        name: canary() for name in ("name", "harness", "harness_version", "model", "provider")
    }
    for name in ("name", "harness", "model", "provider"):
        script = script.replace(f"@{name.upper()}@", fields[name])
    files = directory / canary()
    files.mkdir()
    (files / "tool").write_text("true\n")
    return shell.make_agent(
        f": {canary()}; {script}",
        directory=str(files),
        prices={"input": "98765.4321"},
        released_on="2033-03-03",
        **fields,
    )


def _serve(assignment: Assignment) -> Provider:
    """What a gateway and a look at the patch leave behind: nothing here asks a model or names itself in code.

    The provider's name and prices are no canaries: its page, for admins, names them; whom it serves stands nowhere.
    """
    provider = factories.make_provider(name="Reef", key=canary(), models=["reef-1"])
    run = Run.objects.filter(candidate__turn__task=assignment.task).order_by("pk")[0]
    version = AgentVersion.objects.order_by("pk")[0]
    access = ModelAccess.objects.create(agent_version=version, run=run, token=canary())
    ModelRequest.objects.create(access=access, provider=provider, model=canary(), sentence=canary())
    Spending.objects.create(key=canary(), spent="98765.4321")
    ScrubHit.objects.create(candidate=run.candidate, path="NEW.md", line=1, text=canary(), word=canary())
    return provider


def _canaries(agents: list[shell.Agent]) -> list[str]:
    found = ["CANARY", "98765.4321", "2033-03-03", "/bin/sh", str(FIRST_KEY)[:8]]
    for agent in agents:
        identity = AgentVersion.objects.get(pk=agent.version.pk).public_id
        found += [agent.mark, str(identity), identity.hex]
    assert Arm.objects.filter(pk__gte=FIRST_KEY).count() == 4
    return found


def _number_guarded_rows() -> None:
    with connection.cursor() as cursor:
        for table in GUARDED_TABLES:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, FIRST_KEY])
