"""Findings of a few votes, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from grading.analysis.votes import Vote, from_rows
from grading.results.findings import Ballots, findings
from grading.results.look import Look, look_at
from grading.results.masks import masked

#: rater, task, the two arms, where the first stood, and the rating, positive when the first is better.
Row = tuple[str, str, int, int, str, int]

BEGIN = date(2026, 9, 1)

NOTHING: list[Row] = []
ONE_VOTE: list[Row] = [("riley", "t1", 1, 2, "L", 3)]
ALL_TIES: list[Row] = [
    (rater, task, 1, 2, "L", 0) for rater in ("riley", "rosa") for task in ("t1", "t2", "t3")
]
ONE_TASK: list[Row] = [
    ("riley", "t1", 1, 2, "L", 2),
    ("rosa", "t1", 1, 2, "R", -1),
    ("sam", "t1", 1, 2, "L", 1),
]
#: Nobody ever compared Arm 3 with anything.
APART: list[Row] = [
    ("riley", "t1", 1, 2, "L", 2),
    ("rosa", "t2", 1, 2, "R", -1),
    ("riley", "t3", 1, 2, "R", 1),
]


def ballots(rows: Sequence[Row], points: int = 7) -> Ballots:
    votes = from_rows(
        [
            Vote(
                rater=rater,
                task=task,
                model_a=str(one),
                model_b=str(other),
                side=side,
                rating=rating,
                day=BEGIN + timedelta(days=number // 3),
            )
            for number, (rater, task, one, other, side, rating) in enumerate(rows)
        ],
        points,
    )
    return Ballots(votes, guesses=(), answers=0, styled=votes)


def found(rows: Sequence[Row], arms: Sequence[int] = (1, 2), **axes: str) -> dict[str, Any]:
    """As the job stores them."""
    return {
        **findings(ballots(rows), axes),
        "arms": list(arms),
        "rate": "280.00",
        "currency": "USD",
        "spent": "0.00",
    }


def look(rows: Sequence[Row], arms: Sequence[int] = (1, 2), **how: Any) -> Look:
    return look_at(found(rows, arms), masked(list(arms)), **how)


def decided(wins: int, losses: int, one: int = 1, other: int = 2, tag: str = "") -> list[Row]:
    """So many tasks in which the first was preferred and in which it was not, sides in turn."""
    strengths = [*[2] * wins, *[-2] * losses]
    return [
        (f"r{number % 5}", f"{tag}t{number}", one, other, "LR"[number % 2], strength + (number % 3 == 0))
        for number, strength in enumerate(strengths)
    ]
