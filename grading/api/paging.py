"""Lists in pages: the cursor is the id of the last item of the page before, so what is added moves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404
from ninja import Path, Schema
from pydantic import Field

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")
MOST = 200
#: Of one thing, in an address.
PublicId = Annotated[UUID, Path(description="Its `id`.")]


class Paging(Schema):
    """What every list takes."""

    limit: int = Field(50, ge=1, le=MOST, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before; left out for the first page.")


class Page(Schema, Generic[Item]):
    """Some of a list."""

    items: list[Item]
    next: UUID | None = Field(description="The cursor of the next page, or null when this one is the last.")


def newest_first(
    rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Item]
) -> tuple[list[Item], UUID | None]:
    """Raises Http404 when the cursor is of nothing in this list."""
    if paging.cursor:
        last = rows.filter(public_id=paging.cursor).values_list("pk", flat=True).first()
        if last is None:
            raise Http404
        rows = rows.filter(pk__lt=last)
    return _page(rows.order_by("-pk"), paging, show)


def by_public_id(
    rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Item]
) -> tuple[list[Item], UUID | None]:
    """In an order that says nothing, which is that of exports."""
    if paging.cursor:
        rows = rows.filter(public_id__gt=paging.cursor)
    return _page(rows.order_by("public_id"), paging, show)


def _page(rows: QuerySet[Row], paging: Paging, show: Callable[[Row], Item]) -> tuple[list[Item], UUID | None]:
    found = list(rows[: paging.limit + 1])  # one more tells whether there are more
    shown = found[: paging.limit]
    following = shown[-1].public_id if len(found) > len(shown) else None  # type: ignore[attr-defined]
    return [show(row) for row in shown], following
