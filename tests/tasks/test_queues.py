"""What is told when nobody serves a queue, or what waits for it waits too long."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from grading.export import snapshot
from grading.models import PairPage
from marlin.sources import now
from tasks import queues
from tasks.generation import workers
from tasks.models import (
    AgentVersion,
    Environment,
    Repository,
    Run,
    Worker,
)
from tests import factories

EARLIER = timedelta(minutes=12)


@pytest.fixture(autouse=True)
def _bells(bells):
    return bells


@pytest.fixture
def served(db):
    workers.beat("default@here", ["default"], 2, "", [])
    workers.beat("generate@here", ["generate"], 2, "Bubblewrap", [])


@pytest.fixture
def later(monkeypatch):
    """Twelve minutes go by, and every worker goes on beating."""

    def pass_by():
        monkeypatch.setattr("tasks.queues.now", lambda: now() + EARLIER)

    return pass_by


def told():
    return queues.troubles(alias="default")


def test_a_dead_default_queue_is_told_though_generating_workers_live(served):
    Worker.objects.filter(name="default@here").update(seen_at=now() - timedelta(hours=1))

    (sentence,) = told()

    assert sentence.startswith(
        "No living worker serves the queue default. Nothing is copied, rendered, judged"
    )
    assert sentence.endswith("Start one with --queues default.")


def test_what_waits_meanwhile_is_counted(db):
    workers.beat("generate@here", ["generate"], 2, "Bubblewrap", [])
    factories.make_ready_task()
    PairPage.objects.all().delete()
    Repository.objects.create(name="new", url="https://example.org/new.git")

    assert " It waits: 1 repository to copy, 1 pair to render. Start one" in told()[0]


def test_nobody_misses_a_queue_for_agents_where_none_are_run(db):
    workers.beat("default@here", ["default"], 2, "", [])

    assert told() == []


def test_candidates_that_nobody_makes_are_told(db):
    workers.beat("default@here", ["default"], 2, "", [])
    factories.make_task()

    assert told() == [
        "No living worker serves the queue generate. No candidate is made and no environment prepared. "
        "It waits: 2 candidates. Start one with --queues generate."
    ]


def test_a_worker_of_both_queues_is_enough(db):
    workers.beat("all@here", ["default", "generate"], 2, "Bubblewrap", [])
    factories.make_task()

    assert told() == []


def test_what_waits_for_a_moment_is_no_trouble(served):
    factories.make_task()
    factories.make_ready_task()
    PairPage.objects.all().delete()

    assert told() == []


def test_renderings_that_wait_behind_longer_work_are_told(served, later):
    factories.make_ready_task()
    PairPage.objects.all().delete()
    later()

    assert told() == [
        "1 pair to render waits for the queue default, the oldest for 12 minutes. "
        "The slots of its workers are busy with longer work, or beat or the broker is away."
    ]


def test_judgements_and_exports_that_wait_are_told(served, later, riley, ada):
    assignment = factories.make_assignment(riley, state="accepted")
    snapshot.ask(str(assignment.task.experiment.public_id), by=ada, reason="To see who waits.")
    later()

    sentences = [sentence.partition(" for the queue")[0] for sentence in told()]

    assert sentences == ["1 judgement to write waits", "1 export to write waits"]


def test_a_run_whose_worker_died_and_that_no_sweep_ends_is_told(served, later):
    factories.start_run(factories.make_task().turns.get().candidates.first())
    later()

    assert any(sentence.startswith("1 run of a silent worker waits") for sentence in told())


def test_candidates_that_wait_though_a_slot_is_free_are_told(served, later):
    factories.make_task()
    later()

    (sentence,) = told()

    assert sentence.startswith(
        "2 candidates wait for the queue generate, the oldest for 12 minutes. A slot is free"
    )


def test_candidates_that_wait_for_a_slot_only_wait(served, later):
    workers.beat("generate@here", ["generate"], 1, "Bubblewrap", [])
    run = factories.start_run(factories.make_task().turns.get().candidates.first())
    Run.objects.filter(pk=run.pk).update(lease_until=now() + timedelta(hours=1))
    later()

    assert told() == []


def test_candidates_of_a_paused_provider_only_wait(served, later):
    factories.make_task()
    provider = factories.make_provider(state="paused", pause_reason="No money.")
    AgentVersion.objects.update(served_by=provider)
    later()

    assert told() == []


def test_an_environment_that_was_asked_for_just_now_is_no_trouble(served, later):
    repository = factories.make_repository()
    later()
    environment = Environment.objects.create(repository=repository, base_commit="c" * 40)
    environment.take_lease("baseline", 60, worker="generate@here:12")

    assert told() == []


def test_the_page_and_the_command_tell(client, ada, db, capsys):
    client.force_login(ada)
    sentence = "No living worker serves the queue default."

    page = client.get("/operations/").content.decode()
    part = client.get("/operations/", headers={"HX-Request": "true"}).content.decode()
    call_command("show_tasks", "--stuck")

    assert sentence in page
    assert sentence in part
    assert f"! {sentence}" in capsys.readouterr().out
