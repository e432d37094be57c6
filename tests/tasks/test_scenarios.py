"""From an empty form to an approved scenario: nothing is lost, nobody approves their own."""

from __future__ import annotations

from functools import partial

import pytest

from marlin.models import Event
from marlin.states import WrongState
from tasks import scenarios as desk
from tasks.models import Category, CategoryRule, Scenario
from tests import factories
from tests.races import race

PARENT = "b" * 40  # as the fixture `listed` has it


def typed(**fields):
    return {**factories.WRITTEN, "tab": "t", "sequence": "1"} | fields


def proposed(author, **fields):
    scenario = factories.make_draft(author, **fields)
    desk.save(scenario, typed())
    desk.propose(scenario, by=author)
    return scenario


# --- Beginning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("commit", [factories.BASE_COMMIT, PARENT])
def test_a_draft_starts_from_a_listed_commit_or_the_one_before_it(listed, riley, commit):
    scenario = desk.begin(riley, listed, commit, "bug fix")

    assert (scenario.state, scenario.base_commit, scenario.author) == ("draft", commit, riley)
    assert Event.objects.filter(name="scenario.begun").count() == 1


def test_beginning_twice_leads_to_the_same_draft(listed, riley):
    first = desk.begin(riley, listed, PARENT, "bug fix")

    assert desk.begin(riley, listed, PARENT, "bug fix") == first


def test_two_people_do_not_write_about_one_commit(listed, riley, rosa):
    desk.begin(riley, listed, PARENT, "bug fix")

    with pytest.raises(desk.Refused, match="Somebody writes about this commit now"):
        desk.begin(rosa, listed, PARENT, "bug fix")


def test_a_claim_that_ended_frees_the_commit_and_keeps_the_text(listed, riley, rosa, settings):
    settings.SCENARIO_LEASE = -1
    scenario = desk.begin(riley, listed, PARENT, "bug fix")
    desk.save(scenario, typed())

    desk.begin(rosa, listed, PARENT, "bug fix")

    assert Scenario.objects.get(pk=scenario.pk).prompt == factories.WRITTEN["prompt"]


def test_an_admin_closes_a_category_and_limits_another(listed, ada, riley):
    factories.make_draft(riley, category="testing")
    open_ones = {f"open-{name}": "on" for name in Category.values if name != "chore"}
    desk.set_rules({**open_ones, "quota-testing": "1"}, by=ada)

    closed = {choice.value: choice.closed for choice in desk.categories() if choice.closed}

    assert closed == {"chore": "closed for now", "testing": "full: 1 are wanted"}
    with pytest.raises(desk.Refused, match="“many” scenarios of “testing” is not a number"):
        desk.set_rules({"quota-testing": "many"}, by=ada)
    assert [row["is_open"] for row in desk.rules()].count(False) == 1


@pytest.mark.parametrize(
    ("commit", "category", "sentence"),
    [
        ("f" * 40, "bug fix", "not in the history"),
        (PARENT, "riddle", "Choose a category"),
        (PARENT, "chore", "closed for now"),
        (PARENT, "testing", "full: 0 are wanted"),
    ],
)
def test_what_cannot_be_begun_is_refused_with_its_reason(listed, riley, commit, category, sentence):
    CategoryRule.objects.create(category="chore", is_open=False)
    CategoryRule.objects.create(category="testing", quota=0)

    with pytest.raises(desk.Refused, match=sentence):
        desk.begin(riley, listed, commit, category)


def test_a_repository_without_files_takes_no_scenarios(listed, riley):
    listed.patch_only = True

    with pytest.raises(desk.Refused, match="takes no scenarios"):
        desk.begin(riley, listed, PARENT, "bug fix")


# --- Writing ------------------------------------------------------------------------------------------------------


def test_each_save_is_kept_and_the_newest_counts(riley):
    scenario = factories.make_draft(riley)

    desk.save(scenario, typed(prompt="One"))
    saved = desk.save(scenario, typed(prompt="Two\r\nlines\0", effort_hours="2,5", sequence="2"))

    scenario.refresh_from_db()
    assert (saved.number, scenario.prompt) == (2, "Two\nlines")
    assert str(scenario.effort_hours) == "2.5"
    assert [revision.texts["prompt"] for revision in scenario.revisions.all()] == ["One", "Two\nlines"]


def test_the_same_save_again_is_one_revision(riley):
    scenario = factories.make_draft(riley)

    numbers = {desk.save(scenario, typed()).number for _ in range(3)}

    assert numbers == {1}


def test_eight_saves_at_once_lose_nothing(committed):
    riley = factories.make_person("Riley", "rater")
    scenario = factories.make_draft(riley)

    def save(number: int) -> int:
        return desk.save(scenario, typed(prompt=f"Prompt {number}", tab=f"t{number}")).number

    numbers = race(*(partial(save, number) for number in range(8)))

    assert sorted(numbers) == list(range(1, 9))


