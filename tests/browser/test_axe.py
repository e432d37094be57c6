"""axe-core finds nothing: every look of the compare page, in light and in dark."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import Person, Site, kept_by_admins
from tests.browser.visitors import Visitors

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
#: axe reads no text that a style sheet draws; browsers do, and tell a screen reader the number of a line.
RULES = {"resultTypes": ["violations"], "rules": {"empty-table-header": {"enabled": False}}}
#: Of the dark page only the colours differ.
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
VIEWS = ("pair", "three", "direct", "a", "b")
TABS = ("transcripts", "tests", "write-up", "search?q=clock", "base/")


def test_axe_finds_nothing_in_any_look(visitors: Visitors, site: Site, rater: Person) -> None:
    # The policy forbids a script that a test puts into the page; other tests run under it.
    page = visitors.open(rater, bypass_csp=True, color_scheme="light", reduced_motion="reduce")
    work = f"/work/{journey.claim(page)}/"
    faults: list[str] = []

    for view in VIEWS:
        page.keyboard.press(str(VIEWS.index(view) + 1))
        expect(page.locator(f"#look[data-view={view}]")).to_be_visible()
        faults += _faults(page, view)
    for tab in TABS:
        page.goto(work + tab)
        faults += _faults(page, tab)

    assert faults == []


def test_axe_finds_nothing_on_pages_of_what_makes_candidates(visitors: Visitors, site: Site) -> None:
    page = visitors.open(
        site.demo_person("Ada"), bypass_csp=True, color_scheme="light", reduced_motion="reduce"
    )
    faults: list[str] = []

    for name, path in site.do(kept_by_admins).items():
        page.goto(path)
        faults += _faults(page, name)

    assert faults == []


def _faults(page: Page, name: str) -> list[str]:
    if not page.evaluate("Boolean(globalThis.axe)"):
        page.evaluate(AXE)
    found = []
    for scheme, rules in (("light", RULES), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for violation in page.evaluate("rules => axe.run(document, rules)", rules)["violations"]:
            first = violation["nodes"][0]
            found.append(
                f"{name}, {scheme}: {violation['id']}: {first['html'][:120]} {first['failureSummary'][:200]}"
            )
    return found
