"""The straightforward way to rate models: a logistic regression on rows, that ours is measured beside."""

from __future__ import annotations

import numpy as np

from grading.analysis.votes import Floats


def regression(design: Floats, won: Floats, weights: Floats) -> Floats:
    theta = np.zeros(design.shape[1])
    for _ in range(20):
        expected = 1 / (1 + np.exp(-design @ theta))
        spread = weights * expected * (1 - expected)
        gradient = (weights * (won - expected)) @ design
        step = np.linalg.solve((design.T * spread) @ design + 1, gradient)
        theta += step
        if np.abs(step).max() < 1e-8:
            break
    return theta
