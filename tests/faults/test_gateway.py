"""Real runs through the real gateway: sandbox, relay, socket, process, provider."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import tasks.jobs
from tasks import providers
from tasks.gateway import access, sealing
from tasks.models import AgentVersion, Candidate, ModelAccess, ModelRequest, Provider, Run, SealingKey
from tests import factories
from tests.fake_provider import KEY, MODEL, FakeProvider, Turn, in_a_thread
from tests.faults import worlds
from tests.stack import Stack, eventually

#: Asks the one model it knows, again and again while nobody answers, and writes down what it was told.
AGENT = """
import json, os, sys, time, urllib.error, urllib.request
from pathlib import Path
asked = json.dumps({"model": "candidate", "messages": [{"role": "user", "content": open(sys.argv[2]).read()}]})
url = sys.argv[1] + "/v1/chat/completions"
request = urllib.request.Request(url, asked.encode(), {"authorization": "Bearer placeholder"})
for attempt in range(200):
    try:
        answer = urllib.request.urlopen(request).read().decode()
        break
    except urllib.error.HTTPError as why:
        sys.exit(why.read().decode())
    except OSError:
        time.sleep(0.1)
Path("ANSWER.md").write_text(answer)
print(json.loads(answer)["choices"][0]["message"]["content"])
"""


def _version(provider: Provider) -> AgentVersion:
    argv = ["python3", "-c", AGENT.replace("{", "{{").replace("}", "}}"), "{gateway}", "{prompt_file}"]
    return factories.make_agent_version(
        model=MODEL, provider=provider.name, served_by=provider, settings={"argv": argv}
    )


def _provider(fake: FakeProvider) -> Provider:
    provider = factories.make_provider(models=[MODEL], base_url=f"{fake.url}/v1", is_local=True)
    # Sealed anew for the gateway that runs, whose half a key pair is the newest.
    providers.set_key(provider, KEY, by=None)
    return provider


def test_agents_reach_their_models_through_the_gateway_alone(committed: Stack) -> None:
    stack = committed
    SealingKey.objects.create(public=sealing.public_of(factories.GATEWAY_KEY))
    stack.start_gateway()
    eventually(access.is_running, why="The gateway does not answer.")
    with ExitStack() as stop:
        well = stop.enter_context(in_a_thread(Turn("The tide has turned.")))
        ill = stop.enter_context(in_a_thread(Turn(status=529, error="overloaded_error", retry_after="9")))
        repository, commit = worlds.make_repository(stack.directory / "sums")
        versions = [_version(_provider(well)), _version(_provider(ill))]
        scenario = factories.make_scenario(repository=repository, base_commit=commit)
        factories.make_experiment(scenarios=[scenario], versions=versions)
        worlds.prepare_here()

        for candidate in Candidate.objects.order_by("pk"):
            tasks.jobs.generate_candidate(candidate.pk)

    good, bad = (Candidate.objects.get(origin__agent_version=version) for version in versions)
    assert good.state == "ready", Run.objects.get(candidate=good).sentence
    assert good.final_message == "The tide has turned."
    patch = bytes(good.patch).decode()
    assert '"model":"candidate"' in patch
    assert MODEL not in patch
    (seen,) = well.seen
    assert (seen.body["model"], seen.headers["Authorization"]) == (MODEL, f"Bearer {KEY}")
    assert Run.objects.get(candidate=good).cost > 0

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
        version = _version(_provider(fake))
        repository, commit = worlds.make_repository(stack.directory / "sums")
        scenario = factories.make_scenario(repository=repository, base_commit=commit)
        factories.make_experiment(scenarios=[scenario], versions=[version, factories.make_agent_version()])
        worlds.prepare_here()
        candidate = Candidate.objects.get(origin__agent_version=version)
        fake.may_answer.clear()
        restart = threading.Thread(target=_restart, args=(stack, fake))
        restart.start()

        tasks.jobs.generate_candidate(candidate.pk)
        restart.join()

    candidate.refresh_from_db()
    assert (candidate.state, candidate.final_message) == ("ready", "Here again.")
    assert candidate.runs.count() == 1
    assert [each.outcome for each in ModelRequest.objects.all()] == ["answered"]


def _restart(stack: Stack, fake: FakeProvider) -> None:
    """In the middle of an answer, without a word."""
    eventually(lambda: fake.seen)
    stack.kill("gateway")
    fake.may_answer.set()
    stack.start_gateway()
