"""The steps that journeys are made of, as a person would name them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping

from playwright.sync_api import CDPSession, Locator, Page, ViewportSize, expect

from tests.browser.site import Site
from tests.browser.visitors import until
from tests.factories import PASSWORD

RATINGS = {
    "overall": 2,
    "efficiency": 3,
    "clarity": 2,
    "maintainability": 6,
    "correctness": 1,
    "ready": 2,
}
WORDS = {
    "a_strengths": "Small, and it touches the two places that read the clock.",
    "b_strengths": "Explains itself: “monotonic” – née wall time – in the docstring.",
    "a_weaknesses": "No test sets the clock back.\nOne name is too short.",
    "b_weaknesses": "Leaves a file behind; <b>not</b> ours & not asked for.",
    "justification": (
        "A does what was asked and stops there. B rewrites more than the prompt wants, keeps a stray file, and its "
        "change of the snapshot format would need a migration that nobody has thought about. I would merge A today."
    ),
}
KEY_AXIS = "correctness"
#: What Chromium and htmx write into the console about a request without an answer.
NO_ANSWER = "ERR_INTERNET_DISCONNECTED|ERR_FAILED|htmx:(afterRequest|sendError)"
NARROW: ViewportSize = {"width": 1280, "height": 800}
WIDE: ViewportSize = {"width": 1920, "height": 1080}


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/(work|review|results|exports|repositories)/$"))


def claim(page: Page, title: str = "") -> str:
    """Take the next task; with a title, give back what is offered before it. Returns the assignment's id."""
    while True:
        page.goto("/work/")
        page.get_by_role("button", name="Take this task").click()
        page.wait_for_url(re.compile(r"/work/[0-9a-f-]{36}/$"))
        if title in page.get_by_role("heading", level=1).inner_text():
            return page.url.rstrip("/").rpartition("/")[2]
        page.goto("/work/")
        page.get_by_role("button", name="Give back").click()


def rate(page: Page, ratings: Mapping[str, int] = RATINGS) -> None:
    for axis, value in ratings.items():
        _choose(page, page.locator(f"#field-{axis} .step").nth(value - 1))


def write(page: Page, words: Mapping[str, str] = WORDS) -> None:
    """Key by key, as a person would; the last key is not followed by a pause."""
    for name, text in words.items():
        field = page.locator(f"#field-{name}")
        field.click()
        field.press_sequentially(text)


def paste(page: Page, words: Mapping[str, str] = WORDS) -> None:
    for name, text in words.items():
        page.locator(f"#field-{name}").fill(text)


def name_key_axis(page: Page, axis: str = KEY_AXIS) -> None:
    _choose(page, page.locator(f"#field-key_axis label:has([value={axis}])"))


def _choose(page: Page, label: Locator) -> None:
    """As a person does: look whether it took, since a busy page may move under the pointer, and click again if not."""
    checked = label.locator(":checked")
    label.click()
    until(page, lambda: checked.count() or label.click(), why="A choice that was clicked is not taken.")


def fill_in(page: Page) -> None:
    """All that the rubric demands."""
    rate(page)
    paste(page)
    name_key_axis(page)


def wait_until_saved(page: Page, site: Site, assignment: str, words: Mapping[str, str]) -> None:
    """Until the database has these words; and the page says so."""
    until(
        page,
        lambda: words.items() <= site.newest_texts(assignment).items(),
        why=f"Not saved: {words}; the server has {site.newest_texts(assignment)}",
    )
    expect(page.locator("#saved .said")).to_be_visible()
    expect(page.locator("#saved .said")).to_contain_text("Saved")


def read_form(page: Page) -> dict[str, object]:
    """Every text and every choice that stands in the form."""
    found: dict[str, object] = page.evaluate(
        """() => {
            const form = document.querySelector("#rate");
            const bookkeeping = ["csrfmiddlewaretoken", "tab", "sequence", "revision"];
            return Object.fromEntries([...new FormData(form)].filter(([name]) => !bookkeeping.includes(name)));
        }"""
    )
    return {name: str(value).replace("\r\n", "\n") for name, value in found.items()}


FILLED_IN = {**{axis: str(value) for axis, value in RATINGS.items()}, **WORDS, "key_axis": KEY_AXIS}


def kill(page: Page) -> None:
    """The process that draws the page dies at once, as when memory runs out; nothing in the page hears of it."""
    process = _process_of(page)
    with page.expect_event("crash"):
        os.kill(process, signal.SIGKILL)
    page.close()


def _process_of(page: Page) -> int:
    """The browser does not tell which process draws which page: it is the one that works when the page does.

    Killing all would take the spare one, too, which the browser may just be giving to the next page.
    """
    browser = page.context.browser
    assert browser is not None
    session = browser.new_browser_cdp_session()
    before = _seconds_worked(session)
    page.evaluate("() => { const end = performance.now() + 150; while (performance.now() < end); }")
    after = _seconds_worked(session)
    session.detach()
    return max(after, key=lambda process: after[process] - before.get(process, after[process]))


def _seconds_worked(session: CDPSession) -> dict[int, float]:
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return {process["id"]: process["cpuTime"] for process in processes if process["type"] == "renderer"}


def tab_to(page: Page, wanted: str, *, by: str = "text", most: int = 200) -> None:
    """Press Tab until focus is there, as somebody must who has nothing else."""
    question = {"text": "e => e.textContent.trim()", "id": "e => e.id", "name": "e => e.name"}[by]
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"({question})(document.activeElement)") == wanted:
            return
    raise AssertionError(f"{most} times Tab do not lead to {wanted}.")


def submit(page: Page) -> None:
    page.locator("#submit").click()
    page.wait_for_url("**/receipts/*")
