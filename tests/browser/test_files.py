"""Files and lines that are not sent with the page: they come when somebody wants them, and can be asked for again."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.strange import FOLDED, LARGE, MANY
from tests.browser.visitors import Visitors


def test_a_large_file_arrives_when_it_comes_into_view(
    visitors: Visitors, site: Site, rater: Person, strange: str
) -> None:
    page = visitors.open(rater, viewport={"width": 1280, "height": 400})
    answer = page.goto(f"/work/{site.hand(rater, strange)}/")
    assert answer
    assert answer.text().count("<tr") < 1500
    large = _file(page, LARGE)

    page.get_by_role("link", name=LARGE, exact=True).click()

    expect(large.locator("td.a")).to_have_count(3000)


def test_of_a_long_list_every_file_is_a_click_away(
    visitors: Visitors, site: Site, rater: Person, strange: str
) -> None:
    page = visitors.open(rater)
    page.goto(f"/work/{site.hand(rater, strange)}/")
    here = page.locator(".files tr.now bdi")
    before, wanted = (f"n{number}.txt" for number in (MANY // 2 - 1, MANY // 2))

    page.get_by_role("link", name=wanted, exact=True).click()

    expect(_file(page, f"many/{wanted}").locator("td.a")).to_have_count(8)
    expect(here).to_have_text(wanted)
    page.keyboard.press("[")
    expect(here).to_have_text(before)
    page.locator("#filter").fill("n1")
    assert page.locator(".files tr.file:not([hidden])").count() == 100
    expect(page.locator(".files tr.dir:visible")).to_have_text(["many"])


def test_a_folded_file_arrives_when_it_is_opened(
    visitors: Visitors, site: Site, rater: Person, strange: str
) -> None:
    page = visitors.open(rater)
    page.goto(f"/work/{site.hand(rater, strange)}/")
    folded = _file(page, FOLDED)
    folded.scroll_into_view_if_needed()
    expect(folded.locator(".rows")).to_be_hidden()

    folded.get_by_role("button", name=f"Fold or open {FOLDED}").click()

    _table_of(folded).wait_for()


def test_a_file_that_does_not_arrive_can_be_asked_for_again(
    visitors: Visitors, site: Site, rater: Person, strange: str
) -> None:
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    page.goto(f"/work/{site.hand(rater, strange)}/")
    folded = _file(page, FOLDED)
    page.route("**/files/*", lambda route: route.abort())

    folded.scroll_into_view_if_needed()
    folded.locator("[data-fold]").click()
    expect(folded.get_by_role("alert")).to_contain_text("did not arrive")
    page.unroute("**/files/*")
    folded.get_by_role("button", name="Try again").click()

    _table_of(folded).wait_for()


def test_hidden_lines_open_in_their_place_and_take_the_focus(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)
    gap = page.locator("tr.fold:has(.unfold)").first
    count = int(re.sub(r"\D", "", gap.locator(".quiet").inner_text()))
    rows = page.locator(".diff tbody tr")
    before = rows.count()

    gap.locator("[data-opens=all]").press("Enter")

    expect(rows).to_have_count(before - 1 + count)
    assert page.evaluate("document.activeElement.matches('.diff tr')")


def test_the_list_is_filtered_and_hides_no_file(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)
    shown = page.locator(".files tr.file:visible")
    all_files = shown.count()

    page.locator("#filter").fill("snapshot")

    assert 0 < shown.count() < all_files
    assert page.locator(".file-diff:visible").count() == all_files


def _table_of(file: Locator) -> Locator:
    # Waited for without `expect`: that describes the whole page at every look, three thousand rows of it.
    return file.locator("table.diff").first


def _file(page: Page, name: str) -> Locator:
    return page.locator(".file-diff", has=page.locator("h3", has_text=re.compile(f"^{re.escape(name)}$")))
