"""Lists whose words, order and page stand in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.paginator import Paginator
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


class Heading(NamedTuple):
    """As _components/sortable.html draws it; `key` is what the next click sorts by."""

    heading: str
    key: str
    order: str
    number: bool


def words_of(request: HttpRequest) -> str:
    """What somebody looks for. No database takes a zero byte."""
    return request.GET.get("q", "").replace("\0", "").strip()[:MOST_WORDS]


def listed(
    request: HttpRequest, rows: QuerySet[Any], columns: Sequence[Column], *, usual: str, most: int = PAGE
) -> dict[str, Any]:
    """One page of the rows in the order that is asked for, else in the `usual` one; with the headings."""
    orders = {column.key: column.field for column in columns}
    orders |= {f"-{column.key}": f"-{column.field}" for column in columns}
    asked = request.GET.get("sort", "")
    sort = asked if asked in orders else usual
    rows = rows.order_by(orders[sort], "-pk" if sort.startswith("-") else "pk")
    return {
        "page": Paginator(rows, most).get_page(request.GET.get("page")),
        #: Kept by the form that narrows; the usual order needs no word.
        "sort": "" if sort == usual else sort,
        "columns": [_heading(column, sort) for column in columns],
    }


def _heading(column: Column, sort: str) -> Heading:
    order = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "none")
    following = f"-{column.key}" if order == "ascending" else column.key
    return Heading(column.heading, following, order, column.is_number)
