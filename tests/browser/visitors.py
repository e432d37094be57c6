"""Browsers with somebody in front of them, and an ear for everything that a page should not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.browser.site import Person, Site

#: What hangs below a pair, for rater and reviewer alike.
PARTS = r"search|base/|files/\d+(/gaps/\d+|/read|/image/(base|a|b))?"
#: Every address that a page of ours has a reason to ask for.
KNOWN = re.compile(
    r"/(favicon\.ico|static/[\w./-]+|account/(login|logout|reauthenticate|tokens)/"
    rf"|work/(claim|[0-9a-f-]{{36}}/(turns/\d+/)?(resume|release|transcripts|tests|write-up|draft|submit|next|waiting|{PARTS})?)?"
    rf"|review/(decided/|[0-9a-f-]{{36}}/(turns/\d+/)?(transcripts|tests|write-up|decide|{PARTS})?)?"
    r"|results/([0-9a-f-]{36}/(ask|unblind|records)?|records/[0-9a-f-]{36}/|at/[0-9a-f-]{36}/(freeze|\w+\.csv)?)?"
    r"|api/v1/docs|receipts/[0-9a-f-]{36}(/guess)?|exports/(ask|[0-9a-f-]{36}/[\w.-]*)?|repositories/[\w/-]*"
    r"|(agents|providers|experiments|rubrics|people|gold|guidelines|categories)/[\w/-]*"
    r"|operations/((tasks|candidates|experiments)/[0-9a-f-]{36}/[\w/]*)?"
    r"|imports/[\w/-]*|categories/|scenarios/(new|begin|preview|[0-9a-f-]{36}/(save|propose|files/)?)?|approvals/(decided/|[0-9a-f-]{36}/(decide|files/)?)?)?"
)


class Visitors:
    """Opens browsers, and remembers what went wrong in any of them."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser = browser
        self.site = site
        self.complaints: list[str] = []
        self._excused: list[re.Pattern[str]] = []
        self._contexts: list[BrowserContext] = []

    def open(self, person: Person | None = None, **options: Any) -> Page:
        """A page of a fresh browser profile, signed in as this person."""
        options = {"viewport": {"width": 1440, "height": 900}, "base_url": self.site.url} | options
        context = self.browser.new_context(**options)
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        if person:
            context.add_cookies([{"name": "sessionid", "value": person.session, "url": self.site.url}])
        context.on("page", self._listen)
        return context.new_page()

    def excuse(self, pattern: str) -> None:
        """The browser's own complaint about what this test does on purpose."""
        self._excused.append(re.compile(pattern))

    def unexcused(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(pattern.search(complaint) for pattern in self._excused)
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A violation of the Content-Security-Policy is told as an error, too.
        if message.type in ("error", "warning"):
            self.complaints.append(
                f"console {message.type}: {message.text} at {message.location.get('url', '')}"
            )

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        origin = f"{address.scheme}://{address.netloc}"
        if origin != self.site.url or not KNOWN.fullmatch(address.path):
            self.complaints.append(f"unknown address: {request.method} {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"answer {response.status}: {response.request.method} {response.url}")


def until(page: Page, question: Callable[[], object], *, within: float = 15, why: str = "") -> None:
    """Ask until it is so; the browser goes on meanwhile, which it would not while Python sleeps."""
    for _ in range(int(within * 20)):
        if question():
            return
        page.wait_for_timeout(50)
    raise AssertionError(why or f"Not so within {within} seconds.")
