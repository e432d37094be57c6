"""axe-core finds nothing: every look of the compare page, and a conversation of two turns, in light and in dark."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page, Route, expect

from tests import factories
from tests.benchmarks.served import finished_turn
from tests.browser import journey
from tests.browser.site import Person, Site, kept_by_admins
from tests.browser.visitors import Visitors
from tests.grading.diffs.conftest import Repository

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
#: axe reads no text that a style sheet draws; browsers do, and tell a screen reader the number of a line.
RULES = {"resultTypes": ["violations"], "rules": {"empty-table-header": {"enabled": False}}}
#: Of the dark page only the colours differ.
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
VIEWS = ("pair", "three", "direct", "a", "b")
TABS = ("transcripts", "tests", "write-up", "search?q=clock", "base/")
TALK = "Give the tide a colour"
ANSWER = "It is drawn by the browser."


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


def test_axe_finds_nothing_in_a_conversation(
    visitors: Visitors,
    site: Site,
    rater: Person,
    reviewer: Person,
    tmp_path: Path,
    picture: Callable[[Page, str], None],
) -> None:
    """Images, files set apart, the form of a turn, the wait for the next, a turn without code, and its review."""
    _begin_to_talk(site, tmp_path)
    page = visitors.open(rater, bypass_csp=True, color_scheme="light", reduced_motion="reduce")
    page.goto(f"/work/{(assignment := site.hand(rater, TALK))}/?view=pair")
    page.get_by_role("link", name="scratch.py").click()
    expect(page.locator("td.a", has_text="print('flood')").first).to_be_visible()
    expect(page.locator(".images img")).to_have_count(4)  # base, A and B of one; another is A's alone
    picture(page, "images-and-set-apart")
    page.evaluate("document.documentElement.dataset.lightTheme = 'light_colorblind'")
    picture(page, "images-and-set-apart-colourblind")
    faults = _faults(page, "the form of a turn")

    journey.rate(page, {"overall": 2, "efficiency": 3, "clarity": 3})
    journey.name_key_axis(page, "clarity")
    journey.paste(page, {"justification": journey.WORDS["justification"], "next_prompt": "Who draws it?"})
    held: list[Route] = []
    page.route("**/waiting", lambda route: held.append(route))  # or the next turn is opened while axe looks
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This turn is graded.")).to_be_visible()
    faults += _faults(page, "the wait for the next turn")
    page.unroute("**/waiting")
    for route in held:
        route.continue_()

    expect(page.locator(".answer").first).to_have_text(ANSWER, timeout=60_000)  # the page opens it by itself
    faults += _faults(page, "the last turn, without code")
    journey.rate(page, {"overall": 7, "efficiency": 6, "clarity": 6})
    journey.name_key_axis(page, "clarity")
    journey.paste(page, {"justification": journey.WORDS["justification"]})
    journey.submit(page)
    robin = visitors.open(reviewer, bypass_csp=True, color_scheme="light", reduced_motion="reduce")
    robin.goto(f"/review/{assignment}/turns/1/")
    expect(robin.get_by_role("link", name="Turn 2")).to_be_visible()
    faults += _faults(robin, "the review of a conversation")

    assert faults == []


def _begin_to_talk(site: Site, folder: Path) -> None:
    """A task of two turns: the first has images, and files beside them; in the second both sides only answer."""
    repository = Repository(folder)
    blue, red, green = (_square(*colour) for colour in ((9, 105, 218), (207, 34, 46), (26, 127, 55)))
    before = {"tide.png": blue, "tide.py": b"colour = 'blue'\n"}
    trees = [
        repository.tree(files)
        for files in (
            before,
            {**before, "tide.png": red, "moon.png": blue, "tide.py": b"colour = 'red'\n"},
            {**before, "tide.png": green, "tide.py": b"colour = 'green'\n"},
        )
    ]
    commit = repository.commit(trees[0])
    sides = repository.patch(trees[0], trees[1]), repository.patch(trees[0], trees[2])

    def finish() -> None:
        answering = {"argv": ["echo", ANSWER]}
        finished_turn(
            site.stack, TALK, folder, commit, sides,
            beside={"scratch.py": "print('flood')"},
            turns_wanted=2,
            versions=[factories.make_agent_version(settings=answering) for _ in range(2)],
        )  # fmt: skip

    site.do(finish)
    site.wait_for(TALK)


def _square(*colour: int) -> bytes:
    """A PNG of 48 by 48 pixels of one colour."""
    size = 48

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * size) * size
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


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
