"""Every page at both widths and in each theme: it fits, it is labelled, it can be walked through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser import journey
from tests.browser.site import TITLES, Person, Site
from tests.browser.visitors import Visitors

Picture = Callable[[Page, str], None]

SIZES = {"1280": journey.NARROW, "1920": journey.WIDE}

#: What has no name for a screen reader; read by the rules of accessible names that these pages use.
NAMELESS = """() => {
    const text = (element) => (element?.textContent ?? "").trim();
    const named = (element) =>
        element.getAttribute("aria-label")?.trim() ||
        (element.getAttribute("aria-labelledby") ?? "").split(/\\s+/).some((id) => id && text(document.getElementById(id))) ||
        [...(element.labels ?? [])].some(text) ||
        (element.matches("button, a, summary") && text(element)) ||
        element.title.trim();
    return [...document.querySelectorAll("input:not([type=hidden]), textarea, select, button, summary, a[href], dialog, [role=separator]")]
        .filter((element) => !named(element))
        .map((element) => element.outerHTML.slice(0, 120));
}"""


@dataclass(frozen=True)
class Place:
    """One page as one person sees it."""

    name: str
    person: Person | None
    path: str


@pytest.fixture(scope="module")
def places(site: Site) -> list[Place]:
    """A task in hand with half a rating, one handed in, one decided; a repository, an export."""
    return site.do(lambda: _furnish(site))


def _furnish(site: Site) -> list[Place]:
    raise NotImplementedError
