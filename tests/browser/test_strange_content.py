"""What agents and authors wrote stands on the page as text, whatever it looks like."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.strange import FILE, MARKUP, TITLE
from tests.browser.visitors import Visitors


def test_markup_is_shown_and_never_run(
    strange: str, visitors: Visitors, site: Site, rater: Person, reviewer: Person
) -> None:
    page = visitors.open(rater)
    assignment = site.hand(rater, strange)
    page.goto(f"/work/{assignment}/")

    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.locator(".file-diff h3 bdi", has_text=FILE)).to_have_text(FILE)
    for article in page.locator(".file-diff").all():
        article.scroll_into_view_if_needed()
    for file in ("sums.py", FILE, "page.html"):
        article = page.locator(".file-diff", has=page.locator("h3", has_text=file))
        expect(article.locator("td.a", has_text="onerror=window.caught=1").first).to_be_visible()
    _assert_nothing_ran(page)
    for tab in ("Transcripts", "Tests", "Write-up"):
        page.get_by_role("link", name=tab, exact=tab != "Tests").click()
        expect(page.get_by_role("link", name=tab, exact=tab != "Tests")).to_have_attribute(
            "aria-current", "page"
        )
        for folded in page.locator("main details").all():
            folded.evaluate("details => { details.open = true; }")
        expect(page.locator("main").get_by_text("onerror=window.caught=1").first).to_be_visible()
        _assert_nothing_ran(page)
    page.goto(f"/work/{assignment}/")
    journey.rate(page, {"overall": 2, "efficiency": 3, "clarity": 3})
    journey.name_key_axis(page, "clarity")
    journey.paste(page, {"justification": f"{MARKUP} {journey.WORDS['justification']}"})
    journey.submit(page)
    _assert_nothing_ran(page)

    robin = visitors.open(reviewer)
    robin.goto("/review/")
    _assert_nothing_ran(robin)
    robin.goto(f"/review/{assignment}/")
    expect(robin.locator(".panel .as-written", has_text="onerror=window.caught=1").first).to_be_visible()
    _assert_nothing_ran(robin)
    robin.get_by_role("radio", name="Reject").check()
    robin.get_by_role("textbox", name="Reason").fill(f"{MARKUP} is no reason at all.")
    robin.get_by_role("button", name="Decide").click()
    expect(robin.locator(".panel .as-written", has_text="is no reason at all").first).to_be_visible()
    _assert_nothing_ran(robin)


def test_markup_kept_in_this_browser_comes_back_as_text(
    strange: str, visitors: Visitors, site: Site, rater: Person
) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    copy = {"fields": {"justification": MARKUP}, "base": {"justification": "before"}, "at": 1}
    page.evaluate(
        "([key, copy]) => localStorage.setItem(key, copy)",
        [f"marlin.draft.{assignment}.somewhere", json.dumps(copy)],
    )

    page.reload()

    expect(page.locator("#kept")).to_contain_text("onerror=window.caught=1")
    _assert_nothing_ran(page)


def _assert_nothing_ran(page: Page) -> None:
    """No handler fired, and no element of theirs exists for one to hang on. Requests are heard by the visitors."""
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.caught") is None
    strange = page.evaluate(
        "[...document.querySelectorAll('img, [onerror], [onload], [hx-get*=evil], a[href^=javascript]')].length"
    )
    assert strange == 0
