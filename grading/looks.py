"""How a reader wants the patches drawn: by the address, by what they chose before, or by what fits the pair."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from grading.models import View

#: Name in addresses -> label on the page and the key that chooses it.
VIEWS = {
    "pair": ("A | B", "1"),
    "three": ("Base | A | B", "2"),
    "direct": ("A against B", "3"),
    "a": ("A alone", "4"),
    "b": ("B alone", "5"),
}
#: Name in addresses -> the cookie by which a choice is kept, and its values.
CHOICES = {
    "view": ("compare_view", tuple(VIEWS)),
    "split": ("compare_split", ("0", "1")),
    "blank": ("compare_blank", ("show", "hide")),
    "notebook": ("compare_notebook", ("cells", "file")),
}
_YEAR = 365 * 24 * 3600
#: Where so much of what changed is alike in both, what differs is the better start.
MOSTLY_ALIKE = 0.5


@dataclass(frozen=True)
class Look:
    """`view` is one of VIEWS; split and unified differ where one side stands alone.

    `reads_cells`: a notebook is shown as its cells where these are drawn, beside each other, and not as its JSON.
    """

    view: str
    split: bool = False
    hides_blank: bool = False
    reads_cells: bool = True

    @property
    def stored(self) -> View:
        """The stored view that is shown; a side alone is a class of the page."""
        if self.view in ("a", "b"):
            return View.THREE if self.split else View.PAIR
        return View(self.view)

    def stored_of(self, drawn: Container[str]) -> View:
        """The stored view of a file that is drawn in these."""
        shows_cells = self.reads_cells and self.stored == View.PAIR and View.CELLS in drawn
        return View.CELLS if shows_cells else self.stored


def look_of(request: HttpRequest, start: str = View.PAIR) -> Look:
    """The address wins over the choice of before, and that over the start that fits the pair."""
    chosen = {name: _chosen(request, name) for name in CHOICES}
    return Look(
        chosen["view"] or start,
        split=chosen["split"] == "1",
        hides_blank=chosen["blank"] == "hide",
        reads_cells=chosen["notebook"] != "file",
    )


def stored_asked(request: HttpRequest) -> View:
    """The stored view that the address of a fragment names, else the one that is looked at."""
    asked = request.GET.get("view", "")
    return View(asked) if asked in View.values else look_of(request).stored


def _chosen(request: HttpRequest, name: str) -> str:
    cookie, values = CHOICES[name]
    for value in (request.GET.get(name), request.COOKIES.get(cookie)):
        if value in values:
            return str(value)
    return ""


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Keep what the address asked for. The page's script writes the same cookies, so they are open to it."""
    for name, (cookie, values) in CHOICES.items():
        if (value := request.GET.get(name)) in values:
            response.set_cookie(cookie, str(value), max_age=_YEAR, secure=request.is_secure(), samesite="Lax")
    return response


def start_of(index: Mapping[str, Any]) -> str:
    """A against B when at least half of all changed lines are alike in both, else each against the base."""
    graded = [entry for entry in index["files"] if entry.get("group") != "apart"]
    changed = sum(entry.get("changed", 0) for entry in graded)
    alike = sum(entry.get("changed", 0) * entry.get("alike", 0) for entry in graded)
    return View.DIRECT if changed and alike / changed >= MOSTLY_ALIKE else View.PAIR
