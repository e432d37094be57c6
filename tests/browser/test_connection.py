"""Writing while the connection fails, while answers are lost, and in two tabs at once."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors, until

FIRST = {"justification": "This was written with a connection."}
WHOLE = {"justification": "This was written with a connection. And this without one."}


def test_what_is_typed_offline_is_kept_and_sent_when_the_line_is_back(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.paste(page, FIRST)
    journey.wait_until_saved(page, site, assignment, FIRST)

    page.context.set_offline(True)
    page.locator("#field-justification").press("Control+End")
    page.locator("#field-justification").press_sequentially(" And this without one.")
    expect(page.locator("#saved .pending")).to_contain_text("Kept here, not sent yet")
    on_the_server = site.newest_texts(assignment)
    page.context.set_offline(False)

    journey.wait_until_saved(page, site, assignment, WHOLE)
    assert on_the_server["justification"] == FIRST["justification"]
    expect(page.locator("#saved .pending")).to_be_hidden()
    expect(page.locator("#field-justification")).to_have_value(WHOLE["justification"])
    assert _kept_here(page) == 0


def test_a_page_killed_offline_sends_its_words_when_it_is_opened_again(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.paste(page, FIRST)
    journey.wait_until_saved(page, site, assignment, FIRST)
    page.context.set_offline(True)
    journey.paste(page, WHOLE)
    journey.rate(page, {"overall": 7})
    journey.kill(page)
    page.context.set_offline(False)

    again = page.context.new_page()
    again.goto(f"/work/{assignment}/")

    journey.wait_until_saved(again, site, assignment, WHOLE)
    expect(again.locator("#field-overall input[value='7']")).to_be_checked()
    assert site.revisions(assignment)[-1]["ratings"] == {"overall": 7}


def test_a_save_whose_answer_is_lost_is_stored_once(visitors: Visitors, site: Site, rater: Person) -> None:
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    assignment = journey.claim(page)
    lost = _lose_answers(page, 1)

    journey.paste(page, FIRST)
    until(page, lambda: lost and site.newest_texts(assignment).get("justification") == FIRST["justification"])
    expect(page.locator("#saved .pending")).to_contain_text("Kept here, not sent yet")
    journey.wait_until_saved(page, site, assignment, FIRST)
    expect(page.locator("#saved .pending")).to_be_hidden()

    assert [revision["texts"]["justification"] for revision in site.revisions(assignment)] == [
        FIRST["justification"]
    ]
    expect(page.locator("#saved")).not_to_contain_text("Another tab")


def test_a_page_killed_after_a_lost_answer_still_returns_with_every_character(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    """The server has more than the page knew it had; that is no quarrel between two tabs."""
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    assignment = journey.claim(page)
    _lose_answers(page, 100)
    journey.paste(page, FIRST)
    until(page, lambda: site.newest_texts(assignment).get("justification") == FIRST["justification"])
    page.locator("#field-justification").press("Control+End")
    page.locator("#field-justification").press_sequentially(" And this without one.")
    journey.kill(page)

    again = page.context.new_page()
    again.goto(f"/work/{assignment}/")

    expect(again.locator("#field-justification")).to_have_value(WHOLE["justification"])
    expect(again.locator("#kept")).to_be_hidden()
    journey.wait_until_saved(again, site, assignment, WHOLE)


def test_two_tabs_keep_both_texts_and_the_second_is_told(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    one = visitors.open(rater)
    assignment = journey.claim(one)
    other = one.context.new_page()
    other.goto(f"/work/{assignment}/")

    journey.paste(one, {"justification": "Written in the first tab."})
    journey.wait_until_saved(one, site, assignment, {"justification": "Written in the first tab."})
    journey.paste(other, {"justification": "Written in the second tab."})
    journey.wait_until_saved(other, site, assignment, {"justification": "Written in the second tab."})

    expect(other.locator("#saved")).to_contain_text("Another tab wrote here too")
    expect(one.locator("#saved")).not_to_contain_text("Another tab")
    assert [revision["texts"]["justification"] for revision in site.revisions(assignment)] == [
        "Written in the first tab.",
        "Written in the second tab.",
    ]


def test_words_changed_here_and_elsewhere_are_both_shown(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    visitors.excuse(journey.NO_ANSWER)
    page = visitors.open(rater)
    assignment = journey.claim(page)
    page.context.set_offline(True)
    journey.paste(page, {"justification": "Typed at the desk, never sent."})
    journey.kill(page)
    elsewhere = visitors.open(rater)
    elsewhere.goto(f"/work/{assignment}/")
    journey.paste(elsewhere, {"justification": "Typed on the laptop."})
    journey.wait_until_saved(elsewhere, site, assignment, {"justification": "Typed on the laptop."})

    page.context.set_offline(False)
    back = page.context.new_page()
    back.goto(f"/work/{assignment}/")

    expect(back.locator("#field-justification")).to_have_value("Typed on the laptop.")
    expect(back.locator("#kept")).to_contain_text("Typed at the desk, never sent.")
    back.get_by_role("button", name="Use this text").click()
    expect(back.locator("#kept")).to_be_hidden()
    journey.wait_until_saved(back, site, assignment, {"justification": "Typed at the desk, never sent."})


def _lose_answers(page: Page, times: int) -> list[str]:
    """The server hears so many saves, and its answers never arrive."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) >= times:
            return route.continue_()
        route.fetch()
        lost.append(route.request.url)
        return route.abort()

    page.route("**/draft", lose)
    return lost


def _kept_here(page: Page) -> object:
    return page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('marlin.draft.')).length")
