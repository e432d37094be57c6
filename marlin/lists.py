"""Lists whose words, choices, order and page stand in the address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

#: Rows of one page.
PAGE = 50
MOST_WORDS = 200


@dataclass(frozen=True)
class Column:
    """One that a click sorts by: its heading, its word in the address, and what the database sorts by."""

    heading: str
    key: str
    field: str
    is_number: bool = False


@dataclass(frozen=True)
class Choice:
    """A select that narrows: its label, its word in the address, and what may be chosen.

    Rows are kept whose `field` equals the choice; without one the view sees to it.
    """

    label: str
    key: str
    options: Sequence[tuple[str, str]]
    field: str = ""
    anything: str = ""  # how it is called when nothing is chosen

    @classmethod
    def of_words(
        cls, label: str, key: str, words: Iterable[str], field: str = "", anything: str = ""
    ) -> Choice:
        """Of words that are shown as they are stored."""
        return cls(label, key, [(word, word) for word in words], field, anything)

    @property
    def usual(self) -> str:
        return self.anything or f"Any {self.label.lower()}"


class Heading(NamedTuple):
    """As _components/sortable.html draws it; `key` is what the next click sorts by."""

    heading: str
    key: str
    order: str
    number: bool


class Asked:
    """What the address asks a list for."""

    def __init__(self, request: HttpRequest, *choices: Choice) -> None:
        self.words = words_of(request)
        self.choices = choices
        self.sort = request.GET.get("sort", "")
        self.page = request.GET.get("page", "")
        self._chosen = {choice.key: _one_of(choice, request.GET.get(choice.key, "")) for choice in choices}

    def __getitem__(self, key: str) -> str:
        """What is chosen; an empty word for anything."""
        return self._chosen[key]

    def listed(
        self, rows: QuerySet[Any], columns: Sequence[Column], *, usual: str, most: int = PAGE
    ) -> dict[str, Any]:
        """One page of the rows, narrowed, in the order asked for or else the `usual` one; with its headings."""
        equal = {
            choice.field: self[choice.key] for choice in self.choices if choice.field and self[choice.key]
        }
        orders = {column.key: column.field for column in columns}
        orders |= {f"-{column.key}": f"-{column.field}" for column in columns}
        sort = self.sort if self.sort in orders else usual
        rows = rows.filter(**equal).order_by(orders[sort], "-pk" if sort.startswith("-") else "pk")
        return {
            "page": _page(rows, self.page, most),
            "columns": [_heading(column, sort) for column in columns],
            #: Kept by the form that narrows; the usual order needs no word.
            "sort": "" if sort == usual else sort,
            "query": self.words,
            "choices": [(choice, self[choice.key]) for choice in self.choices],
            "is_narrowed": bool(self.words or any(self._chosen.values())),
        }


def words_of(request: HttpRequest) -> str:
    """What somebody looks for. No database takes a zero byte."""
    return request.GET.get("q", "").replace("\0", "").strip()[:MOST_WORDS]


def _one_of(choice: Choice, word: str) -> str:
    return word if word in dict(choice.options) else ""


def _page(rows: QuerySet[Any], number: str, most: int) -> Page[Any]:
    """Keys alone are sorted: texts and joined rows are read for one page only."""
    page = Paginator(rows.values_list("pk", flat=True), most).get_page(number)
    keys = list(page.object_list)
    found = rows.order_by().in_bulk(keys)
    page.object_list = [found[key] for key in keys if key in found]  # one may have gone in between
    return page


def _heading(column: Column, sort: str) -> Heading:
    order = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "none")
    following = f"-{column.key}" if order == "ascending" else column.key
    return Heading(column.heading, following, order, column.is_number)
