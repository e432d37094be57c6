"""What agents and authors wrote stands on the page as text, whatever it looks like."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from playwright.sync_api import Page, expect

from tasks.models import Category, Repository, Scenario
from tests import factories
from tests.browser import journey
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors
from tests.faults import worlds

TITLE = "Print <b>numbers</b> <img src=/evil/title onerror=window.caught=1>"
MARKUP = (
    "<img src=/evil/image onerror=window.caught=1>"
    "<script>window.caught=1</script>"
    '<div hx-get="/evil/htmx" hx-trigger="load, revealed, every 1s">fetch</div>'
    "</code></pre></td></table><svg onload=window.caught=1></svg>"
    '<a href="javascript:window.caught=1">here</a>{{ 7|add:7 }}'
)
FILE = "<img src=x onerror=window.caught=1>.py"

#: Each side writes the same few files; what makes them strange is in the names and the words.
AGENT = """
import json, os, pathlib
markup = {markup!r}
name = {name!r}
pathlib.Path(name).write_text("# " + markup + "\\nprint(" + repr(markup) + ")\\n")
pathlib.Path("sums.py").write_text("def add(a, b):\\n    # " + markup + "\\n    return a + b + 0\\n")
pathlib.Path("page.html").write_text("<html>" + markup + "</html>\\n")
steps = [
    ("say", markup, None), ("read", markup, name), ("run", markup, None), ("result", markup, None),
    ("edit", markup, name), ("note", markup, None), ("error", markup, None), ("say", "Done: " + markup, None),
]
with open(os.path.join(os.environ["HOME"], "transcript.jsonl"), "w") as file:
    for kind, text, path in steps:
        file.write(json.dumps(dict(kind=kind, text=text, path=path)) + "\\n")
"""
TESTS = f"""
printf '%s\\n' 'FAIL: test_it ({MARKUP.replace("'", "")})' '' 'Ran 1 test in 0.1s' '' 'FAILED (failures=1)'
test -f README.md
"""


@pytest.fixture(scope="module")
def strange(site: Site) -> str:
    """A task full of markup, made by the real worker; its title."""
    site.do(lambda: _make(site))
    site.wait_for(TITLE)
    return TITLE


def _make(site: Site) -> None:
    commit = worlds.make_git_repository(site.stack.directory / "strange")
    repository = Repository.objects.create(
        name="strange <i>sums</i>", url=str(site.stack.directory / "strange"), test_command=dedent(TESTS)
    )
    scenario = Scenario.objects.create(
        repository=repository,
        base_commit=commit,
        category=Category.FEATURE,
        title=TITLE,
        prompt=MARKUP,
        **dict.fromkeys(("about", "change", "edge_cases", "acceptance", "ideal_answer", "difficulty"), MARKUP),
    )
    scenario.propose(by=None)
    scenario.approve(by=None)
    code = dedent(AGENT).format(markup=MARKUP, name=FILE)
    argv = ["python3", "-c", code.replace("{", "{{").replace("}", "}}")]
    versions = [factories.make_agent_version(settings={"argv": argv}) for _ in range(2)]
    factories.make_experiment(
        scenarios=[scenario], versions=versions, name="strange <u>experiment</u>", raters_wanted=50
    )


def test_markup_is_shown_and_never_run(
    strange: str, visitors: Visitors, rater: Person, reviewer: Person
) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page, strange)

    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.locator(".file-diff h3 bdi", has_text=FILE)).to_have_text(FILE)
    for article in page.locator(".file-diff").all():
        article.scroll_into_view_if_needed()
    for file in ("sums.py", FILE, "page.html"):
        article = page.locator(".file-diff", has=page.locator("h3", has_text=file))
        expect(article.locator(".code.add", has_text="onerror=window.caught=1").first).to_be_visible()
    _assert_nothing_ran(page)
    for tab in ("Transcripts", "Tests", "Write-up"):
        page.get_by_role("link", name=tab, exact=tab != "Tests").click()
        for folded in page.locator("main details").all():
            folded.evaluate("details => { details.open = true; }")
        expect(page.locator("main").get_by_text("onerror=window.caught=1").first).to_be_visible()
        _assert_nothing_ran(page)
    page.goto(f"/work/{assignment}/")
    journey.fill_in(page)
    journey.paste(page, {"justification": f"{MARKUP} {journey.WORDS['justification']}"})
    journey.submit(page)
    _assert_nothing_ran(page)

    robin = visitors.open(reviewer)
    robin.goto("/review/")
    _assert_nothing_ran(robin)
    robin.goto(f"/review/{assignment}/")
    expect(robin.locator(".panel .as-written", has_text="onerror=window.caught=1").first).to_be_visible()
    _assert_nothing_ran(robin)
    robin.get_by_label("Reject").check()
    robin.get_by_label("Reason").fill(f"{MARKUP} is no reason at all.")
    robin.get_by_role("button", name="Decide").click()
    expect(robin.locator(".panel .as-written", has_text="is no reason at all").first).to_be_visible()
    _assert_nothing_ran(robin)


def test_markup_kept_in_this_browser_comes_back_as_text(
    strange: str, visitors: Visitors, rater: Person
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
