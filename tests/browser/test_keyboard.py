"""The whole of a rating without a mouse."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors, until


def test_a_task_is_graded_with_the_keyboard_alone(visitors: Visitors, site: Site, rater: Person) -> None:
    page = visitors.open(rater)
    page.goto("/work/")
    journey.tab_to(page, "Take this task")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/work/[0-9a-f-]{36}/$"))
    assignment = page.url.rstrip("/").rpartition("/")[2]

    page.keyboard.press("r")
    for value in journey.RATINGS.values():
        page.keyboard.press(str(value))
        page.keyboard.press("ArrowDown")
    for text in _in_tab_order(journey.WORDS):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first axis is the one that decided
    before = journey.read_form(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/receipts/*")

    assert before == {**journey.FILLED_IN, "key_axis": "efficiency"}
    assert site.handed_in(assignment) == (1, 1, 1)


def test_focus_is_seen_and_stays_when_a_save_comes_back(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    page.keyboard.press("r")
    page.keyboard.press("3")
    page.keyboard.press("ArrowRight")
    chosen = page.locator("#field-overall input[value='4']")

    until(page, lambda: _newest_overall(site, assignment) == 4)
    expect(chosen).to_be_focused()
    assert _outlined(page, "#field-overall .step:has(:focus-visible) i")
    journey.tab_to(page, "field-a_strengths", by="id")
    page.keyboard.type("Short")
    journey.wait_until_saved(page, site, assignment, {"a_strengths": "Short"})

    expect(page.locator("#field-a_strengths")).to_be_focused()
    assert _outlined(page, "#field-a_strengths")
    page.keyboard.type(" and kind")
    expect(page.locator("#field-a_strengths")).to_have_value("Short and kind")


def test_letters_are_letters_while_one_types(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)
    address = page.url
    typed = "jkdDvxseEyfbgptewrnpmualw12345678\\?[]/"

    page.locator("#field-justification").click()
    page.keyboard.type(typed)

    expect(page.locator("#field-justification")).to_have_value(typed)
    expect(page.locator("#field-justification")).to_be_focused()
    assert page.url == address
    assert journey.read_form(page) == dict.fromkeys(journey.WORDS, "") | {"justification": typed}
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("body")).not_to_have_class(re.compile("rating-closed"))


def test_a_stray_digit_changes_no_rating(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)
    page.locator("#main").focus()

    for digit in "12345678":
        page.keyboard.press(digit)

    assert page.locator("#rate .scale :checked").count() == 0


def test_the_keyboard_leads_through_every_view_and_keeps_the_place(visitors: Visitors, rater: Person) -> None:
    """Five views, search, white space and folded lines, without a mouse; each view shows the line one stood on."""
    page = visitors.open(rater)
    journey.claim(page)
    line = page.locator(".diff tr.now")

    page.keyboard.press("/")
    page.keyboard.type("monotonic clock")
    expect(page.locator("#found mark").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(line).to_contain_text("monotonic clock")
    expect(line).to_be_focused()
    address = page.url
    assert re.search(r"#f\d+-[AB]\d+$", address)
    for number, view in enumerate(("pair", "three", "direct"), start=1):
        page.keyboard.press(str(number))
        expect(page.locator(f"#look[data-view={view}]")).to_be_visible()
        expect(page.locator(f"#view-{view}")).to_have_attribute("aria-current", "true")
        expect(line).to_contain_text("monotonic clock")
        expect(line).to_be_focused()
        expect(line).to_be_in_viewport()
    page.keyboard.press("m")
    expect(page.locator("#look.only-a")).to_be_visible()
    expect(page.locator("#look .r").first).to_be_hidden()
    page.keyboard.press("u")
    expect(page.locator("#look.only-a.is-split table.three").first).to_be_visible()
    page.reload()
    expect(page.locator("#look.only-a.is-split")).to_be_visible()  # remembered
    page.keyboard.press("1")
    expect(page.locator("#look[data-view=pair]")).to_be_visible()

    page.keyboard.press("w")
    expect(page.get_by_text("white space hidden")).to_be_visible()
    page.keyboard.press("w")
    page.keyboard.press("a")
    expect(page.get_by_text("alike dimmed")).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator("#wrap")).to_have_attribute("aria-pressed", "false")
    page.goto(address)
    expect(line).to_contain_text("monotonic clock")  # a link to a line


def test_keys_move_through_changes_files_and_tabs(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)

    page.keyboard.press("j")
    first = page.locator(".diff tr.now")
    expect(first).to_have_count(1)
    expect(first).to_be_in_viewport()
    begun = first.element_handle()
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("row => row === document.querySelector('.diff tr.now')", begun)

    page.keyboard.press("s")
    expect(page.locator(".diff .now .here")).to_have_count(1)
    page.keyboard.press("v")
    expect(page.locator("#read-count")).to_contain_text(re.compile("^1 of"))
    expect(page.locator("[data-read][aria-pressed=true]")).to_have_count(1)
    folded = page.locator("tr.fold").count()
    page.keyboard.press("e")
    expect(page.locator("tr.fold")).to_have_count(folded - 1)
    page.keyboard.press("x")
    expect(page.locator(".file-diff.is-folded")).not_to_have_count(0)
    page.keyboard.press("f")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("\\")
    expect(page.locator("body")).to_have_class(re.compile("rating-closed"))
    page.keyboard.press("\\")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/transcripts")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/tests")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/write-up")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/base/")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url(re.compile(r"/work/[0-9a-f-]{36}/$"))
    expect(page.locator("#read-count")).to_contain_text(re.compile("^1 of"))  # kept by the server
    files = page.locator("tr.file").count()
    for _ in range(files):
        page.keyboard.press("v")
    expect(page.locator("#read-count")).to_have_text(f"{files} of {files} read")  # to the last, however short


def test_the_first_tab_leads_past_the_navigation(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    page.goto("/work/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()


def _in_tab_order(words: dict[str, str]) -> list[str]:
    return [
        words[name]
        for name in ("a_strengths", "b_strengths", "a_weaknesses", "b_weaknesses", "justification")
    ]


def _newest_overall(site: Site, assignment: str) -> object:
    revisions = site.revisions(assignment)
    return revisions[-1]["ratings"].get("overall") if revisions else None


def _outlined(page: Page, selector: str) -> bool:
    """Whether focus can be seen: a ring, or a border and shadow of its own."""
    return bool(
        page.locator(selector).evaluate(
            "e => { const s = getComputedStyle(e); return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0)"
            " || s.boxShadow !== 'none'; }"
        )
    )
