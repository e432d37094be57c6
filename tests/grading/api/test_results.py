"""The newest result of an experiment, masked, for programs."""

import pytest

from grading import jobs
from grading.results import asking
from marlin.models import Event
from tasks.models import AgentVersion, Experiment
from tests.grading.api.conftest import problem_of


@pytest.fixture
def experiment(one_accepted, db, bells):
    return Experiment.objects.get(tasks=one_accepted.task)


def computed(experiment):
    result = asking.ask(experiment)
    jobs.compute_result(result.pk)
    result.refresh_from_db()
    return result


def test_the_newest_result_is_shown_masked(program, experiment):
    computed(experiment)
    newest = computed(experiment)

    shown = program.get(f"/experiments/{experiment.public_id}/results").json()

    assert (shown["id"], shown["sha256"]) == (str(newest.public_id), newest.digest)
    assert (shown["accepted"], shown["accepted_now"]) == (1, 1)
    assert shown["found"] == newest.found
    for version in AgentVersion.objects.all():
        for word in (version.name, version.harness, version.model, version.provider):
            assert word not in str(shown)


def test_before_anything_is_computed_there_is_nothing(program, experiment):
    problem_of(program.get(f"/experiments/{experiment.public_id}/results"), 404)

    assert not Event.objects.filter(name="experiment.results_seen").exists()


def test_reading_it_is_written_down_once(program, experiment, rowan):
    computed(experiment)

    for _ in range(2):
        program.get(f"/experiments/{experiment.public_id}/results")

    assert Event.objects.get(name="experiment.results_seen").actor == rowan
