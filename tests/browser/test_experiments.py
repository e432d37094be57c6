"""An admin makes an experiment, from an empty form to running, and a rubric beside the form that raters will see."""

from __future__ import annotations

import uuid

from playwright.sync_api import expect

from tasks.models import Qualification
from tests.browser.site import Person, Site
from tests.browser.test_look import Picture
from tests.browser.visitors import Visitors


def test_from_a_draft_to_running(visitors: Visitors, site: Site, picture: Picture) -> None:
    ada: Person = site.person("Ada", "admin")
    mark = uuid.uuid4().hex[:6]
    # Nobody has it, so that the raters of other journeys are not offered these tasks.
    site.do(lambda: Qualification.objects.create(name=f"Trial {mark}"))
    page = visitors.open(ada)
    page.goto("/experiments/")
    page.get_by_role("link", name="New experiment").click()

    page.get_by_label("Name", exact=True).fill(f"Autumn {mark}")
    for box in page.locator("#id_versions input").all()[:2]:
        box.check()
    page.get_by_label(f"Trial {mark}").check()
    page.get_by_label("For a comparison").fill("280")
    page.get_by_label("Budget for pay").fill("100")
    page.locator("#id_guidelines").fill("Read the **tests** too.")
    page.get_by_text("Preview", exact=True).click()
    expect(page.locator(".preview strong")).to_have_text("tests")
    visitors.excuse("422")
    page.get_by_role("button", name="Keep the draft").click()

    expect(page.locator("#id_pay_budget-says")).to_contain_text("does not pay for a single comparison")
    expect(page.locator("#id_guidelines")).to_have_value("Read the **tests** too.")
    picture(page, "experiment-refused")
    page.get_by_label("Budget for pay").fill("5000")
    page.get_by_label("Rubric").select_option(index=1)
    page.get_by_role("button", name="Keep the draft").click()
    page.get_by_role("link", name="Scenarios", exact=True).click()
    page.locator("input[name=scenario]").first.check()
    page.get_by_role("button", name="Add the ticked").click()
    expect(page.locator(".message")).to_have_text("1 scenario added.")
    page.get_by_role("link", name=f"Autumn {mark}").click()
    page.get_by_role("button", name="Start").click()

    expect(page.locator(".pill")).to_have_text("Running")
    picture(page, "experiment-running")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_the_preview_follows_what_is_typed(visitors: Visitors, site: Site, picture: Picture) -> None:
    page = visitors.open(site.person("Ada", "admin"))
    page.goto("/rubrics/new")
    page.get_by_label("7, with a middle").check()
    page.get_by_label("Name", exact=True).nth(1).fill("Courage")
    page.get_by_label("Question").first.fill("Which one dares more?")
    page.get_by_label("An axis may be “not applicable”").check()

    preview = page.locator("#preview")
    expect(preview.locator("fieldset.scale").nth(1)).to_contain_text("Courage")
    expect(preview.locator("fieldset.scale").nth(1)).to_contain_text("Not applicable")
    expect(preview.locator("fieldset.scale").first.locator(".step")).to_have_count(7)
    picture(page, "rubric")
