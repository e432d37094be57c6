"""A world whose truth is known, through the real job: each thing that was planted is found, and masked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from django.db.models import Q

from grading import jobs
from grading.analysis.styles import SIZES
from grading.analysis.votes import UNRATED
from grading.export import judging
from grading.models import MaskedArm, Result, Vote
from grading.results import asking, ballots, behind, stopping, votes
from tests.grading.api.conftest import program_of
from tests.grading.conftest import words_of
from tests.grading.results import planted


def computed(world, **filters):
    result = asking.ask(world.experiment, asking.Filters(**filters))
    jobs.compute_result(result.pk)
    result.refresh_from_db()
    assert result.state == Result.State.READY
    return result


def test_everything_planted_is_found_and_nobody_named(db, bells):
    world = planted.plant()
    found = computed(world).found
    masks = dict(MaskedArm.objects.values_list("arm__position", "number"))
    first, best, third = masks[0], masks[1], masks[2]

    _who_is_better(found, best, first, planted.THETA[1] - planted.THETA[0])
    _who_is_better(found, best, third, planted.THETA[1] - planted.THETA[2])
    assert found["position"]["interval"][0] > 0.5
    assert found["overall"]["fit"]["side"] == pytest.approx(_seen(planted.SIDE), abs=0.2)
    assert [rater["rater"] for rater in found["raters"] if rater["reason"]] == [world.careless]
    assert [group["name"] for group in found["blinding"]["groups"] if group["leaks"]] == [planted.LEAKING]
    assert found["counts"] == {"votes": 720, "tasks": 240, "raters": 10}
    _names_nobody(world, found)


def _who_is_better(found, one, other, planted_difference):
    pair = next(pair for pair in found["pairs"] if {pair["one"], pair["other"]} == {one, other})
    wins, losses, _ = pair["tasks"]
    low, high = found["overall"]["fit"]["differences"][f"{min(one, other)}-{max(one, other)}"][1:]
    truth = _seen(planted_difference) * (1 if one < other else -1)
    assert pair["decided"]
    assert pair["state"] in stopping.SETTLED
    assert (wins > losses) == (one < other)
    assert low < truth < high


def _seen(planted_size):
    """A tenth of the votes says nothing, and what all readers of a task see alike flattens the rest: averaged
    over tasks a logistic effect shrinks by sqrt(1 + (16√3 / 15π)² σ²) (Zeger, Liang and Albert 1988)."""
    flattened = math.sqrt(1 + (16 * math.sqrt(3) / (15 * math.pi)) ** 2 * planted.SHARED**2)
    return 0.9 * planted_size / flattened


def _names_nobody(world, found):
    text = json.dumps(found)
    names = [arm.agent_version.name for arm in world.arms] + [arm.agent_version.model for arm in world.arms]
    people = [rater.name for rater in world.raters] + [rater.email for rater in world.raters]
    assert not [name for name in names + people if name in text]
    assert found["arms"] == [1, 2, 3]


@pytest.fixture
def small_world(db, bells):
    return planted.plant(tasks=30, raters=4, readers=2)


def test_the_same_votes_give_the_same_digest(small_world):
    digests = {computed(small_world).digest, computed(small_world).digest}

    assert len(digests) == 1
    assert Vote.objects.count() == 60


def test_of_very_many_the_styles_of_whole_tasks_are_looked_at(small_world, monkeypatch):
    monkeypatch.setattr(ballots, "MOST_STYLED", 25)  # of 60 votes on 30 tasks: every third task
    monkeypatch.setattr(ballots, "BLOCK", 7)

    judging.write_missing(small_world.experiment.pk)
    votes.write_missing(small_world.experiment)

    read = ballots.read(small_world.experiment, Q())

    assert (len(read.votes), len(read.votes.tasks), len(read.votes.raters)) == (60, 30, 4)
    assert (len(read.styled), len(read.styled.tasks)) == (20, 10)
    assert set(read.styled.styles) == set(SIZES)


def test_columns_say_what_the_rows_say(small_world, monkeypatch):
    monkeypatch.setattr(ballots, "BLOCK", 7)
    judging.write_missing(small_world.experiment.pk)
    votes.write_missing(small_world.experiment)
    Vote.objects.filter(task=Vote.objects.earliest("pk").task_id).update(
        axes=[None, 3], turn=2, attempt=32767
    )
    rows = list(Vote.objects.order_by("pk"))

    read = ballots.votes_of(small_world.experiment, Vote.objects.all(), ["efficiency", "clarity"])

    mask = dict(MaskedArm.objects.values_list("arm", "number"))
    assert [read.models[each] for each in read.first] == [str(mask[row.first_id]) for row in rows]
    assert [read.models[each] for each in read.second] == [str(mask[row.second_id]) for row in rows]
    assert np.unique(read.task, return_inverse=True)[1].tolist() == _numbers([row.task_id for row in rows])
    assert read.rater.tolist() == _numbers([row.rater_id for row in rows])
    assert read.unit.tolist() == _numbers([(row.task_id, row.turn) for row in rows])
    assert read.rating.tolist() == [row.rating for row in rows]
    assert read.on_left.tolist() == [row.on_left for row in rows]
    assert read.day.tolist() == [row.submitted_on.toordinal() for row in rows]
    rated = [[UNRATED if rating is None else rating for rating in row.axes[:2]] for row in rows]
    assert np.stack([read.axes["efficiency"], read.axes["clarity"]], axis=1).tolist() == rated


def _numbers(keys):
    return [sorted(set(keys)).index(key) for key in keys]


def test_each_filter_counts_what_it_names(small_world):
    chosen = {
        "language": "Go",
        "repository": "waymark",
        "category": "bug fix",
        "raters": "lead",
        "since": "2026-10-10",
    }
    counts = {
        name: computed(small_world, **{name: value}).found["counts"]["votes"]
        for name, value in chosen.items()
    }

    since = Vote.objects.filter(submitted_on__gte="2026-10-10").count()
    assert counts == {"language": 24, "repository": 12, "category": 20, "raters": 30, "since": since}
    assert 0 < since < 60


def test_lists_of_a_hundred_records_need_as_many_queries_as_lists_of_ten(
    db, bells, client, rowan, queries, monkeypatch
):
    world = planted.plant(tasks=50, raters=4, readers=2)
    computed(world)
    client.force_login(rowan)
    program, experiment = program_of(rowan), world.experiment.public_id
    client.get(
        f"/results/{experiment}/records"
    )  # the first look is written down, and the first use of a token
    program.get(f"/experiments/{experiment}/records", limit=1)
    pages, programs = [], []

    for size in (10, 100):
        monkeypatch.setattr(behind, "A_PAGE", size)
        with queries:
            assert words_of(client.get(f"/results/{experiment}/records")).count("/results/records/") == size
        pages.append(len(queries))
        with queries:
            answer = program.get(f"/experiments/{experiment}/records", limit=size)
            assert len(answer.json()["items"]) == size
        programs.append(len(queries))

    assert pages[0] == pages[1]
    assert programs[0] == programs[1]
