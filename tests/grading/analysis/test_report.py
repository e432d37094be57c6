"""The report: everything under its name, overall and by axis, or a sentence."""

import dataclasses
import json

import numpy as np
import pytest

from grading.analysis import report
from tests.grading.analysis.worlds import drawn, tallied, vote, votes_of

NUMBERS = ("theta", "se_hessian", "se_sandwich", "se_cluster_task", "se_cluster_rater", "se_two_way")
THREE = {"heron": 0.7, "kestrel": 0.0, "tern": -0.7}


@pytest.fixture(scope="module")
def votes():
    votes = drawn(THREE, tasks=150, raters=25, side=0.3, seed=4)
    alike = dataclasses.replace(votes, axes={"clarity": votes.rating, "scope": np.zeros_like(votes.rating)})
    second_reader = alike.where(np.arange(len(votes)) < 90)
    names = tuple(f"s{name}" for name in second_reader.raters)
    return joined(alike, dataclasses.replace(second_reader, raters=names))


def joined(*parts):
    """The votes of several tables, as rows and back."""
    rows = [
        vote(
            part.models[part.first[at]],
            part.models[part.second[at]],
            int(part.rating[at]),
            "L" if part.on_left[at] else "R",
            part.tasks[part.task[at]],
            part.raters[part.rater[at]],
        )
        for part in parts
        for at in range(len(part))
    ]
    return votes_of(
        *(
            dataclasses.replace(row, turn=str(at % 3), axes={"clarity": row.rating, "scope": 0})
            for at, row in enumerate(rows)
        )
    )


@pytest.fixture(scope="module")
def found(votes):
    return report.report(votes)


@pytest.mark.parametrize("name", report.ESTIMATES)
def test_every_estimate_has_its_numbers_by_model(found, name):
    for number in NUMBERS:
        assert sorted(found[name][number]) == sorted(THREE)
    assert abs(sum(found[name]["theta"].values())) < 1e-9


@pytest.mark.parametrize("name", report.ESTIMATES)
def test_the_better_model_comes_first(found, name):
    theta = found[name]["theta"]

    assert theta["heron"] > theta["kestrel"] > theta["tern"]
    assert found[name]["rank"]["heron"] == [1, 1]
    assert [row["model_a"] for row in found[name]["differences"]] == ["heron", "kestrel"]


def test_every_axis_is_a_report_of_its_own(found):
    assert found["axes"]["clarity"]["ordinal_side"] == found["ordinal_side"]
    assert found["axes"]["scope"]["ordinal_side"] == "Every vote is a tie, so nothing tells the models apart."


def test_axes_are_decided_together(found):
    rows = {(row["axis"], row["model_a"], row["model_b"]): row for row in found["decision"]["axes"]}

    assert rows["clarity", "heron", "tern"]["decided"]
    assert not rows["scope", "heron", "tern"]["decided"]
    assert rows["clarity", "heron", "tern"]["verdict"].startswith("Decided: heron is better")


def test_second_readers_agree_with_themselves_in_this_world(found):
    agreement = found["agreement"]

    assert agreement["shared_units"] == 90
    assert agreement["alpha_ordinal"]["value"] > 0.9
    assert agreement["self_consistency"] == "Nobody rated anything twice."


def test_the_side_is_found_with_its_test(found):
    bias = found["position_bias"]

    assert bias["side"]["davidson"] == pytest.approx(found["davidson_side"]["coefficients"]["side"])
    assert bias["side"]["p_value"] < 0.05
    assert bias["interval"][0] > 0.5


def test_the_report_is_json_and_the_same_each_time(votes, found):
    assert json.dumps(report.report(votes), allow_nan=False) == json.dumps(found, allow_nan=False)


def test_a_mountain_of_evidence_is_still_a_number():
    decision = report.report(tallied({("a", "b", 1): 5000, ("a", "b", 0): 1, ("b", "a", 1): 1}))["decision"]

    assert decision["pairs"][0]["e_value"] < 1e305
    assert decision["pairs"][0]["log_e_value"] > 3000


#: Votes with little in them: which sections are a sentence.
ALL = {*report.ESTIMATES, "position_bias", "agreement", "decision"}
POOR = {
    "no votes": ([], ALL),
    "one vote": ([("a", "b", 2, "t1", "r1")], ALL),
    "all ties": ([("a", "b", 0, f"t{at}", f"r{at % 2}") for at in range(6)], ALL),
    "one task": ([("a", "b", r, "t", f"r{at}") for at, r in enumerate((1, -1, 2, 0, 1, -2))], {"decision"}),
    "one rater": ([("a", "b", r, f"t{at}", "r") for at, r in enumerate((1, -1, 2, 0, 1, -2))], {"agreement"}),
    "apart": (
        [(*pair, r, f"t{at}", "r") for at, r in enumerate((1, -1, 1)) for pair in (("a", "b"), ("c", "d"))],
        {*report.ESTIMATES, "agreement"},
    ),
    "separated": (
        [("a", "b", 1 + at % 3, f"t{at}", "r") for at in range(6)],
        {*report.ESTIMATES, "agreement"},
    ),
}


@pytest.mark.parametrize("case", POOR)
def test_where_a_number_would_be_silly_there_is_a_sentence(case):
    rows, silent = POOR[case]
    sides = "LRRLLR"
    votes = votes_of(*(vote(a, b, r, sides[at % 6], t, by) for at, (a, b, r, t, by) in enumerate(rows)))

    found = report.report(votes)

    assert {name for name in ALL if isinstance(found[name], str)} == silent
    for name in silent:
        assert found[name].endswith(".")
    json.dumps(found, allow_nan=False)
    assert report.as_text(found).count("\n") > 10


def test_one_task_leaves_its_errors_unknown():
    rows, _ = POOR["one task"]
    votes = votes_of(*(vote(a, b, r, "LRRLLR"[at], t, by) for at, (a, b, r, t, by) in enumerate(rows)))

    found = report.report(votes)["ordinal_side"]

    assert found["se_cluster_task"].startswith("All votes are of one task")
    assert found["se_two_way"] == found["interval"] == found["se_cluster_task"]
    assert found["se_cluster_rater"]["a"] > 0


def test_the_text_has_every_name(found):
    text = report.as_text(found)

    for name in (*report.ESTIMATES, *NUMBERS, "position_bias", "agreement", "decision", "clarity"):
        assert name in text
    assert "numpy" not in text
    assert "\n    heron: 0." in text
