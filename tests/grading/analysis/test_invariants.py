"""What must hold whatever the votes are: a report is JSON, and neither names nor sides nor their order matter."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.analysis import report, sections
from grading.analysis.ratings import NoEstimate
from tests.grading.analysis.worlds import vote, votes_of

QUICK = report.Choices(repetitions=3)
MODELS = "abcd"


@st.composite
def few_votes(draw):
    rows = st.builds(
        lambda pair, rating, side, task, rater: vote(*pair, rating, side, f"t{task}", f"r{rater}"),
        st.permutations(MODELS).map(lambda names: names[:2]),
        st.integers(-3, 3),
        st.sampled_from("LR"),
        st.integers(0, 6),
        st.integers(0, 3),
    )
    return votes_of(*draw(st.lists(rows, max_size=40)))


@settings(deadline=None, max_examples=10)
@given(few_votes())
def test_whatever_the_votes_are_the_report_is_json(votes):
    found = report.report(votes, choices=QUICK)

    assert json.loads(json.dumps(found, allow_nan=False))["counts"]["votes"] == len(votes)
    for name in sections.ESTIMATES:
        part = found[name]
        assert part.endswith(".") if isinstance(part, str) else abs(sum(part["theta"].values())) < 1e-6


def turned(votes):
    """Each vote written the other way round: the same meaning."""
    return dataclasses.replace(
        votes, first=votes.second, second=votes.first, on_left=~votes.on_left, rating=-votes.rating
    )


def shuffled(votes):
    order = np.random.default_rng(1).permutation(len(votes))
    names = ("first", "second", "on_left", "rater", "task", "unit", "rating")
    return dataclasses.replace(votes, **{name: getattr(votes, name)[order] for name in names})


def renamed(votes):
    """The first name becomes the last and so on, and each model keeps its votes."""
    last = len(votes.models) - 1
    return dataclasses.replace(votes, first=last - votes.first, second=last - votes.second)


def mirrored(votes):
    return dataclasses.replace(votes, on_left=~votes.on_left)


@pytest.mark.parametrize("change", [turned, shuffled, renamed, mirrored])
@settings(deadline=None, max_examples=8)
@given(votes=few_votes())
def test_what_has_no_meaning_changes_nothing(change, votes):
    before, after = told(votes), told(change(votes))

    assert (before is None) == (after is None)
    if before is not None:
        theta, errors = (np.array(each)[::-1] if change is renamed else np.array(each) for each in after)
        assert theta == pytest.approx(np.array(before[0]), abs=1e-5)
        assert errors == pytest.approx(np.array(before[1]), rel=1e-4, abs=1e-6)


def told(votes):
    """The headline's ratings and errors, or None where it has nothing to say."""
    try:
        spread = sections.Study(votes, QUICK).headline
        return spread.fit.theta.tolist(), spread.by_task.errors(len(votes.models)).tolist()
    except NoEstimate:
        return None
