"""Everything a rater and a reviewer do and fetch in one task, with every byte written down."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpResponse

from grading import looks
from grading.models import Assignment, Fragment, PairPage, Picture, Receipt
from marlin.models import User
from tests import factories
from tests.conftest import WebClient

#: What may differ between two equal answers, and why nothing else may.
MASKS = {
    # Random in each request and bound to the session, as it must be.
    "the CSRF token": (re.compile(r'(name="csrfmiddlewaretoken" value=")\w+'), r"\1…"),
    # The lease runs by the database's clock, which no seed can stop; it began when the rater claimed.
    "minutes of the rater's own lease": (re.compile(r"\d+ (?:min|h) left"), "… left"),
    "seconds of the same, for the page's own clock": (re.compile(r'data-seconds="\d+"'), 'data-seconds="…"'),
    # The moment of the request and a year, which Max-Age tells already.
    "the end of a cookie": (re.compile(r"expires=[^;]+(; Max-Age=\d+)"), r"expires=…\1"),
    # Signed with the second of the request; what is signed stays and is compared.
    "the signature of a message": (re.compile(r"(messages=[\w.-]+):[\w-]+:[\w-]+"), r"\1:…"),
}
#: Cookies that are the reader's own; any other cookie is compared.
OWN_COOKIES = {"csrftoken", "sessionid"}

Seen = dict[str, tuple[int, str, str]]


class Reader:
    """One person; `seen` collects (status, headers, body) by what was asked."""

    def __init__(self, person: User, seen: Seen) -> None:
        self.name = person.name
        self.seen = seen
        self.client = WebClient()
        self.client.force_login(person)

    def get(self, path: str, *, note: str = "") -> HttpResponse:
        """As a page, and as htmx would."""
        self._ask("GET", path, note=f"{note} as a part", headers={"HX-Request": "true"})
        return self._ask("GET", path, note=note)

    def post(
        self, path: str, form: Mapping[str, str] | None = None, *, note: str = "", htmx: bool = False
    ) -> HttpResponse:
        headers = {"HX-Request": "true"} if htmx else {}
        return self._ask("POST", path, note=note, headers=headers, data=dict(form or {}))

    def _ask(self, method: str, path: str, *, note: str, **how: Any) -> HttpResponse:
        response: HttpResponse = getattr(self.client, method.lower())(path, **how)
        key = f"{len(self.seen):03} {self.name}: {method} {path} {note}".strip()
        self.seen[key] = (response.status_code, masked(_headers_of(response)), masked(body_of(response)))
        return response


def body_of(response: HttpResponse) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return bytes(content).decode(errors="backslashreplace")  # an image is compared by its bytes too


def masked(text: str) -> str:
    for pattern, instead in MASKS.values():
        text = pattern.sub(instead, text)
    return text


def _headers_of(response: HttpResponse) -> str:
    cookies = [cookie.OutputString() for name, cookie in response.cookies.items() if name not in OWN_COOKIES]
    return "\n".join([*(f"{name}: {value}" for name, value in sorted(response.items())), *sorted(cookies)])


def take(people: Mapping[str, User]) -> Seen:
    """Riley reads, saves, hands in; Robin accepts; Rosa reads the mirror image, and gives up."""
    seen: Seen = {}
    riley, rosa, robin = (Reader(people[name], seen) for name in ("riley", "rosa", "robin"))
    _before(riley)
    riley.post("/work/claim")
    assignment = Assignment.objects.get(rater=people["riley"])
    work = f"/work/{assignment.public_id}"
    _read(riley, work, assignment)
    _write(riley, work)
    _review(robin, assignment)
    _read(riley, work, assignment)
    for path in ("/work/", f"/receipts/{Receipt.objects.get().public_id}", f"{work}/"):
        riley.get(path, note="after the decision")
    _second(rosa, people["rosa"])
    return seen


def _before(riley: Reader) -> None:
    for path in ("/", "/work/", "/review/", "/exports/", "/repositories/", "/nowhere"):
        riley.get(path)
    for path in ("/work/00000000-0000-4000-8000-000000000000/", "/work/claim"):
        riley.get(path)


def _read(reader: Reader, below: str, assignment: Assignment) -> None:
    reader.get(f"{below}/")
    for tab in ("transcripts", "tests", "write-up"):
        reader.get(f"{below}/{tab}")
    for place in places(assignment):
        reader.get(f"{below}/{place}")
    for view in looks.VIEWS:
        reader.get(f"{below}/?view={view}&split=1&blank=hide")
    for words in ("return", "RETURN", "nowhere"):
        reader.get(f"{below}/search?q={words}")
    for asked in ("", "?path=sums.py", "?q=sums", "?path=nowhere"):
        reader.get(f"{below}/base/{asked}")
    for on in ("1", "0", "1"):
        reader.post(f"{below}/files/0/read", {"on": on}, htmx=on == "0")
    reader.get(f"{below}/", note="with a file read")


def places(assignment: Assignment) -> Iterator[str]:
    """Each file, gap and image of the pair in each view, and one of each that is not there."""
    pair = assignment.pairs.get()
    page = PairPage.objects.get(left=pair.a_id, right=pair.b_id)
    stored = Fragment.objects.filter(page=page).order_by("view", "file", "gap")
    for view, file, gap in stored.values_list("view", "file", "gap"):
        yield f"files/{file}{f'/gaps/{gap}' if gap else ''}?view={view}"
    pictures = Picture.objects.filter(page=page).order_by("file", "which")
    assert pictures
    for file, which in pictures.values_list("file", "which"):
        yield f"files/{file}/image/{which}"
    yield "files/0/image/base"
    yield "files/99"
    yield "files/0/gaps/99"


def _write(riley: Reader, work: str) -> None:
    riley.post(f"{work}/draft", {"overall": "2", "tab": "one", "sequence": "1"}, htmx=True)
    riley.post(f"{work}/draft", {"overall": "3", "tab": "one", "sequence": "2"})
    riley.post(f"{work}/submit", {"overall": "2"}, note="with nothing said")
    riley.get(f"{work}/", note="refused")
    riley.get("/work/", note="with a draft")
    riley.post(f"{work}/submit", factories.filled())
    riley.post(f"{work}/submit", factories.filled(), note="twice")
    for verb in ("resume", "release", "draft"):
        riley.post(f"{work}/{verb}", note="too late")
        riley.get(f"{work}/{verb}", note="where only POST goes")


def _review(robin: Reader, assignment: Assignment) -> None:
    below = f"/review/{assignment.public_id}"
    robin.get("/review/")
    _read(robin, below, assignment)
    robin.post(f"{below}/decide", {"decision": "reject", "reason": ""}, note="without a reason")
    robin.post(f"{below}/decide", {"decision": "accept", "reason": "Well argued."})
    robin.post(f"{below}/decide", {"decision": "reject", "reason": "I changed my mind."}, note="twice")
    robin.get(f"{below}/", note="decided")
    robin.get("/review/", note="decided")


def _second(rosa: Reader, person: User) -> None:
    rosa.post("/work/claim")
    assignment = Assignment.objects.get(rater=person)
    _read(rosa, f"/work/{assignment.public_id}", assignment)
    assignment.expire()
    rosa.get("/work/", note="expired")
    rosa.get(f"/work/{assignment.public_id}/", note="expired")
    rosa.post(f"/work/{assignment.public_id}/resume")
    rosa.post(f"/work/{assignment.public_id}/release")
    rosa.get("/work/", note="given back")
