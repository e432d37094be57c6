"""Ratings under resampled tasks: what the intervals would be without a formula for them."""

from __future__ import annotations

import numpy as np

from grading.analysis.intervals import score_sums
from grading.analysis.ratings import Fit, NoEstimate, ahead_of_many, gauge_of
from grading.analysis.resampling import GROUPS, groups, resampled, weights
from grading.analysis.votes import Floats, Votes

#: A table of tasks by cells with more entries than this is not made: 16 MB.
TABLE = 2_000_000
BLOCK = 65_536  # cells times draws at once
CHORDS = 8
MOST_STEPS = 50
#: Newton's method ends when a step promises less than this in log-likelihood.
ENOUGH = 1e-9
#: Steps end when all are below this share of the smallest standard error.
NEAR = 1e-3


def bootstrap(fit: Fit, votes: Votes, *, repetitions: int = 1000, seed: int = 0) -> Floats:
    """Ratings under random weights of the tasks, [repetitions, K], see resampling.

    Every draw is fitted anew while there are few tasks and cells. Beyond that a draw is one Newton step
    from the estimate (the score bootstrap, Kline and Santos 2012), whose spread is then the same to a
    hundredth. Raises NoEstimate for less than two tasks.
    """
    tasks, cells = len(votes.tasks), len(fit.cells.count)
    if tasks < 2:
        raise NoEstimate("All votes are of one task, so tasks cannot be resampled.")
    if tasks <= GROUPS and tasks * cells <= TABLE:
        draws = _refitted(fit, votes, repetitions, seed)
    else:
        draws = _stepped(fit, votes, repetitions, seed)
    return draws[:, : len(fit.models)]


def _stepped(fit: Fit, votes: Votes, repetitions: int, seed: int) -> Floats:
    group, count = groups(len(votes.tasks), seed)
    sums = np.concatenate(list(score_sums(fit, votes, group[votes.task], count)))
    return fit.estimate + resampled(sums, repetitions=repetitions, seed=seed) @ fit.covariance


def _refitted(fit: Fit, votes: Votes, repetitions: int, seed: int) -> Floats:
    tasks, cells = len(votes.tasks), len(fit.cells.count)
    table = np.bincount(votes.task * cells + fit.cells.of_row, votes.counts, tasks * cells)
    table = table.reshape(tasks, cells)
    some = max(1, BLOCK // cells)
    found = []
    for drawn in weights(tasks, repetitions, seed):
        for begin in range(0, len(drawn), some):
            found.append(_maxima(fit, drawn[begin : begin + some] @ table))
    return np.concatenate(found)


def _maxima(fit: Fit, counts: Floats) -> Floats:
    """The parameters [B, P] for each row of counts [B, M].

    By chords: all begin at the estimate and step along its one inverse information, so no draw needs a
    matrix of its own. Those that do not arrive soon, as with a handful of tasks, go on by Newton's method.
    """
    smallest = float(np.sqrt(np.diag(fit.covariance)[: len(fit.models)].min()))
    # A draw with more weight in all has as much more information.
    scale = fit.cells.count.sum() / counts.sum(axis=1, keepdims=True)
    at = np.repeat(fit.estimate[None], len(counts), axis=0)
    left = np.arange(len(counts))
    for _ in range(CHORDS):
        step = scale[left] * (_gradients(fit, at[left], counts[left]) @ fit.covariance)
        far = np.abs(step).max(axis=1)
        at[left] += step
        left = left[far >= NEAR * smallest]
        if not len(left):
            return at
    at[left] = _climbed(fit, counts[left])
    return at


def _climbed(fit: Fit, counts: Floats) -> Floats:
    """Newton's method with halved steps for each row of counts [B, M] at once, [B, P]."""
    at = np.repeat(fit.estimate[None], len(counts), axis=0)
    heights = _heights(fit, at, counts)
    left = np.arange(len(counts))
    for _ in range(MOST_STEPS):
        steps, gains = _steps(fit, at[left], counts[left])
        left, steps = left[gains > ENOUGH], steps[gains > ENOUGH]
        if not len(left):
            break
        moving = np.arange(len(left))
        for _ in range(MOST_STEPS):
            rows = left[moving]
            reached = _heights(fit, at[rows] + steps[moving], counts[rows])
            up = reached >= heights[rows] - 1e-10 * np.abs(heights[rows])
            at[rows[up]] += steps[moving[up]]
            heights[rows[up]] = reached[up]
            moving = moving[~up]
            if not len(moving):
                break
            steps[moving] /= 2
    return at


def _steps(fit: Fit, at: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Newton's step for each row [B, P], and how much it promises to gain [B]."""
    models, linear = len(fit.models), len(fit.models) + len(fit.also)
    ahead, design = ahead_of_many(fit.cells, at, models)
    bends = fit.link.bends(ahead, fit.cells.outcome, at[:, linear:]) * counts
    information = np.empty((len(at), at.shape[1], at.shape[1]))
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    information[:, :linear, :linear] = -(bends[0, 0] @ outer).reshape(-1, linear, linear)
    information[:, linear:, :linear] = -(bends[1:, 0] @ design).transpose(1, 0, 2)
    information[:, :linear, linear:] = information[:, linear:, :linear].transpose(0, 2, 1)
    information[:, linear:, linear:] = -bends[1:, 1:].sum(axis=-1).transpose(2, 0, 1)
    information += gauge_of(information, models)
    gradients = _gradients(fit, at, counts)
    steps = np.asarray(np.linalg.solve(information, gradients[:, :, None])[:, :, 0])
    return steps, np.asarray((gradients * steps).sum(axis=1))


def _heights(fit: Fit, at: Floats, counts: Floats) -> Floats:
    """Log-likelihoods, [B]; where cut points are out of order there is none, and minus infinity."""
    ahead, _ = ahead_of_many(fit.cells, at, len(fit.models))
    shape = at[:, len(fit.models) + len(fit.also) :]
    return np.asarray((fit.link.values(ahead, fit.cells.outcome, shape) * counts).sum(axis=1))


def _gradients(fit: Fit, at: Floats, counts: Floats) -> Floats:
    """Of the log-likelihood for each row of parameters [B, P] and of counts [B, M], [B, P]."""
    models, linear = len(fit.models), len(fit.models) + len(fit.also)
    ahead, design = ahead_of_many(fit.cells, at, models)
    slopes = fit.link.slopes(ahead, fit.cells.outcome, at[:, linear:]) * counts
    return np.concatenate([slopes[0] @ design, slopes[1:].sum(axis=2).T], axis=1)
