"""Stopping on evidence: which findings settle an experiment, and what happens when one does."""

from __future__ import annotations

import pytest

from grading import jobs
from grading.models import Result
from grading.results import asking, computing, stopping
from marlin.models import Event
from tests.grading.conftest import experiment_of, words_of

ONE = {"state": "decided"}
OTHER = {"state": "equivalent"}
OPEN = {"state": "keep"}


@pytest.mark.parametrize(
    ("arms", "pairing", "pairs", "is_settled"),
    [
        (2, "random", [ONE], True),
        (2, "random", [OTHER], True),
        (2, "random", [OPEN], False),
        (2, "random", [], False),
        (3, "random", [ONE, OTHER, ONE], True),
        (3, "balanced", [ONE, OPEN, ONE], False),
        # Two that have not met yet are not decided.
        (3, "random", [ONE, ONE], False),
        (3, "control", [ONE, ONE], True),
    ],
)
def test_it_is_settled_when_every_pair_that_is_drawn_is(arms, pairing, pairs, is_settled):
    found = {"arms": list(range(1, arms + 1)), "pairs": pairs}

    assert stopping.is_settled(found, pairing) is is_settled


@pytest.fixture
def computed(db, bells, monkeypatch):
    """Computes results of one experiment, whose only pair is found to stand as it is said."""

    def compute(experiment, state, query=""):
        found = {"arms": [1, 2], "pairs": [{"state": state}], "counts": {"tasks": 64}}
        monkeypatch.setattr(computing, "compute", lambda result: found)
        result = Result.objects.create(experiment=experiment, query=query)
        jobs.compute_result(result.pk)
        experiment.refresh_from_db()
        return Result.objects.get(pk=result.pk)

    return compute


def test_a_result_that_leaves_nothing_open_pauses_it_once(client, computed, ada):
    experiment = experiment_of(1, stops_when_decided=True)
    computed(experiment, "keep")
    computed(experiment, "decided", query="turn=1")  # of some votes only
    assert experiment.state == "running"

    result = computed(experiment, "decided")
    assert experiment.state == "paused"
    client.force_login(ada)
    page = words_of(client.get(f"/experiments/{experiment.public_id}/"))
    assert "It paused itself. The pair of arms is decided" in page
    assert "Left so, it saves" in page
    experiment.resume(by=ada)
    computed(experiment, "decided")

    assert experiment.state == "running"
    assert Event.objects.get(name=stopping.DECIDED).detail["digest"] == result.digest
    why = Event.objects.get(name="experiment.paused").why
    assert why.startswith("The pair of arms is decided after 64 tasks")


def test_nothing_stops_that_was_not_asked_to(computed):
    experiment = experiment_of(1)

    computed(experiment, "decided")

    assert experiment.state == "running"


def test_what_was_accepted_meanwhile_is_judged_by_the_sweep(computed, bells, monkeypatch):
    experiment = experiment_of(1, stops_when_decided=True)
    computed(experiment, "keep")
    monkeypatch.setattr(asking, "accepted", lambda experiment: 1)
    jobs.heed_stopping_rules()
    assert not Result.objects.filter(state="queued").exists()  # judged a moment ago

    monkeypatch.setattr(stopping, "EVERY", -stopping.EVERY)
    jobs.heed_stopping_rules()

    asked = Result.objects.get(state="queued")
    assert ("grading.jobs.compute_result", asked.pk) in bells
