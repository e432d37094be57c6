"""What was made to break the diff engine, on the page of a rater: every file is there, and nothing of it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.benchmarks.served import finished_turn
from tests.browser.site import Person, Site
from tests.browser.visitors import Visitors
from tests.grading.diffs import hostile
from tests.grading.diffs.conftest import Repository
from tests.grading.diffs.test_compare import ATTRIBUTES, TAGS
from tests.grading.diffs.test_notebooks import NOTEBOOK
from tests.long import LONG

Texts = dict[str, bytes]

#: Of those that cost much, one that is drawn and one that is cut; all of them in the long form.
SAMPLE = ("bait open tags", "odd characters on one line")
AT_ONCE = 6  # of those on one page

#: Which tags and attributes stand where code does, and whether anything of a page beside them came to be.
FOUND = """
() => {
  const tags = new Set(), attributes = new Set();
  for (const element of document.querySelectorAll(".rows *")) {
    tags.add(element.localName);
    for (const { name } of element.attributes) attributes.add(name);
  }
  return { tags: [...tags], attributes: [...attributes], scripts: document.querySelectorAll("main script").length };
}
"""
#: What the page's own script adds: slices of long tables, and the line one stands on.
OURS = {"div"} | {"style", "tabindex"}
VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


def test_hostile_files_are_shown_and_nothing_of_them_runs(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    dialogs: list[str] = []
    for number, inputs in enumerate(_pages()):
        title = f"Hostile files {number}"
        base, results = _together(inputs)
        _store(site, title, tmp_path / str(number), base, results)
        site.wait_for(title, within=600 if LONG else 120)
        rater = site.person("Riley", "rater")
        page = visitors.open(rater)
        page.set_default_timeout(60_000)
        page.add_init_script(VIOLATIONS)
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        _open(page, site, rater, title)

        changed = [path for path, text in results.items() if base.get(path) != text]
        expect(page.locator("tr.file")).to_have_count(len(changed))
        _assert_only_rows(page)
        if number == 0:
            _read_the_notebook(page)
            for key, view in (("2", "three"), ("3", "direct")):
                page.keyboard.press(key)
                expect(page.locator(f"#look[data-view={view}] .diff td").first).to_be_visible(timeout=60_000)
                _assert_only_rows(page)
        page.context.close()

    assert dialogs == []


def _pages() -> Iterator[dict[str, tuple[Texts, Texts]]]:
    """Inputs by name, for one page each. The first holds what is odd, the others what is dear."""
    notebook = json.dumps(NOTEBOOK, indent=1).encode()
    yield {
        **hostile.CONTENT,
        **hostile.NAMED,
        "notebook": ({"tide.ipynb": notebook}, {"tide.ipynb": notebook.replace(b"rise", b"fall")}),
        **({} if LONG else {name: hostile.COSTLY[name] for name in SAMPLE}),
    }
    dear = iter(hostile.COSTLY.items() if LONG else ())
    while some := dict(islice(dear, AT_ONCE)):
        yield some


def _together(inputs: dict[str, tuple[Texts, Texts]]) -> tuple[Texts, Texts]:
    """One tree of all. Names that matter stay as they are; the others get a folder each."""
    base: Texts = {}
    results: Texts = {}
    for number, (name, (before, after)) in enumerate(inputs.items()):
        folder = "" if name in hostile.NAMED or name == "notebook" else f"{number:03}/"
        for path, text in before.items():
            base[folder + path] = text
        for path, text in after.items():
            results[folder + path] = text
    return base, results


def _store(site: Site, title: str, folder: Path, base: Texts, results: Texts) -> None:
    """A did all of it, B every second file: both columns hold something, alike and not."""
    folder.mkdir()
    repository = Repository(folder)
    trees = [
        repository.tree(files)
        for files in (base, {**base, **results}, {**base, **dict(islice(results.items(), 0, None, 2))})
    ]
    commit = repository.commit(trees[0])
    sides = repository.patch(trees[0], trees[1]), repository.patch(trees[0], trees[2])
    site.do(lambda: finished_turn(site.stack, title, folder, commit, sides))


def _open(page: Page, site: Site, rater: Person, title: str) -> None:
    page.goto(f"/work/{site.hand(rater, title)}/?view=pair", timeout=60_000)
    if page.locator("#unloaded").is_visible():
        page.get_by_role("button", name="Load all").click()
    expect(page.locator("#unloaded")).to_be_hidden(timeout=120_000)
    expect(page.locator(".rows.waiting")).to_have_count(0)


def _assert_only_rows(page: Page) -> None:
    found = page.evaluate(FOUND)
    assert set(found["tags"]) <= TAGS | OURS
    assert set(found["attributes"]) <= ATTRIBUTES | OURS
    assert found["scripts"] == 0
    assert page.evaluate("window.violations") == []


def _read_the_notebook(page: Page) -> None:
    """As cells at first, as its file by key, and remembered."""
    article = page.locator(".file-diff", has=page.locator("h3", has_text="tide.ipynb"))
    article.locator("h3").scroll_into_view_if_needed()
    expect(article.locator("td.a", has_text="fall()").first).to_be_visible()
    expect(article.get_by_text("cell_type")).to_have_count(0)

    page.keyboard.press("o")

    # The whole page comes anew, with all that is strange on it: a busy machine takes its time.
    expect(article.get_by_role("link", name="Show cells")).to_be_attached(timeout=60_000)
    article.locator("h3").scroll_into_view_if_needed()
    expect(article.locator("td.a", has_text="fall()").first).to_contain_text('"source"')
