"""The desk and the approval queue as people see them: what was typed always comes back."""

from __future__ import annotations

import pytest

from tasks import scenarios as desk
from tasks.markdown import as_html
from tasks.models import Scenario
from tests import factories
from tests.tasks.test_scenarios import typed


@pytest.fixture
def rater(client, riley):
    client.force_login(riley)
    return client


@pytest.fixture
def reviewer(client, robin):
    client.force_login(robin)
    return client


def test_a_rater_comes_from_the_empty_list_to_the_reviewers(rater, listed):
    assert b"None yet." in rater.get("/scenarios/").content
    found = rater.get("/scenarios/new", {"repository": "tides", "q": "#77"}).content
    assert b"parent of merge #77" in found
    begun = rater.post("/scenarios/begin", {"repository": "tides", "commit": "b" * 40, "category": "bug fix"})
    address = begun["Location"]
    assert rater.post(f"{address}save", typed(), headers={"HX-Request": "true"}).status_code == 200
    rater.post(f"{address}propose", typed())

    assert b"With the reviewers" in rater.get("/scenarios/").content
    assert Scenario.objects.get().prompt == factories.WRITTEN["prompt"]


def test_a_refused_proposal_comes_back_with_every_word(rater, riley):
    draft = factories.make_draft(riley)

    page = rater.post(
        f"/scenarios/{draft.public_id}/propose", typed(title="", about="Typed here & <b>there</b>")
    )

    assert page.status_code == 422
    assert "Still to write: a title." in page.content.decode()
    assert "Typed here &amp; &lt;b&gt;there&lt;/b&gt;" in page.content.decode()


def test_a_commit_that_somebody_holds_is_refused_on_the_page_one_came_from(rater, listed, rosa):
    desk.begin(rosa, listed, "b" * 40, "bug fix")

    answer = rater.post(
        "/scenarios/begin",
        {"repository": "tides", "commit": "b" * 40, "category": "bug fix", "q": "tide"},
        follow=True,
    )

    assert answer.redirect_chain == [("/scenarios/new?repository=tides&q=tide", 302)]
    assert "Somebody writes about this commit now" in answer.content.decode()


def test_a_late_save_says_so_and_changes_nothing(rater, riley):
    draft = factories.make_draft(riley)
    rater.post(f"/scenarios/{draft.public_id}/propose", typed())

    late = rater.post(
        f"/scenarios/{draft.public_id}/save",
        typed(prompt="Late", sequence="9"),
        headers={"HX-Request": "true"},
    )

    assert (late.status_code, Scenario.objects.get().prompt) == (409, factories.WRITTEN["prompt"])


def test_a_claim_that_ends_soon_warns_and_a_save_renews_it(rater, riley, settings):
    settings.SCENARIO_LEASE = 300
    draft = factories.make_draft(riley)
    save = f"/scenarios/{draft.public_id}/save"
    saved = rater.post(save, typed(), headers={"HX-Request": "true"}).content
    assert b'class="lease soon" id="lease" data-seconds="300"' in saved
    settings.SCENARIO_LEASE = 4 * 3600

    again = rater.post(save, typed(sequence="2", about="More"), headers={"HX-Request": "true"})

    assert b'class="lease" id="lease" data-seconds="14400"' in again.content


def test_categories_are_set_on_one_page_and_a_mistake_comes_back_as_typed(client, ada):
    client.force_login(ada)

    refused = client.post("/categories/", {"open-chore": "on", "quota-chore": "a few"})
    posted = {"open-chore": "on", "quota-chore": "12"}
    kept = client.post("/categories/", posted, follow=True).content.decode()

    assert refused.status_code == 422
    assert 'value="a few"' in refused.content.decode()
    assert (kept.count(" checked"), 'name="quota-chore" value="12"' in kept) == (1, True)


def test_what_others_write_does_not_exist(rater, rosa):
    draft = factories.make_draft(rosa)

    assert rater.get(f"/scenarios/{draft.public_id}/").status_code == 404


def test_the_reviewer_sees_the_text_and_what_was_found_and_sends_it_back(reviewer, riley):
    draft = factories.make_draft(riley, prompt=f"You are a senior engineer. {factories.WRITTEN['prompt']}")
    draft.propose(by=riley)
    page = reviewer.get(f"/approvals/{draft.public_id}/").content.decode()
    assert "gives the agent a role" in page

    refused = reviewer.post(
        f"/approvals/{draft.public_id}/decide", {"decision": "sent_back", "field": "prompt"}
    )
    assert refused.status_code == 422
    assert "Say what should be changed" in refused.content.decode()
    reviewer.post(
        f"/approvals/{draft.public_id}/decide",
        {
            "decision": "sent_back",
            "field": "prompt",
            "reason": "Ask as a colleague would.",
            "category": "chore",
        },
    )

    draft.refresh_from_db()
    assert (draft.state, draft.category) == ("sent_back", "chore")


def test_the_author_reads_the_reason_beside_the_form(client, riley, robin):
    draft = factories.make_draft(riley)
    desk.propose(draft, by=riley)
    desk.decide(draft, "sent_back", by=robin, reason="Which hour?", field="change")
    client.force_login(riley)

    page = client.get(f"/scenarios/{draft.public_id}/").content.decode()

    assert "Which hour?" in page
    assert 'href="#field-change">About: What should change' in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold**", "<strong>bold</strong>"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript"),
        ("![x](https://example.org/x.png)", "!<a href="),
    ],
)
def test_markdown_is_shown_and_never_alive(text, shown):
    html = as_html(text)

    assert shown in html
    assert "<img" not in html
    assert "<script" not in html