def test_what_is_with_the_reviewers_is_not_changed(riley):
    scenario = proposed(riley)

    with pytest.raises(WrongState, match="with the reviewers"):
        desk.save(scenario, typed(prompt="Another"))


def test_what_is_missing_is_named_before_it_is_proposed(riley):
    scenario = factories.make_draft(riley, title=" ", acceptance="")

    with pytest.raises(desk.Refused, match="Still to write: a title, how to tell that it is done"):
        desk.propose(scenario, by=riley)


def test_a_prompt_like_another_is_told_with_its_title(riley, rosa):
    proposed(riley)
    copied = factories.make_draft(rosa)

    found = desk.warnings(copied, {"prompt": factories.WRITTEN["prompt"].replace("minute", "second")})

    assert [finding.check for finding in found] == ["duplicate"]
    assert "“Say when the tide turns”" in found[0].sentence
    alike = desk.near_duplicate(
        copied, factories.WRITTEN["prompt"].replace("minute", "second"), compared=True
    )
    assert ("gone", "minute") in {(change.kind, change.text.strip(" .,;")) for change in alike.changes}


def test_drafts_of_others_and_short_prompts_are_no_repetition(riley, rosa):
    factories.make_draft(riley)
    mine = factories.make_draft(rosa)

    assert desk.near_duplicate(mine, factories.WRITTEN["prompt"]) is None
    assert desk.near_duplicate(mine, "Say when") is None


# --- Approving ----------------------------------------------------------------------------------------------------


def test_the_queue_is_oldest_first_and_without_ones_own(riley, robin):
    first, second = proposed(riley), proposed(riley)
    own = factories.make_draft(robin)
    desk.propose(own, by=robin)

    assert list(desk.waiting_for(robin)) == [first, second]


def test_who_reads_one_is_left_alone_until_the_lease_ends(riley, robin, settings):
    remy = factories.make_person("Remy", "reviewer")
    scenario = proposed(riley)

    assert desk.take(scenario, robin)
    assert not desk.take(scenario, remy)
    assert list(desk.waiting_for(remy)) == []

    settings.SCENARIO_REVIEW_LEASE = -1
    assert desk.take(scenario, robin)
    assert desk.take(scenario, remy)


def test_an_approved_scenario_may_be_used_and_its_category_be_mended(riley, robin):
    scenario = proposed(riley)

    desk.decide(scenario, "approved", by=robin, category="performance")

    scenario.refresh_from_db()
    assert (scenario.state, scenario.category) == ("approved", "performance")


def test_what_is_sent_back_comes_again_with_what_changed(riley, robin):
    scenario = proposed(riley)
    desk.decide(scenario, "sent_back", by=robin, reason="Which hour, if it never turns?", field="change")
    desk.save(scenario, typed(change=f"{factories.WRITTEN['change']} None if it never turns.", sequence="2"))
    desk.propose(scenario, by=riley)

    (name, parts), *more = desk.changed_since(scenario).items()

    assert (name, more) == ("What should change, for whom and why", [])
    assert "".join(part.text for part in parts if part.kind == "new").strip() == "None if it never turns."
    assert scenario.last_decision().part == name


@pytest.mark.parametrize(
    ("decision", "fields", "sentence"),
    [
        ("sent_back", {}, "Say what should be changed"),
        ("maybe", {}, "Choose whether"),
        ("approved", {"category": "riddle"}, "Choose a category"),
        ("sent_back", {"reason": "x", "field": "state"}, "Choose the part"),
    ],
)
def test_a_decision_that_says_too_little_changes_nothing(riley, robin, decision, fields, sentence):
    scenario = proposed(riley)

    with pytest.raises(desk.Refused, match=sentence):
        desk.decide(scenario, decision, by=robin, **fields)

    assert scenario.is_now("in_review")


def test_nobody_approves_their_own(riley):
    scenario = proposed(riley)

    with pytest.raises(desk.Refused, match="Nobody approves their own"):
        desk.decide(scenario, "approved", by=riley)


def test_the_second_of_two_decisions_is_told_that_somebody_was_faster(riley, robin):
    scenario = proposed(riley)
    late = Scenario.objects.get(pk=scenario.pk)
    desk.decide(scenario, "approved", by=robin)

    with pytest.raises(WrongState):
        desk.decide(late, "sent_back", by=robin, reason="Too late")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a b c", "a c"),
        ("", "new"),
        ("gone", ""),
        ("one\ntwo", "one\nthree two"),
        ("x " * 3_000, "y " * 3_000),
    ],
)
def test_a_difference_holds_both_texts(before, after):
    parts = desk.difference(before, after)

    assert "".join(part.text for part in parts if part.kind != "new") == before
    assert "".join(part.text for part in parts if part.kind != "gone") == after
