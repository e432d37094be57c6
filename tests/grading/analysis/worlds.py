"""Votes for the tests: written out, or drawn from a world whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grading.analysis.votes import Vote, Votes, from_rows

#: Cut points of the latent scale between the seven levels.
CUTS = (-2.0, -1.2, -0.4, 0.4, 1.2, 2.0)


def vote(model_a: str, model_b: str, rating: int, side: str = "L", task: str = "t", rater: str = "r") -> Vote:
    return Vote(rater=rater, task=task, model_a=model_a, model_b=model_b, side=side, rating=rating)


def votes_of(*rows: Vote, points: int = 7) -> Votes:
    return from_rows(rows, points)


def tallied(counts: Mapping[tuple[str, str, int], int]) -> Votes:
    """So many votes of each (model_a, model_b, rating); each its own task, sides in turn."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    return votes_of(
        *(
            vote(a, b, rating, side="LR"[number % 2], task=f"t{number}", rater=f"r{number % 7}")
            for number, (a, b, rating) in enumerate(rows)
        )
    )


def drawn(
    theta: Mapping[str, float],
    *,
    tasks: int,
    votes_a_task: int = 3,
    raters: int = 8,
    side: float = 0.0,
    spread: float = 0.0,
    seed: int = 1,
) -> Votes:
    """Votes from the ordinal model. Each task has a pair of models, one rater and a leaning of its own."""
    random = np.random.default_rng(seed)
    names = sorted(theta)
    rows = []
    for task in range(tasks):
        a, b = (names[each] for each in random.permutation(len(names))[:2])
        leaning = spread * random.standard_normal()
        rater = f"r{random.integers(raters)}"
        for _ in range(votes_a_task):
            left = random.random() < 0.5
            ahead = theta[a] - theta[b] + leaning + (side if left else -side)
            rating = int(np.searchsorted(CUTS, ahead + random.logistic())) - 3
            rows.append(vote(a, b, rating, "L" if left else "R", f"t{task}", rater))
    return votes_of(*rows)
