"""The report: everything under its name, overall and by axis, or a sentence."""

import dataclasses
import json
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from grading.analysis import report, sections, text
from grading.analysis.cells import Cell, Guess
from grading.analysis.votes import BadVotes
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


@pytest.mark.parametrize("name", sections.ESTIMATES)
def test_every_estimate_has_its_numbers_by_model(found, name):
    for number in NUMBERS:
        assert sorted(found[name][number]) == sorted(THREE)
    assert abs(sum(found[name]["theta"].values())) < 1e-9


@pytest.mark.parametrize("name", sections.ESTIMATES)
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
    assert rows["clarity", "heron", "tern"]["verdict"].startswith("Decided: heron better, ")


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
ALL = {*sections.ESTIMATES, "position_bias", "agreement", "decision"}
POOR = {
    "no votes": ([], ALL),
    "one vote": ([("a", "b", 2, "t1", "r1")], ALL),
    "all ties": ([("a", "b", 0, f"t{at}", f"r{at % 2}") for at in range(6)], ALL),
    "one task": ([("a", "b", r, "t", f"r{at}") for at, r in enumerate((1, -1, 2, 0, 1, -2))], {"decision"}),
    "one rater": ([("a", "b", r, f"t{at}", "r") for at, r in enumerate((1, -1, 2, 0, 1, -2))], {"agreement"}),
    "apart": (
        [(*pair, r, f"t{at}", "r") for at, r in enumerate((1, -1, 1)) for pair in (("a", "b"), ("c", "d"))],
        {*sections.ESTIMATES, "agreement"},
    ),
    "separated": (
        [("a", "b", 1 + at % 3, f"t{at}", "r") for at in range(6)],
        {*sections.ESTIMATES, "agreement"},
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
    assert text.as_text(found).count("\n") > 10


def test_one_task_leaves_its_errors_unknown():
    rows, _ = POOR["one task"]
    votes = votes_of(*(vote(a, b, r, "LRRLLR"[at], t, by) for at, (a, b, r, t, by) in enumerate(rows)))

    found = report.report(votes)["ordinal_side"]

    assert found["se_cluster_task"].startswith("All votes are of one task")
    assert found["se_two_way"] == found["interval"] == found["se_cluster_task"]
    assert found["se_cluster_rater"]["a"] > 0


def test_the_text_has_every_name(found):
    lines = text.as_text(found)

    for name in (*sections.ESTIMATES, *NUMBERS, "position_bias", "agreement", "decision", "clarity"):
        assert name in lines
    assert "numpy" not in lines
    assert "\n    heron: 0." in lines


MONDAY = date(2026, 3, 2)


def cells_of(rows):
    """A small experiment as a GROUP BY gives it: overall and one axis, a task a day, two raters each."""
    return [
        Cell(
            task=f"t{day}",
            rater=rater,
            model_a="heron",
            model_b="tern",
            side="LR"[(day + seat) % 2],
            rating=rating,
            axis=axis,
            day=MONDAY + timedelta(day),
        )
        for day, rating in enumerate(rows)
        for seat, rater in enumerate(("riley", "robin"))
        for axis in ("overall", "clarity")
    ]


@pytest.fixture(scope="module")
def page():
    cells = cells_of([2, 1, 3, -1, 2, 1, 0, 2, 3, 1] * 4)
    guesses = [
        Guess("riley", "L", "L", "tidecache", 30),
        Guess("riley", "L", "R", "tidecache", 4),
        Guess("riley", "R", "R", "tidecache", 28),
        Guess("robin", "R", "L", "lintel", 10),
        Guess("robin", "L", "L", "lintel", 9),
        Guess("robin", "R", "", "lintel", 20),
    ]
    choices = report.Choices(reference="tern", price=Decimal(280), repetitions=50)
    return report.of_cells(cells, points=7, guesses=guesses, choices=choices)


def test_counted_votes_are_as_many_single_ones():
    cells = cells_of([2, 1, 3, -1, 2, -2, 0, 2])
    counted = [cell._replace(votes=1 + at % 3) for at, cell in enumerate(cells)]
    single = [cell._replace(votes=1) for cell in counted for _ in range(cell.votes)]
    quick = report.Choices(repetitions=10)

    one, other = (report.of_cells(each, points=7, choices=quick) for each in (counted, single))

    assert one["counts"]["votes"] == sum(cell.axis == "overall" for cell in single)
    assert json.loads(json.dumps(one)) == approximately(json.loads(json.dumps(other)))


def approximately(value):
    if isinstance(value, dict):
        return {key: approximately(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [approximately(inner) for inner in value]
    return pytest.approx(value, abs=1e-9) if isinstance(value, float) else value


def test_the_page_compares_with_its_reference(page):
    (row,) = page["to_reference"]["rows"]

    assert row["model"] == "heron"
    assert row["interval"][0] < row["difference"] == pytest.approx(2 * page["ordinal_side"]["theta"]["heron"])
    assert page["verdict"] == page["decision"]["pairs"][0]["verdict"]


def test_the_page_counts_wins_and_ratings_by_pair(page):
    (rate,) = page["win_rates"]["pairs"]
    (given,) = page["distribution"]["pairs"]

    assert (rate["wins"], rate["ties"], rate["losses"], rate["votes"]) == (64, 8, 8, 80)
    assert given["votes"] == [0, 0, 8, 8, 24, 24, 16]
    assert page["axes"]["clarity"]["win_rates"] == page["win_rates"]


def test_the_path_ends_where_the_decision_is(page):
    (pair,) = page["path"]["pairs"]
    last, (judged,) = pair["steps"][-1], page["decision"]["pairs"]

    assert (last["wins"], last["losses"], last["ties"]) == (judged["wins"], judged["losses"], judged["ties"])
    assert last["interval"] == judged["interval"]
    assert last["day"] == (MONDAY + timedelta(39)).isoformat()
    assert [step["wins"] for step in pair["steps"][:4]] == [1, 2, 3, 3]


def test_agreement_is_told_week_by_week(page):
    weeks = page["agreement"]["by_week"]

    assert list(weeks) == [(MONDAY + timedelta(7 * week)).isoformat() for week in range(6)]
    assert weeks["2026-03-02"]["alpha_ordinal"]["value"] == 1


def test_the_leaking_repository_is_found(page):
    groups = {row["group"]: row for row in page["blindness"]["groups"]}

    assert groups["tidecache"]["leaks"]
    assert groups["tidecache"]["leak"]["value"] > 0.7
    assert not groups["lintel"]["leaks"]
    assert page["blindness"]["asked"] == 101


def styled(lengths, also=()):
    """Cells whose candidates differ in length, and in a second style, by these."""
    cells = [cell for cell in cells_of([2, 1, 3, -1, 2, -3, 1, -2] * 5) if cell.axis == "overall"]
    return [
        cell._replace(
            styles={"changed_lines": lengths(cell), **{name: find(cell) for name, find in dict(also).items()}}
        )
        for cell in cells
    ]


def test_style_control_stands_beside_the_raw_rating():
    found = report.of_cells(styled(lambda cell: 0.4 * cell.rating + int(cell.task[1:]) * 7 % 5 - 2), points=7)

    controlled = found["style_control"]
    assert controlled["raw"] == found["ordinal_side"]["theta"]
    assert controlled["coefficients"]["changed_lines"] > 0.5
    assert abs(controlled["theta"]["heron"]) < controlled["raw"]["heron"]


def test_a_style_that_never_differs_keeps_the_others():
    def length(cell):
        return 0.4 * cell.rating + int(cell.task[1:]) * 7 % 5 - 2

    alone = report.of_cells(styled(length), points=7)["style_control"]
    beside = report.of_cells(styled(length, {"tests": lambda cell: 0.0}), points=7)["style_control"]

    assert beside == alone


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (styled(lambda cell: 0.0), "The candidates never differ in changed lines."),
        (styled(lambda cell: 1.0), "The side and the style differences cannot be told from the models."),
        (
            styled(lambda cell: len(cell.task) - 2.5, [("files", lambda cell: 5 - 2 * len(cell.task))]),
            "The side and the style differences cannot be told from the models.",
        ),
    ],
)
def test_a_style_that_tells_nothing_is_a_sentence(cells, sentence):
    assert report.of_cells(cells, points=7)["style_control"] == sentence


def test_two_that_never_met_have_no_path():
    cells = [cell for cell in cells_of([1, -1] * 4) if cell.axis == "overall"]
    cells += [cell._replace(model_a="kestrel", task=f"k{cell.task}") for cell in cells]

    found = report.of_cells(cells, points=7, choices=report.Choices(reference="heron"))

    steps = {pair["model"]: pair["steps"] for pair in found["path"]["pairs"]}
    assert steps["kestrel"] == "kestrel and heron were never compared."
    assert len(steps["tern"]) == 8


def test_without_guesses_blindness_is_a_sentence():
    assert report.of_cells([])["blindness"] == "Nobody was asked which side was the newer one."


@pytest.fixture(scope="module")
def planted():
    """tern is better by 0.8, the left by 0.5, r7 votes by coin, and guesses in lintel are right."""
    honest = drawn({"heron": -0.4, "tern": 0.4}, tasks=400, side=0.5, seed=9)
    coins = np.random.default_rng(1).integers(-3, 4, size=len(honest))
    careless = honest.raters.index("r7")
    votes = dataclasses.replace(honest, rating=np.where(honest.rater == careless, coins, honest.rating))
    guesses = [
        Guess("r1", side, "LR"[(at + (at % 9 == 0)) % 2], "lintel") for at, side in enumerate("LR" * 40)
    ]
    guesses += [Guess("r2", side, "LR"[at // 2 % 2], "tidecache") for at, side in enumerate("LR" * 40)]
    return report.report(votes, guesses=guesses, choices=report.Choices(repetitions=20))


def test_what_was_planted_is_found(planted):
    (row,) = planted["to_reference"]["rows"]
    surprises = {name: row["surprise"] for name, row in planted["raters"].items()}
    leaks = {row["group"]: row["leaks"] for row in planted["blindness"]["groups"]}

    assert planted["verdict"].startswith("Decided: tern better, ")
    assert (
        row["interval"][0] < -0.8 * 0.8 < row["interval"][1] or row["interval"][0] < 0.64 < row["interval"][1]
    )
    assert planted["position_bias"]["interval"][0] > 0.5
    assert max(surprises, key=surprises.get) == "r7"
    assert surprises["r7"] > 3 > max(each for name, each in surprises.items() if name != "r7")
    assert leaks == {"lintel": True, "tidecache": False}


def test_power_takes_ties_and_clusters_from_the_votes(planted):
    power = planted["power"]

    assert power["votes_a_task"] == 3
    assert 0 < power["ties"] < 0.3
    assert 0 <= power["correlation"] < 0.2
    assert power["rows"][0]["tasks"] > 4 * power["rows"][2]["tasks"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"side": "A"}, "neither L nor R"), ({"model_b": "heron"}, "with itself"), ({"votes": 0}, "counts 0")],
)
def test_a_cell_that_makes_no_sense_is_refused(wrong, sentence):
    with pytest.raises(BadVotes, match=sentence):
        report.of_cells([cells_of([1])[0]._replace(**wrong)])
