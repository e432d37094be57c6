"""The same findings from both sides: whoever asks for the pair the other way round gets the mirror image."""

import pytest

from grading.results.charts import charts
from tests.grading.results import small

ROWS = [*small.decided(30, 10), *small.decided(14, 20, 1, 3, "x"), *small.decided(18, 16, 2, 3, "y")]


@pytest.fixture
def look():
    return small.look(ROWS, (1, 2, 3), records="/results/x/records", filters={"language": "Go"})


def test_a_pair_can_be_read_from_both_ends(look):
    one, other = look.versus(1, 2), look.versus(2, 1)

    assert (one.wins, one.losses, one.tasks) == (30, 10, (30, 10, 0))
    assert (other.wins, other.losses, other.tasks) == (10, 30, (10, 30, 0))
    assert one.share + other.share == pytest.approx(1)
    assert one.interval[0] == pytest.approx(1 - other.interval[1])


def test_a_difference_turns_its_sign(look):
    overall = look.found["overall"]

    ahead, behind = look.difference(overall, 1, 2), look.difference(overall, 2, 1)

    assert ahead == pytest.approx((-behind[0], -behind[2], -behind[1]))


def test_the_best_arm_is_compared_with_the_first_unless_asked_otherwise():
    assert (small.look(ROWS, (1, 2, 3)).reference, small.look(ROWS, (1, 2, 3)).arm) == (1, 3)
    asked = small.look(ROWS, (1, 2, 3), reference=3, arm=2)
    assert (asked.reference, asked.arm) == (3, 2)


@pytest.mark.parametrize("wrong", [{"reference": 9}, {"arm": 9}, {"arm": 1}])
def test_what_does_not_exist_is_not_looked_at(wrong):
    look = small.look(ROWS, (1, 2, 3), **wrong)

    assert look.reference in (1, 2, 3)
    assert look.arm != look.reference


@pytest.mark.parametrize(("tasks", "state"), [(3, "not known yet"), (60, "not known yet"), (400, "balanced")])
def test_a_few_votes_do_not_tell_that_the_place_is_harmless(tasks, state):
    look = small.look(small.decided(tasks // 2, tasks - tasks // 2))

    position, _ = charts(look)["trust"].gauges

    assert position.state == state


def test_numbers_lead_to_their_records_under_the_same_filters(look):
    assert look.behind(arm=2, other=1, axis="") == "/results/x/records?language=Go&arm=2&other=1"


def test_each_picture_has_the_same_numbers_as_its_table(look):
    drawn = charts(look)

    for chart in drawn.values():
        assert len(chart.links or chart.rows) == len(chart.rows)
        assert all(len(row) == len(chart.columns) for row in chart.rows), chart.key
    share = look.versus(2, 1).share
    assert f"Arm 2 {100 * share:.0f} %" in drawn["reference"].svg
    assert [row[1] for row in drawn["reference"].rows if row[0] == "Arm 2"] == [share]


def test_pictures_need_no_style_and_no_script(look):
    for chart in charts(look).values():
        assert "style" not in chart.svg
        assert "<script" not in chart.svg
