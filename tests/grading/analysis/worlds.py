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


def crowd(
    votes: int,
    *,
    models: int,
    raters: int = 500,
    votes_a_task: int = 3,
    spread: float = 0.35,
    seed: int | tuple[int, ...] = 1,
) -> Votes:
    """Very many votes, in columns of the smallest integers that fit, without a Python object for each.

    `spread` is the standard deviation of how good each model is at each task.
    """
    random = np.random.default_rng(seed)
    tasks = -(-votes // votes_a_task)
    truth = np.linspace(-1, 1, models)
    first = random.integers(models, size=tasks).astype(np.int16)
    second = ((first + random.integers(1, models, size=tasks)) % models).astype(np.int16)
    leaning = truth[first] - truth[second] + spread * np.sqrt(2) * random.standard_normal(tasks)
    task = np.repeat(np.arange(tasks, dtype=np.int32), votes_a_task)[:votes]
    on_left = random.random(votes) < 0.5
    latent = leaning[task] + np.where(on_left, 0.2, -0.2) + random.logistic(size=votes)
    return Votes(
        models=tuple(f"model-{number:02}" for number in range(models)),
        raters=tuple(f"rater-{number:03}" for number in range(raters)),
        tasks=range(tasks),
        first=first[task],
        second=second[task],
        on_left=on_left,
        rater=random.integers(raters, size=votes).astype(np.int32),
        task=task,
        unit=task,
        rating=(np.searchsorted(CUTS, latent) - 3).astype(np.int8),
        points=7,
    )
