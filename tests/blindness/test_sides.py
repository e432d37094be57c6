"""Neither a key, nor an id, nor a letter goes with an arm more often than a fair coin would."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Any

import pytest
from django.db import connection

from grading import blinding
from grading.models import Assignment, BlindPair
from grading.models.assignment import lease
from marlin.models import Role
from marlin.sources import Seeded, new_public_id, using
from tasks import turns
from tasks.models import Arm, Experiment, Origin, Task, Turn
from tests import factories

RATERS = 40


@pytest.fixture
def openings(db: None, long: bool, monkeypatch: pytest.MonkeyPatch) -> Iterable[list[tuple[Any, ...]]]:
    """(pk, public id, place among all arms) of each candidate, two of each turn, of many turns."""
    monkeypatch.setattr("tasks.turns.ring", lambda *what, **how: None)
    with using(Seeded("sides")):
        experiment = factories.make_experiment()
        arms = list(experiment.arms.order_by("position"))
        for number in range(10_000 if long else 400):
            _open_turn(experiment, arms, number)
        _analyse()
        rows = Origin.objects.order_by("candidate__turn", "arm__position").values_list(
            "candidate_id", "candidate__public_id", "arm__position"
        )
        yield list(rows)


def test_neither_the_key_nor_the_id_of_a_candidate_goes_with_its_arm(openings: list[tuple[Any, ...]]) -> None:
    firsts, seconds = openings[0::2], openings[1::2]
    assert {place for *_, place in firsts} == {0}

    for which in (0, 1):
        smaller = [first[which] < second[which] for first, second in zip(firsts, seconds, strict=True)]
        assert _is_fair(smaller)
        ranks = {row[0]: rank for rank, row in enumerate(sorted(openings, key=itemgetter(which)))}
        correlation = _correlation([ranks[row[0]] for row in openings], [row[2] for row in openings])
        assert abs(correlation) < 2 / math.sqrt(len(openings))


def test_a_is_the_first_arm_in_half_of_the_pairs(openings: list[tuple[Any, ...]]) -> None:
    raters = [factories.make_person(f"Riley{number}", Role.RATER) for number in range(RATERS)]
    first_arm = {row[0] for row in openings[0::2]}
    for number, turn in enumerate(Turn.objects.order_by("pk")):
        rater = raters[number % RATERS]
        assignment = Assignment.objects.create(task=turn.task, rater=rater, seat=0, lease_until=lease())
        blinding.draw(assignment, turn, 1)

    pairs = list(BlindPair.objects.order_by("pk"))
    a_is_first = [pair.a_id in first_arm for pair in pairs]

    assert _is_fair(a_is_first)
    # It neither alternates nor clings: a rater cannot tell the next pair from the last one.
    again = [one == other for one, other in pairwise(a_is_first)]
    assert 0.3 < sum(again) / len(again) < 0.6
    # The key of a candidate does not tell its letter either.
    assert _is_fair([pair.a_id < pair.b_id for pair in pairs])
    assert {pair.method for pair in pairs} >= {"coin", "stick"}


def test_a_rigged_order_would_be_seen(db: None) -> None:
    assert not _is_fair([True] * 400)
    assert not _is_fair([number % 5 > 1 for number in range(400)])
    assert abs(_correlation([0, 1, 2, 3], [0, 0, 1, 1])) > 0.8


def _analyse() -> None:
    """As the database does by itself once rows are committed: without it the draws read whole tables."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _open_turn(experiment: Experiment, arms: list[Arm], number: int) -> None:
    scenario = experiment.scenarios.get()
    scenario.pk, scenario.public_id = None, new_public_id()
    scenario.save()
    task = Task.objects.create(experiment=experiment, scenario=scenario)
    turns.open_turn(task, number=1, prompt="Add.", base_commit="1" * 40, arms=arms)


def _is_fair(outcomes: list[bool]) -> bool:
    """Within two standard errors of a half."""
    return abs(sum(outcomes) / len(outcomes) - 0.5) <= 1 / math.sqrt(len(outcomes))


def _correlation(one: list[int], other: list[int]) -> float:
    count = len(one)
    mean_one, mean_other = sum(one) / count, sum(other) / count
    both = sum((x - mean_one) * (y - mean_other) for x, y in zip(one, other, strict=True))
    squares = [
        sum((x - mean) ** 2 for x in values) for values, mean in ((one, mean_one), (other, mean_other))
    ]
    return both / math.sqrt(squares[0] * squares[1])
