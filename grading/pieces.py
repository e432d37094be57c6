"""The short way to one stored piece of a pair: two small queries, and bytes that are sent as they lie there."""

from __future__ import annotations

import gzip
import re
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from grading.models import BlindPair, Fragment, PageWords, PairPage, Picture
from grading.spots import Spot

_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?=,|$)")
_MOST_FILES = 1_000_000


def at(pairs: QuerySet[BlindPair], spot: Spot) -> QuerySet[BlindPair]:
    """Those of the turn that the address names, if it names one."""
    return pairs if spot.turn is None else pairs.filter(turn__number=spot.turn)


def newest_of(pairs: QuerySet[BlindPair]) -> BlindPair:
    """The newest of these pairs. Raises Http404."""
    newest = pairs.order_by("-turn__number", "-attempt").first()
    if newest is None:
        raise Http404
    return newest


def pages_of(pair: BlindPair, version: int | None = None) -> QuerySet[PairPage]:
    """The newest rendering first: one of before a change of the engine serves until it is rendered again.

    A page that was opened before asks for its own version, whose gaps are numbered as it knows them.
    """
    pages = PairPage.objects.filter(left=pair.a_id, right=pair.b_id)
    if version is None:
        return pages.order_by("-version")
    asked = Case(When(version=version, then=Value(0)), default=Value(1), output_field=IntegerField())
    return pages.order_by(asked, "-version")


def fragment_of(pair: BlindPair, view: str, file: int, gap: int, *, version: int | None = None) -> bytes:
    """The compressed rows of one file or gap. Raises Http404."""
    bodies = Fragment.objects.filter(
        page=pages_of(pair, version).values("pk")[:1], view=view, file=file, gap=gap
    )
    return bytes(_only(bodies.values_list("body", flat=True)))


def picture_of(pair: BlindPair, file: int, which: str) -> tuple[str, bytes]:
    """Content type and bytes of an image. Raises Http404."""
    pictures = Picture.objects.filter(page=pages_of(pair).values("pk")[:1], file=file, which=which)
    kind, body = _only(pictures.values_list("kind", "body"))
    return kind, bytes(body)


def path_of(pair: BlindPair, file: int) -> str:
    """The path of a file of the list, without fetching the list. Raises Http404."""
    if file >= _MOST_FILES:
        raise Http404
    return str(_only(pages_of(pair).values_list(f"index__files__{file}__path", flat=True)[:1]))


def words_of(pair: BlindPair) -> PageWords | None:
    """What the search looks through; None for a rendering that has none yet."""
    return PageWords.objects.filter(page=pages_of(pair).values("pk")[:1]).first()


def _only(values: QuerySet[Any, Any]) -> Any:
    value = next(iter(values), None)
    if value is None:
        raise Http404
    return value


def compressed(request: HttpRequest, body: bytes) -> HttpResponse:
    """Rows as they are stored; unpacked only for a client that cannot."""
    accepted = _GZIP.search(request.headers.get("Accept-Encoding", "")) is not None
    response = HttpResponse(body if accepted else gzip.decompress(body))
    if accepted:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def picture(kind: str, body: bytes) -> HttpResponse:
    """An image from a stranger's patch: whatever it is, it runs nothing and loads nothing."""
    response = HttpResponse(body, content_type=kind)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
