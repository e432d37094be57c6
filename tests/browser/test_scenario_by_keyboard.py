"""A new rater's first scenario without a mouse: from the sign-in page to candidates that are being generated."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from marlin.models import Role
from tasks.demo.content import REPOSITORY_NAME
from tasks.models import Candidate, Experiment, Scenario
from tests import factories
from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors, until
from tests.factories import PASSWORD

TITLE = "Tell how old an entry is"
TYPED = {
    "title": TITLE,
    "about": "A cache in memory that forgets entries after a while.",
    "change": "Whoever looks at an entry should be told how long ago it was stored.",
    "edge_cases": "An entry that was stored anew counts from then.",
    "acceptance": "An entry that was stored five seconds ago says five seconds; one that is not there says so.",
    "ideal_answer": "A small method with tests, on the clock that the cache has already.",
    "difficulty": "There are two clocks, and only one of them never goes back.",
    "effort_hours": "2",
    "prompt": (
        "People who look into the cache want to know how long ago an entry was stored. There should be a way to ask "
        "for the age of a key in seconds; a key that is not there must answer with None instead of an error."
    ),
}


def test_a_new_rater_writes_a_scenario_and_a_reviewer_approves_it_by_keyboard(
    visitors: Visitors, site: Site, reviewer: Person, picture: Callable[[Page, str], None]
) -> None:
    newcomer = site.do(lambda: factories.make_person("Nora", Role.RATER).email)
    page = visitors.open()
    page.goto("/account/login/")
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type(newcomer)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/work/")
    _follow(page, "Scenarios", "**/scenarios/")
    expect(page.get_by_text("None yet.")).to_be_visible()
    _follow(page, "Write a scenario", "**/scenarios/new")
    journey.tab_to(page, "repository", by="id")
    page.keyboard.type(REPOSITORY_NAME)
    journey.tab_to(page, "Choose")
    page.keyboard.press("Enter")
    page.wait_for_url("**/scenarios/new?repository=*")
    _choose(page, "commit")
    _choose(page, "category")
    picture(page, "scenario-begin")
    journey.tab_to(page, "Begin writing")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/scenarios/[0-9a-f-]{36}/$"))

    for name, text in TYPED.items():
        journey.tab_to(page, f"field-{name}", by="id", most=30)
        page.keyboard.type(text)
    expect(page.locator("#saved .said")).to_contain_text("Saved")
    expect(page.locator("#findings")).to_contain_text("looked at as you write")
    expect(page.locator("#lease")).to_contain_text("h left")
    expect(page.locator("#files .folder a").first).to_be_visible()
    journey.tab_to(page, "README.md")
    page.keyboard.press("Enter")
    expect(page.locator("#files table.diff td").first).to_be_visible()
    picture(page, "scenario-desk")
    page.locator("#field-prompt").focus()
    journey.tab_to(page, "Hand to the reviewers", most=10)
    page.keyboard.press("Enter")
    page.wait_for_url("**/scenarios/")
    expect(page.get_by_text("With the reviewers").first).to_be_visible()

    page = visitors.open(reviewer, color_scheme="dark")
    page.goto("/approvals/")
    _follow(page, TITLE, re.compile(r"/approvals/[0-9a-f-]{36}/$"))
    expect(page.locator("#files .folder a").first).to_be_visible()
    picture(page, "scenario-approval")
    journey.tab_to(page, "Approve")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals/")
    expect(page.get_by_role("row", name=TITLE)).to_contain_text("approved", ignore_case=True)
    site.do(_take_into_the_experiment)

    until(page, lambda: site.do(_sides) == 2, why="No candidates are made of the approved scenario.")


def _follow(page: Page, link: str, leads_to: str | re.Pattern[str]) -> None:
    journey.tab_to(page, link)
    page.keyboard.press("Enter")
    page.wait_for_url(leads_to)


def _choose(page: Page, name: str) -> None:
    journey.tab_to(page, name, by="name")
    page.keyboard.press("Space")
    expect(page.locator(f"[name={name}]:checked")).to_have_count(1)


def _take_into_the_experiment() -> None:
    Experiment.objects.order_by("pk")[0].scenarios.add(Scenario.objects.get(title=TITLE))


def _sides() -> int:
    return Candidate.objects.filter(turn__task__scenario__title=TITLE).count()
