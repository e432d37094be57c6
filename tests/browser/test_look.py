"""Every page at both widths and in its themes: it fits, it is labelled, it can be told what is what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from grading import queue, submission
from grading.export import snapshot
from grading.models import Assignment
from marlin.models import User
from tasks.management.commands.seed_demo import EXPERIMENT
from tasks.models import Experiment
from tests.browser import journey
from tests.browser.site import TITLES, Person, Site, kept_by_admins
from tests.browser.visitors import Visitors
from tests.stack import eventually

Picture = Callable[[Page, str], None]
#: No transition is under way when a picture is taken.
STILL = {"color_scheme": "light", "reduced_motion": "reduce"}
SIZES = {"1280": journey.NARROW, "1920": journey.WIDE}

#: Controls without a name for a screen reader, by the rules of accessible names that these pages use.
NAMELESS = """() => {
    const text = (element) => (element?.textContent ?? "").trim();
    const named = (element) =>
        element.getAttribute("aria-label")?.trim() ||
        (element.getAttribute("aria-labelledby") ?? "").split(/\\s+/)
            .some((id) => id && text(document.getElementById(id))) ||
        [...(element.labels ?? [])].some(text) ||
        (element.matches("button, a, summary") && text(element));
    const controls = "input:not([type=hidden]), textarea, select, button, summary, a[href], dialog, [role=separator]";
    return [...document.querySelectorAll(controls)]
        .filter((element) => !named(element))
        .map((element) => element.outerHTML.slice(0, 120));
}"""
TWICE = """() => {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    return ids.filter((id, place) => ids.indexOf(id) !== place);
}"""
DANGLING = """() => ["aria-labelledby", "aria-describedby", "aria-controls"].flatMap((name) =>
    [...document.querySelectorAll(`[${name}]`)].flatMap((element) =>
        element.getAttribute(name).split(/\\s+/).filter((id) => !document.getElementById(id))))"""

TALLER = "document.documentElement.scrollHeight > document.documentElement.clientHeight"


@dataclass(frozen=True)
class Place:
    """One page as one person sees it."""

    name: str
    person: Person | None
    path: str


@pytest.fixture(scope="module")
def places(site: Site) -> list[Place]:
    """A task in hand with half a rating, one handed in, an export, the demo's repository, a provider and an agent."""
    riley, robin = site.person("Riley", "rater"), site.person("Robin", "reviewer")
    rowan, ada, sam = (site.demo_person(name) for name in ("Rowan", "Ada", "Sam"))
    done, receipt, held = site.do(lambda: _hand_in_one_and_take_another(riley))
    export = site.do(lambda: _ask_for_an_export(rowan))
    eventually(
        lambda: site.stack.value("SELECT state FROM grading_export WHERE public_id = %s", export) == "ready",
        within=30,
        why="The export was not written.",
    )
    return [
        Place("sign-in", None, "/account/login/"),
        Place("no-role", sam, "/"),
        Place("work", riley, "/work/"),
        Place("patches", riley, f"/work/{held}/"),
        Place("transcripts", riley, f"/work/{held}/transcripts"),
        Place("tests", riley, f"/work/{done}/tests"),
        Place("write-up", riley, f"/work/{held}/write-up"),
        Place("handed-in", riley, f"/work/{done}/"),
        Place("receipt", riley, f"/receipts/{receipt}"),
        Place("reviews", robin, "/review/"),
        Place("decided", robin, "/review/decided/"),
        Place("scenario-decisions", robin, "/approvals/decided/"),
        Place("review", robin, f"/review/{done}/"),
        Place("exports", rowan, "/exports/"),
        Place("export", rowan, f"/exports/{export}/"),
        Place("tokens", rowan, "/account/tokens/"),
        Place("api", rowan, "/api/v1/docs"),
        Place("repositories", ada, "/repositories/"),
        *(Place(name, ada, path) for name, path in site.do(kept_by_admins).items()),
    ]


def _hand_in_one_and_take_another(rater: Person) -> tuple[str, str, str]:
    person = User.objects.get(pk=rater.pk)
    ratings = {axis: str(value) for axis, value in journey.RATINGS.items()}
    done = queue.claim_next(person)
    assert done
    saved = submission.save_draft(done, {**ratings, **journey.WORDS, "key_axis": journey.KEY_AXIS})
    receipt = submission.submit(done, saved.preference)
    held = queue.claim_next(person)
    assert held
    half = {"overall": "3", "efficiency": "3", "clarity": "6", "correctness": "2"}
    words = {
        "a_strengths": "Keeps to what was asked; the tests use real threads.",
        "b_strengths": "Explains itself in the docstrings.",
        "a_weaknesses": "One name is too short.",
    }
    submission.save_draft(held, {**half, **words, "key_axis": "correctness"})
    return str(done.public_id), str(receipt.public_id), str(held.public_id)


def _ask_for_an_export(researcher: Person) -> str:
    experiment = Experiment.objects.get(name=EXPERIMENT)
    by = User.objects.get(pk=researcher.pk)
    export = snapshot.ask(str(experiment.public_id), by=by, reason="To look at the page of an export.")
    return str(export.public_id)


def test_every_page_fits_at_both_widths_and_is_labelled(
    visitors: Visitors, places: list[Place], picture: Picture
) -> None:
    faults: list[str] = []
    for place in places:
        page = visitors.open(place.person, **STILL)
        page.goto(place.path)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme="light")
            picture(page, f"{place.name}-{size}-light")
            faults += [f"{place.name} at {size}: {fault}" for fault in _faults(page)]
            light = _background(page)
            page.emulate_media(color_scheme="dark")
            picture(page, f"{place.name}-{size}-dark")
            if _background(page) == light:
                faults.append(f"{place.name}: as bright in the dark")
        page.context.close()

    assert faults == []


