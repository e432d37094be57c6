"""Our figures beside those of evalica, an independent implementation in Rust."""

from __future__ import annotations

import evalica
import numpy as np
import pandas as pd
import pytest

from grading.analysis import agreement, ratings
from tests.grading.analysis.worlds import crowd, drawn

WORLDS = {
    "two": drawn({"heron": 0.2, "tern": -0.2}, tasks=60, seed=1),
    "three": drawn({"heron": 0.5, "kestrel": 0.0, "tern": -0.5}, tasks=40, side=0.3, seed=2),
    "twenty": crowd(30_000, models=20),
}
WINNERS = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [(ratings.bt_halfwin, evalica.bradley_terry), (ratings.davidson, evalica.newman)]
)
def test_ratings_agree(world, ours, theirs):
    votes = WORLDS[world]
    names = [[votes.models[each] for each in side.tolist()] for side in (votes.first, votes.second)]
    winners = [WINNERS[sign] for sign in np.sign(votes.rating).tolist()]

    scores = theirs(*names, winners, tolerance=1e-12, limit=100_000).scores

    theta = np.log([scores[model] for model in votes.models])
    assert ours(votes).theta == pytest.approx(theta - theta.mean(), abs=1e-4)


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("absent", [0.0, 0.5])
def test_alpha_agrees(metric, absent):
    random = np.random.default_rng(3)
    truth = random.integers(-2, 3, size=80)
    given = np.clip(truth + random.integers(-1, 2, size=(4, 80)), -3, 3).astype(float)
    given[random.random(given.shape) < absent] = np.nan
    levels = np.arange(-3, 4)

    counts = (given[:, :, None] == levels).sum(axis=0)

    theirs = evalica.alpha(pd.DataFrame(given), distance=metric).alpha
    assert agreement.alpha(counts, levels, metric) == pytest.approx(theirs, abs=1e-6)
