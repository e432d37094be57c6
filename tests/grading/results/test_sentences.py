"""The verdict in words, and the sentence that stands where a number would mislead."""

from dataclasses import replace

import pytest

from grading.results import sentences
from grading.results.charts import charts
from tests.grading.results import small

DEGENERATE = {
    "no data": (small.NOTHING, (1, 2), "Nothing to say yet: no preference counts under these filters."),
    "one vote": (small.ONE_VOTE, (1, 2), "Nothing to say yet: there is only one preference."),
    "all ties": (small.ALL_TIES, (1, 2), "Nothing to say: all 6 preferences are ties."),
    "one task": (small.ONE_TASK, (1, 2), "Nothing to say yet: all 3 preferences are about one task."),
    "disconnected": (
        small.APART,
        (1, 2, 3),
        "Not enough to say: 3 preferences, and Arm 3 was never compared with the others.",
    ),
}


@pytest.mark.parametrize(("rows", "arms", "sentence"), DEGENERATE.values(), ids=DEGENERATE)
def test_a_sentence_stands_instead_of_a_number(rows, arms, sentence):
    look = small.look(rows, arms)

    verdict = sentences.verdict(look)

    assert (verdict.sentence, verdict.rest, verdict.state) == (sentence, "", "Not enough to say")


@pytest.mark.parametrize(("rows", "arms", "sentence"), DEGENERATE.values(), ids=DEGENERATE)
def test_each_chart_draws_or_says_why_not(rows, arms, sentence):
    for chart in charts(small.look(rows, arms)).values():
        drawn = bool(chart.svg or chart.heat or chart.gauges or (chart.plain and chart.rows))
        assert drawn != bool(chart.why_not), chart.key
        assert "nan" not in chart.svg


def test_one_vote_names_its_arm_and_forecasts_nothing():
    look = small.look(small.ONE_VOTE, (1, 2))

    drawn = charts(look)

    assert drawn["ratings"].why_not == (
        "The data are separated: nothing was ever preferred to or tied with Arm 1."
    )
    assert [row[1:] for row in drawn["cost"].rows] == [["too few to say", "–"]]


def test_who_may_see_names_reads_them_in_the_reason_too():
    look = replace(small.look(small.ONE_VOTE, (1, 2)), names={1: "Heron", 2: "Kestrel"})

    assert charts(look)["ratings"].why_not.endswith("preferred to or tied with Heron.")


def test_two_groups_of_arms_are_named():
    rows = [*small.decided(6, 2), *small.decided(5, 4, 3, 4, tag="other")]

    said = sentences.disconnected(small.look(rows, (1, 2, 3, 4)))

    assert said == "Arm 3 and Arm 4 were never compared with the others"


def test_a_decided_pair_says_in_how_many_of_a_hundred_tasks():
    verdict = sentences.verdict(small.look(small.decided(61, 29)))

    assert verdict.state == "Decided"
    assert verdict.sentence == "Arm 1 writes better code than Arm 2: raters prefer it in 68 of 100 tasks."
    assert verdict.rest.startswith("The true share lies between 5")


def test_an_undecided_pair_says_what_is_missing_and_its_price():
    verdict = sentences.verdict(small.look(small.decided(36, 28)))

    assert verdict.state == "Keep collecting"
    assert verdict.sentence.startswith("Arm 1 leads Arm 2 with 56 % [")
    assert verdict.rest.startswith("About ")
    assert ", $" in verdict.rest


def test_a_level_pair_leads_nowhere():
    verdict = sentences.verdict(small.look(small.decided(10, 10)))

    assert verdict.sentence == "Arm 1 and Arm 2 are level after 20 decided tasks."
    assert verdict.rest == "At this share no end is in sight; the two may be alike."


def test_equivalence_is_a_decision_too():
    verdict = sentences.verdict(small.look(small.decided(4_000, 4_000)))

    assert (verdict.state, verdict.sentence) == (
        "Equivalent",
        "Arm 1 and Arm 2 are equivalent within ±3 points.",
    )


def test_the_best_of_several_must_beat_each():
    rows = [
        *small.decided(40, 4, 2, 1, "a"),
        *small.decided(40, 4, 2, 3, "b"),
        *small.decided(20, 18, 1, 3, "c"),
    ]

    verdict = sentences.verdict(small.look(rows, (1, 2, 3)))

    assert verdict.sentence == "Arm 2 writes better code than each of the other 2."
    assert verdict.rest.endswith("2 of 3 pairs are decided.")
    assert "to Arm 1 in 91 [" in verdict.rest


def test_without_a_best_one_those_nobody_beats_are_named():
    rows = [
        *small.decided(40, 4, 2, 1, "a"),
        *small.decided(20, 18, 2, 3, "b"),
        *small.decided(20, 18, 1, 3, "c"),
    ]

    verdict = sentences.verdict(small.look(rows, (1, 2, 3)))

    assert verdict.sentence == "1 of 3 pairs is decided, and Arm 2 and Arm 3 are beaten by none."


def test_a_circle_has_no_best_one():
    rows = [
        *small.decided(40, 4, 1, 2, "a"),
        *small.decided(40, 4, 2, 3, "b"),
        *small.decided(40, 4, 3, 1, "c"),
    ]

    verdict = sentences.verdict(small.look(rows, (1, 2, 3)))

    assert verdict.sentence.startswith("No arm is best: 3 of 3 pairs are decided")
