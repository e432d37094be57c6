"""An admin adds an agent and watches a worker look it over."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.site import Site
from tests.browser.visitors import Visitors

TOML = """
name = "Wrasse"
model = "wrasse-large"
provider = "Reef"
harness = "wrasse"

[settings]
argv = ["sh", "-c", "echo tide > marlin.txt; echo I wrote it."]
"""


def test_a_worker_looks_an_agent_over_while_its_admin_watches(visitors: Visitors, site: Site) -> None:
    page = visitors.open(site.demo_person("Ada"))
    page.goto("/agents/")
    page.get_by_role("textbox", name="TOML").fill(TOML)

    page.locator("form[action='/agents/written']").get_by_role("button", name="Add and check").click()

    expect(page.get_by_role("heading", name="Wrasse")).to_be_visible()
    # The part asks for itself until a worker is done, and not the page.
    expect(page.locator("#check")).to_contain_text("left marlin.txt, and answered", timeout=60_000)
    expect(page.locator("#check .pill")).to_have_text("Well", timeout=60_000)
