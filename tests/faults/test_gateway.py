"""Real runs through the real gateway: sandbox, relay, socket, process, provider."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal

from django.db import connections

import tasks.jobs
from tasks import providers, turns
from tasks.gateway import access, sealing
from tasks.models import AgentVersion, Candidate, ModelAccess, ModelRequest, Run, SealingKey
from tasks.models import Turn as Asked
from tests import factories
from tests.fake_provider import KEY, MODEL, FakeProvider, Turn, in_a_thread
from tests.faults import worlds
from tests.real.equal import asked, differences
from tests.stack import Stack, eventually

#: Asks the one model it knows, again and again while nobody answers, and remembers the conversation. It tells its model
#: all that it can see of where it is, and its worktree what it was told.
AGENT = """
import json, os, sys, time, urllib.error, urllib.request
from pathlib import Path
gateway, prompt, model, session = sys.argv[1:]
memory = Path.home() / ".memory"
said = json.loads(memory.read_text()) if session else []
seen = [prompt, repr(sorted(os.environ.items())), os.getcwd(), repr(sorted(os.listdir())), repr(os.uname().nodename)]
said.append({"role": "user", "content": "\\n".join(seen)})
url = gateway + "/v1/chat/completions"
asked = json.dumps({"model": model, "messages": said, "user": str(time.time())}).encode()
request = urllib.request.Request(url, asked, {"authorization": "Bearer placeholder"})
for attempt in range(200):
    try:
        answer = urllib.request.urlopen(request).read().decode()
        break
    except urllib.error.HTTPError as why:
        sys.exit(why.read().decode())
    except OSError:
        time.sleep(0.1)
told = json.loads(answer)["choices"][0]["message"]["content"]
Path("ANSWER.md").write_text(answer)
memory.write_text(json.dumps([*said, {"role": "assistant", "content": told}]))
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "session_id": "s", "result": told}))
"""
START = ["python3", "-c", AGENT.replace("{", "{{").replace("}", "}}"), "{gateway}", "{prompt}", "{model}"]


def _version(fake: FakeProvider, model: str, price: int) -> AgentVersion:
    provider = factories.make_provider(base_url=f"{fake.url}/v1", is_local=True)
    # Sealed anew for the gateway that runs, whose half a key pair is the newest.
    providers.set_key(provider, KEY, by=None)
    names = ("input", "output", "cache_read", "cache_write")
    providers.set_price(provider, model, dict.fromkeys(names, Decimal(price)), by=None)
    settings = {
        "argv": [*START, ""],
        "parser": "claude-stream-json",
        "history": "native",
        "resume": [*START, "{session}"],
        "state": [".memory"],
    }
    harness = {"harness": "asker", "harness_version": "1"}
    return factories.make_agent_version(
        model=model, provider=provider.name, served_by=provider, settings=settings, **harness
    )


def _generate(turn: Asked) -> None:
    for candidate in turn.candidates.order_by("pk"):
        tasks.jobs.generate_candidate(candidate.pk)


def test_agents_reach_their_models_through_the_gateway_alone(committed: Stack) -> None:
    stack = committed
    SealingKey.objects.create(public=sealing.public_of(factories.GATEWAY_KEY))
    stack.start_gateway()
    eventually(access.is_running, why="The gateway does not answer.")
    overloaded = Turn(status=529, error="overloaded_error", retry_after="9")
    with ExitStack() as stop:
        well = stop.enter_context(in_a_thread(Turn("The tide has turned.")))
        ill = stop.enter_context(in_a_thread(Turn("It turns."), overloaded))
        repository, commit = worlds.make_repository(stack.directory / "sums")
        versions = [_version(well, MODEL, 3), _version(ill, "turbot-mini", 90)]
        scenario = factories.make_scenario(repository=repository, base_commit=commit)
        factories.make_experiment(scenarios=[scenario], versions=versions, turns_wanted=2)
        worlds.prepare_here()
        first = Asked.objects.get()
        _generate(first)
        winner = first.candidates.get(origin__agent_version=versions[0])
        second = turns.continue_from(winner, prompt="And now?", by=factories.make_person("Riley", "rater"))
        assert tasks.jobs.open_pair(second.pk)
        _generate(second)

    good, bad = (second.candidates.get(origin__agent_version=version) for version in versions)
    assert good.state == "ready", Run.objects.get(candidate=good).sentence
    assert good.final_message == "The tide has turned."
    patch = bytes(winner.patch).decode()
    assert '"model":"candidate"' in patch
    assert MODEL not in patch
    assert [seen.body["model"] for seen in well.seen] == [MODEL, MODEL]
    assert {seen.headers["Authorization"] for seen in well.seen} == {f"Bearer {KEY}"}
    assert Run.objects.get(candidate=good).cost > 0
    # Whoever they are and whatever they cost: both are asked the same, in the winner's session too.
    for number, messages in enumerate((1, 3)):
        assert differences(asked(well.seen[number]), asked(ill.seen[number])) == []
        assert len(well.seen[number].body["messages"]) == messages

    failed = Run.objects.get(candidate=bad)
    assert bad.state == "queued", "a provider's fault is no failure of the agent's: it is tried again"
    assert "The provider answered 529" in failed.sentence
    assert bad.failure == ""
    assert not ModelAccess.objects.filter(closed_at=None).exists()
    assert KEY not in stack.log_of("gateway")
    assert scenario.prompt not in stack.log_of("gateway")


def test_a_run_outlives_its_gateway(committed: Stack) -> None:
    stack = committed
    SealingKey.objects.create(public=sealing.public_of(factories.GATEWAY_KEY))
    stack.start_gateway()
    eventually(access.is_running, why="The gateway does not answer.")
    with in_a_thread(Turn("Here again.")) as fake:
        version = _version(fake, MODEL, 3)
        repository, commit = worlds.make_repository(stack.directory / "sums")
        scenario = factories.make_scenario(repository=repository, base_commit=commit)
        factories.make_experiment(scenarios=[scenario], versions=[version, factories.make_agent_version()])
        worlds.prepare_here()
        candidate = Candidate.objects.get(origin__agent_version=version)
        fake.may_answer.clear()
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(_in_a_thread, candidate)
            _restart(stack, fake)
            job.result()

    candidate.refresh_from_db()
    assert (candidate.state, candidate.final_message) == ("ready", "Here again.")
    assert candidate.runs.count() == 1
    assert [each.outcome for each in ModelRequest.objects.all()] == ["answered"]


def _in_a_thread(candidate: Candidate) -> None:
    """The job, and not the restart: what a thread has started dies with it."""
    try:
        tasks.jobs.generate_candidate(candidate.pk)
    finally:
        connections.close_all()


def _restart(stack: Stack, fake: FakeProvider) -> None:
    """In the middle of an answer, without a word."""
    eventually(lambda: fake.seen)
    stack.kill("gateway")
    fake.may_answer.set()
    stack.start_gateway()
