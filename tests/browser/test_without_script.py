"""The same work in a browser that runs no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.strange import FOLDED
from tests.browser.visitors import Visitors


@pytest.fixture
def page(visitors: Visitors, rater: Person) -> Page:
    return visitors.open(rater, java_script_enabled=False)


def test_a_task_is_graded_without_script(
    page: Page, visitors: Visitors, site: Site, reviewer: Person
) -> None:
    visitors.excuse("422")
    assignment = journey.claim(page)
    assert page.locator(".diff td.a").count() > 0

    journey.paste(page)
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("#saved")).to_contain_text("Saved")
    assert site.newest_texts(assignment) == journey.WORDS
    journey.rate(page, {"overall": 2})
    page.locator("#submit").click()
    expect(page.get_by_role("alert")).to_contain_text("not rated yet")
    for name, text in journey.WORDS.items():
        expect(page.locator(f"#field-{name}")).to_have_value(text)
    expect(page.locator("#field-overall input[value='2']")).to_be_checked()
    journey.rate(page)
    journey.name_key_axis(page)
    page.locator("#submit").click()
    page.wait_for_url("**/receipts/*")

    expect(page.get_by_text("Your rating is in")).to_be_visible()
    page.get_by_role("radio", name="I cannot tell").check()
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("You said: I cannot tell.")).to_be_visible()
    assert site.handed_in(assignment) == (1, 1, 1)
    robin = visitors.open(reviewer, java_script_enabled=False)
    robin.goto(f"/review/{assignment}/")
    robin.get_by_role("radio", name="Accept").check()
    robin.get_by_role("button", name="Decide").click()
    expect(robin.locator("#decision ~ p").first).to_contain_text(re.compile("accepted", re.IGNORECASE))


def test_a_file_that_is_not_sent_with_the_page_is_a_link(
    page: Page, site: Site, rater: Person, strange: str
) -> None:
    page.goto(f"/work/{site.hand(rater, strange)}/")

    page.get_by_role("link", name=FOLDED).click()

    expect(page.locator("table.diff")).to_be_visible()
    page.get_by_role("link", name="Back to all files").click()
    expect(page.locator(".file-diff").first).to_be_visible()


def test_views_search_and_marks_are_links_and_buttons(page: Page) -> None:
    journey.claim(page)

    page.get_by_role("link", name="A against B").click()
    expect(page.locator("table.direct").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Read: ")).first.click()
    expect(page.locator("#read-count")).to_contain_text(re.compile("^1 of"))
    page.get_by_label("Search all lines of both patches").fill("monotonic")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found mark").first).to_be_visible()
    page.locator("#found h3 a").first.click()
    expect(page.locator("table.direct").first).to_be_visible()


def test_controls_that_need_script_are_not_shown_without_it(page: Page) -> None:
    journey.claim(page)

    assert page.locator(".needs-script:visible").count() == 0


def test_every_tab_is_a_link(page: Page) -> None:
    journey.claim(page)

    for name, address in (("Transcripts", "transcripts"), ("Tests", "tests"), ("Write-up", "write-up")):
        tab = page.locator(".tabs nav").get_by_role("link", name=name)
        tab.click()
        page.wait_for_url(f"**/{address}")
        expect(tab).to_have_attribute("aria-current", "page")
