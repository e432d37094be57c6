"""A researcher reads what the preferences of a planted world say: waits, looks, narrows, un-blinds."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors
from tests.factories import PASSWORD
from tests.grading.results import planted

Picture = Callable[[Page, str], None]
SIZES = {"1280": journey.NARROW, "1920": journey.WIDE}


@pytest.fixture(scope="module")
def world(site: Site) -> planted.World:
    return site.do(planted.plant)


@pytest.fixture(scope="module")
def researcher(site: Site) -> Person:
    return site.person("Rowan", "researcher")


@pytest.fixture
def page(visitors: Visitors, researcher: Person, world: planted.World) -> Page:
    """The result page, as soon as a worker has counted."""
    page = visitors.open(researcher, viewport=journey.NARROW, reduced_motion="reduce", color_scheme="light")
    page.goto(f"/results/{world.experiment.public_id}/")
    expect(page.locator("#verdict")).to_be_visible(timeout=60_000)
    return page


def test_the_page_finds_what_was_planted(
    page: Page, site: Site, world: planted.World, picture: Picture
) -> None:
    first, best = site.do(lambda: [arm.mask.number for arm in world.arms[:2]])
    page.locator("[name=arm]").select_option(str(best))
    page.locator("[name=reference]").select_option(str(first))
    page.get_by_role("button", name="Show").click()

    expect(page.locator("#verdict")).to_have_text(f"Arm {best} writes better code than each of the other 2.")
    trust = page.locator("#chart-trust")
    expect(trust).to_contain_text("favours the left")
    expect(trust).to_contain_text(f"Most right guesses come from the repository {planted.LEAKING}.")
    raters = page.locator("#chart-raters")
    expect(raters).to_contain_text("1 stands out")
    expect(raters.locator("tbody tr").first).to_contain_text(f"Rater {world.careless[:6]}")
    expect(page.locator("#chart-reference svg")).to_have_attribute(
        "aria-label", re.compile(f"^Share preferred to Arm {first}. Arm {best} [678]. %")
    )
    names = [re.escape(name) for name in planted.NAMES]
    expect(page.locator("body")).not_to_contain_text(re.compile("|".join(names)))
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        assert not page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            picture(page, f"results-{size}-{theme}")
            assert _violations(page) == []
    modes = ["dark", "light", "dark"]  # a chosen dark theme is not printed
    assert page.evaluate(PRINTED) == modes


PRINTED = """() => {
    localStorage.setItem("marlin.theme", "dark");
    return ["afterprint", "beforeprint", "afterprint"].map((name) => {
        window.dispatchEvent(new Event(name));
        return document.documentElement.dataset.colorMode;
    });
}"""


def _violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def test_a_filter_is_counted_and_stays_in_the_address(page: Page) -> None:
    page.get_by_label("Repository").select_option(planted.LEAKING)
    page.get_by_role("button", name="Show").click()

    expect(page.locator("#verdict")).to_be_visible(timeout=60_000)
    assert f"repository={planted.LEAKING}" in page.url
    expect(page.locator(".figures")).to_contain_text("144")
    expect(page.locator("#chart-trust")).to_contain_text("seen through")


def test_a_number_leads_to_its_records_and_to_one_pair(page: Page, world: planted.World) -> None:
    page.get_by_role("link", name=f"Rater {world.careless[:6]}").click()
    expect(page.locator("#records")).to_have_text(re.compile(r"\d+ preferences"))
    assert _violations(page) == []

    page.locator("tbody a").first.click()

    expect(page.get_by_role("heading", name="What the rater said")).to_be_visible()
    expect(page.locator(".patch").first).to_contain_text("+hello")
    assert _violations(page) == []


def test_a_table_and_a_csv_say_what_the_picture_says(page: Page) -> None:
    ratings = page.locator("#chart-ratings")
    ratings.get_by_text("Table").click()
    rows = ratings.locator(".twin tbody tr")
    expect(rows).to_have_count(3)
    theta = rows.first.locator("td").first.inner_text()

    with page.expect_download() as download:
        ratings.get_by_role("link", name="CSV").click()

    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("Arm,Rating,Low,High")
    assert float(lines[1].split(",")[1]) == pytest.approx(float(theta), abs=0.001)


def test_a_frozen_state_has_an_address_of_its_own(page: Page) -> None:
    verdict = page.locator("#verdict").inner_text()
    page.get_by_role("button", name="Freeze this state").click()

    page.wait_for_url(re.compile(r"/results/at/[0-9a-f-]{36}/$"))
    expect(page.get_by_role("heading", name="A frozen state")).to_be_visible()
    expect(page.locator("#verdict")).to_have_text(verdict)


def test_names_are_shown_after_the_password_and_a_reason(
    visitors: Visitors, site: Site, world: planted.World, picture: Picture
) -> None:
    person = site.person("Rhea", "researcher")
    page = visitors.open(viewport=journey.NARROW, reduced_motion="reduce", color_scheme="light")
    journey.sign_in(page, person.email)
    page.goto(f"/results/{world.experiment.public_id}/")
    expect(page.locator("#verdict")).to_be_visible(timeout=60_000)
    page.get_by_text("Arms are masked").click()
    page.get_by_label("What you need the names for").fill("For the paper in May.")
    page.get_by_role("button", name="Un-blind").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()

    expect(page.locator("#verdict")).to_have_text(
        f"{planted.NAMES[1]} writes better code than each of the other 2."
    )
    picture(page, "results-named")
    assert _violations(page) == []
