"""The admin's page of what is being made: what it shows, what it does, and what it never tells."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import tasks.jobs
from marlin.models import Event
from marlin.sources import now
from tasks import operations, turns, unblinding
from tasks.generation import workers
from tasks.models import Candidate, Environment, Experiment, Run, RunLog, Worker
from tests import factories

PAGE = "/operations/"
HTMX = {"HX-Request": "true"}
GENERATE = "tasks.jobs.generate_candidate"


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def pair(db, bells):
    """A failed candidate and a queued one."""
    failed, queued = factories.make_task().turns.get().candidates.order_by("pk")
    factories.fail_candidate(failed)
    bells.clear()
    return failed, queued


def story_of(candidate, tail=""):
    return f"{PAGE}tasks/{candidate.turn.task.public_id}/{tail}"


def of(candidate, verb):
    return f"{PAGE}candidates/{candidate.public_id}/{verb}"


def text_of(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def unblinded(admin, candidate):
    admin.post(f"/account/reauthenticate/?next={PAGE}", {"password": factories.PASSWORD, "next": PAGE})
    admin.post(story_of(candidate, "unblind"), {"reason": "To see why it failed."})


@pytest.mark.parametrize("person", ["riley", "robin", "rowan"])
def test_it_is_there_for_admins_alone(client, request, pair, person):
    client.force_login(request.getfixturevalue(person))

    assert client.get(PAGE).status_code == 404
    assert client.post(of(pair[0], "retry")).status_code == 404


def test_what_waits_and_what_failed_stands_there_with_its_reason(admin, pair):
    Experiment.objects.get().pause(by=None)

    text = text_of(admin.get(PAGE))

    assert "It stopped with an error." in text
    assert "Its experiment is paused." in text


def test_the_part_alone_is_sent_to_htmx_and_asks_again_by_itself(admin, pair):
    part = text_of(admin.get(f"{PAGE}?state=failed", headers=HTMX))

    assert "<html" not in part
    assert f'hx-get="{PAGE}?state=failed"' in part
    assert str(pair[0].public_id) in part
    assert str(pair[1].public_id) not in part


def test_words_kinds_and_nonsense_in_the_address_narrow_the_list_or_do_nothing(admin, pair):
    title = pair[0].turn.task.scenario.title
    found = {
        query: text_of(admin.get(f"{PAGE}?{query}")).count('id="log-')
        for query in (
            f"q={title[-8:]}",
            f"q={str(pair[1].public_id)[:8]}",
            "failure=exit",
            "q=nowhere",
            "state=bad&sort=%00&page=x&experiment=1",
        )
    }

    assert list(found.values()) == [2, 1, 1, 0, 2]


def test_a_hundred_candidates_take_as_many_queries_as_ten(admin, bells):
    task = factories.make_task()
    turn = task.turns.get()
    arms = list(task.experiment.arms.all())
    asked = []
    for pairs in (4, 20):
        for _ in range(pairs):
            for candidate in turns.add_pair(turn, arms):
                factories.start_run(candidate)
        with CaptureQueriesContext(connection) as queries:
            text_of(admin.get(PAGE))
        asked.append(len(queries))

    assert asked[0] == asked[1] < 30


def test_a_worker_is_shown_with_its_sandbox_and_what_it_runs(admin, pair):
    workers.beat("generate@here", ["generate"], 2, "Bubblewrap", [])
    run = factories.start_run(pair[1])
    Run.objects.filter(pk=run.pk).update(worker="generate@here:12", stage="tests")

    text = text_of(admin.get(PAGE))

    assert "Bubblewrap: test passed" in text
    assert "1 of 2" in text
    assert "testing the patch" in text


def test_a_worker_that_went_silent_is_told_and_one_that_left_is_forgotten(admin, db):
    workers.beat("silent@here", ["generate"], 2, "", ["No bwrap program was found."])
    Worker.objects.update(seen_at=now() - timedelta(hours=1))
    workers.beat("left@here", ["default"], 2, "", [])
    workers.leave("left@here")

    text = text_of(admin.get(PAGE))

    assert "Silent" in text
    assert "No bwrap program was found." in text
    assert "left@here" not in text


def test_a_worker_that_leaves_gives_back_what_it_prepares(db, bells):
    repository = factories.make_repository()
    environment = Environment.objects.create(repository=repository, base_commit="c" * 40)
    token = environment.take_lease("baseline", 60, worker="generate@here:12")

    workers.leave("generate@elsewhere")
    assert environment.renew_lease(token, 60)
    workers.leave("generate@here")

    assert not environment.renew_lease(token, 60)
    assert ("tasks.jobs.prepare_environment", environment.pk) in bells


def test_a_server_refuses_workers_of_root(settings):
    settings.ROOT_WORKERS = False

    assert "do not start as root" in workers.refused(0)
    assert workers.refused(1000) == ""


def test_a_worker_that_leaves_gives_its_runs_back_and_no_try_is_lost(pair, bells):
    _, queued = pair
    run = factories.start_run(queued)
    Run.objects.filter(pk=run.pk).update(worker="generate@here:12")

    workers.leave("generate@here")

    queued.refresh_from_db()
    run.refresh_from_db()
    assert (queued.state, run.state, run.counted) == ("queued", "lost", False)
    assert bells == [(GENERATE, queued.pk)]


def test_retrying_rings_and_forgets_earlier_tries(admin, ada, pair, bells):
    failed, _ = pair

    answer = admin.post(of(failed, "retry"))
    again = admin.post(of(failed, "retry"))

    assert (answer.status_code, answer.url, again.status_code) == (302, story_of(failed), 302)
    assert Candidate.objects.get(pk=failed.pk).state == "queued"
    assert not failed.runs.filter(counted=True).exists()
    assert bells[0] == (GENERATE, failed.pk)
    assert Event.objects.get(subject=str(failed.public_id), before="failed").actor == ada


def test_what_waits_out_a_back_off_can_be_tried_at_once(admin, pair, bells):
    _, queued = pair
    run = factories.start_run(queued)
    queued.give_back(token=run.token)
    run.end(Run.State.FAILED, sentence="429", retry_at=now() + timedelta(hours=1))
    assert not Candidate.objects.may_start().filter(pk=queued.pk).exists()

    admin.post(of(queued, "retry"))

    assert Candidate.objects.may_start().filter(pk=queued.pk).exists()
    assert bells == [(GENERATE, queued.pk)]


def test_cancelling_ends_the_run_and_goes_back_to_the_list(admin, pair):
    _, queued = pair
    run = factories.start_run(queued)

    answer = admin.post(of(queued, "cancel"), {"back": "list", "state": "running", "q": "tide & time"})

    run.refresh_from_db()
    assert answer.url == f"{PAGE}?state=running&q=tide+%26+time"
    assert Candidate.objects.get(pk=queued.pk).state == "cancelled"
    assert (run.state, run.sentence) == ("cancelled", "It was cancelled by an admin.")
    assert not tasks.jobs._mine(run).exists()  # what its process asks twice a second


def test_an_experiment_is_paused_and_resumed(admin, pair):
    experiment = Experiment.objects.get()
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running")):
        assert admin.post(f"{PAGE}experiments/{experiment.public_id}/{verb}").url == PAGE
        experiment.refresh_from_db()
        assert experiment.state == state


def test_a_second_pair_is_made_beside_the_first_which_stays(admin, ada, riley, bells):
    assignment = factories.make_assignment(riley)
    turn = assignment.task.turns.get()
    before = list(turn.candidates.order_by("pk").values())
    bells.clear()

    admin.post(
        f"{PAGE}tasks/{assignment.task.public_id}/turns/1/regenerate", {"why": "The tests did not run."}
    )

    assert list(turn.candidates.filter(attempt=1).order_by("pk").values()) == before
    made = turn.candidates.filter(attempt=2)
    assert {each.origin.arm_id for each in made} == {
        each.origin.arm_id for each in turn.candidates.filter(attempt=1)
    }
    assert sorted(bells) == sorted((GENERATE, each.pk) for each in made)
    assert assignment.pairs.get().attempt == 1
    event = Event.objects.get(name="turn.regenerated")
    assert (event.actor, event.why) == (ada, "The tests did not run.")


@pytest.mark.parametrize("why", ["", "The tests did not run."])
def test_no_pair_is_made_without_a_reason_or_while_one_is_under_way(admin, pair, why):
    admin.post(story_of(pair[0], "turns/1/regenerate"), {"why": why})

    assert Candidate.objects.count() == 2


def test_a_story_tells_pairs_runs_and_events_and_names_nobody(admin, pair):
    failed, _ = pair

    text = text_of(admin.get(story_of(failed)))

    assert "candidate.failed" in text
    assert "It stopped with an error." in text
    assert "exit code 1" not in text  # the run's own sentence may name the agent
    assert "Quillback" not in text


def test_a_log_is_veiled_until_somebody_says_why(admin, ada, pair):
    failed, _ = pair
    run = failed.runs.get()
    RunLog.objects.create(run=run, stdout=b"I am <b>Quillback</b>\x1b[31m")
    assert "Quillback" not in text_of(admin.get(of(failed, "log")))

    unblinded(admin, failed)

    text = text_of(admin.get(of(failed, "log")))
    assert "I am &lt;b&gt;Quillback&lt;/b&gt;·[31m" in text
    assert failed.origin.agent_version.harness in text
    assert "exit code 1" in text_of(admin.get(story_of(failed)))
    event = Event.objects.get(name=unblinding.UNBLINDED)
    assert (event.actor, event.why) == (ada, "To see why it failed.")


def test_the_log_of_a_run_follows_it_and_stops_at_its_end(admin, pair):
    failed, queued = pair
    unblinded(admin, failed)
    factories.start_run(queued)

    assert "hx-trigger" in text_of(admin.get(of(queued, "log"), headers=HTMX))
    assert "hx-trigger" not in text_of(admin.get(of(failed, "log"), headers=HTMX))


def test_what_is_not_there_is_not_found(admin, db):
    for place in ("tasks/{}/", "candidates/{}/log"):
        assert admin.get(PAGE + place.format(uuid.uuid4())).status_code == 404


def test_the_address_keeps_what_was_asked_for():
    asked = operations.read({"state": "failed", "q": "tide & time", "sort": "tries", "page": "2"})

    assert asked.query == "state=failed&q=tide+%26+time&sort=tries"


def test_without_a_sandbox_every_page_says_so(admin, settings):
    settings.UNSAFE_SUBPROCESS = True
    assert "run here without a sandbox" in text_of(admin.get(PAGE))

    settings.UNSAFE_SUBPROCESS = False
    assert "run here without a sandbox" not in text_of(admin.get(PAGE))