def _faults(page: Page) -> list[str]:
    found = [f"no name: {control}" for control in page.evaluate(NAMELESS)]
    found += [f"id used twice: {name}" for name in page.evaluate(TWICE)]
    found += [f"leads nowhere: #{name}" for name in page.evaluate(DANGLING)]
    if (headings := page.locator("h1").count()) != 1:
        found.append(f"{headings} headings of the first level")
    if page.locator("main").count() != 1 or page.locator("body > header").count() != 1:
        found.append("not one header and one main part")
    if page.locator("html").get_attribute("lang") != "en":
        found.append("no language")
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("wider than the window")
    if page.locator("body.compare").count() and page.evaluate(TALLER):
        found.append("panes scroll by themselves, yet the page scrolls as well")
    for pane in (".code-pane", ".panel", ".panel form", ".files .scroll"):
        wide = "elements => elements.some((element) => element.scrollWidth > element.clientWidth)"
        if page.locator(pane).evaluate_all(wide):
            found.append(f"{pane} scrolls sideways")
    return found


def _background(page: Page) -> object:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_each_theme_looks_its_own_way_and_is_remembered(
    visitors: Visitors, rater: Person, picture: Picture
) -> None:
    page = visitors.open(rater, color_scheme="light")
    journey.claim(page)
    seen = {}

    for theme in ("light", "dark", "light_colorblind", "dark_colorblind"):
        page.get_by_role("button", name="Keys and theme").click()
        page.get_by_label("Theme", exact=True).select_option(theme)
        page.get_by_role("button", name="Close Esc").click()
        seen[theme] = (_background(page), _colour_of_added(page))
        picture(page, f"theme-{theme}")
    page.reload()

    assert (_background(page), _colour_of_added(page)) == seen["dark_colorblind"]
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][0] == seen["light_colorblind"][0]
    assert len({added for _, added in seen.values()}) == 4


def _colour_of_added(page: Page) -> object:
    return page.locator(".diff td.a").first.evaluate("cell => getComputedStyle(cell).backgroundColor")


def test_the_two_sides_are_equally_wide(visitors: Visitors, rater: Person) -> None:
    page = visitors.open(rater)
    journey.claim(page)
    for size in SIZES.values():
        page.set_viewport_size(size)

        row = page.locator(".diff tr:has(td + td)").first
        widths = row.locator("td").evaluate_all(
            "cells => cells.map((cell) => cell.clientWidth)"  # what is left for code beside the gutter
        )

        assert len(widths) == 2
        assert abs(widths[0] - widths[1]) <= 1


def test_the_rating_is_reached_before_a_thousand_lines(visitors: Visitors, rater: Person) -> None:
    """Tab from the code leads to the form; lines of code are no stops on the way."""
    page = visitors.open(rater)
    journey.claim(page)

    stops = page.evaluate(
        """() => {
            const stops = [...document.querySelectorAll("a[href], button, input, textarea, summary, [tabindex]")];
            return stops.filter((e) => e.tabIndex >= 0 && e.closest(".diff") && !e.matches(".unfold")).length;
        }"""
    )

    assert stops == 0
    page.keyboard.press("r")
    expect(page.locator("#field-overall input").first).to_be_focused()


def test_the_picture_of_the_readme(visitors: Visitors, places: list[Place], picture: Picture) -> None:
    """What docs/compare.png shows: patches side by side and a rating half done."""
    place = next(place for place in places if place.name == "patches")
    page = visitors.open(place.person, viewport={"width": 1440, "height": 900}, **STILL)
    page.goto(place.path)

    page.get_by_role("link", name="cache.py").click()

    expect(page.get_by_role("heading", name="src/tidecache/cache.py")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Patches")).to_be_in_viewport()
    expect(page.locator("#field-overall :checked")).to_have_count(1)
    picture(page, "compare")


def test_the_side_to_continue_from_goes_along_with_the_rating_until_it_is_chosen(
    visitors: Visitors, site: Site, rater: Person, picture: Picture
) -> None:
    title = TITLES[-1]
    # Only who leads chooses; somebody of an earlier journey may have led this one.
    led = Assignment.objects.filter(task__scenario__title=title, seat=0)
    site.do(lambda: led.update(seat=None))
    site.do(lambda: Experiment.objects.filter(name=EXPERIMENT).update(turns_wanted=2))
    try:
        page = visitors.open(rater, **STILL)
        journey.claim(page, title)
    finally:
        site.do(lambda: Experiment.objects.filter(name=EXPERIMENT).update(turns_wanted=1))
    told = []

    def rate(value: int) -> None:
        page.locator(f"#field-overall input[value='{value}']").check(force=True)
        chosen = page.locator("[name=continue_from]:checked")
        told.append(chosen.get_attribute("value") if chosen.count() else "")

    rate(2)
    rate(6)
    page.locator("#field-continue_from").scroll_into_view_if_needed()
    picture(page, "turns-light")
    page.emulate_media(color_scheme="dark")
    picture(page, "turns-dark")
    assert _faults(page) == []
    page.locator("#field-continue_from input[value=a]").check(force=True)
    rate(7)

    assert told == ["a", "b", "a"]
