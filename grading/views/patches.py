"""What the rater's and the reviewer's pages about patches answer alike: parts, marks, search, images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from grading import browsing, looks, marks, pieces, search
from grading.models import BlindPair
from grading.reading import Reading
from marlin.roles import PersonRequest


def fragment(request: HttpRequest, pairs: QuerySet[BlindPair], file: int, gap: int = 0) -> HttpResponse:
    """The rows of one file or of one gap, as they are stored."""
    view = looks.stored_asked(request)
    version = request.GET.get("v", "")
    body = pieces.fragment_of(
        pieces.newest_of(pairs), view, file, gap, version=int(version) if version.isdecimal() else None
    )
    return pieces.compressed(request, body)


def alone(request: HttpRequest, reading: Reading, file: int) -> HttpResponse:
    """One file alone on a page, with nothing folded away."""
    html = reading.whole_file(file, looks.look_of(request))
    return render(request, "grading/compare/file.html", reading.context("patches") | {"html": html})


def mark(request: PersonRequest, pairs: QuerySet[BlindPair], file: int, back: str) -> HttpResponse:
    """Read, or not read after all. Without script it leads back to the file."""
    pair = pieces.newest_of(pairs)
    marks.mark(request.user, pair, pieces.path_of(pair, file), read=request.POST.get("on") == "1")
    if request.htmx:
        return HttpResponse(status=204)
    return redirect(f"{back}#file-{file}")


def picture(pairs: QuerySet[BlindPair], file: int, which: str) -> HttpResponse:
    kind, body = pieces.picture_of(pieces.newest_of(pairs), file, which)
    return pieces.picture(kind, body)


def found(request: PersonRequest, pairs: QuerySet[BlindPair], reading: Reading | None) -> HttpResponse:
    """The lines that hold the words of `q`; with a reading, on a page of their own."""
    pair = pieces.newest_of(pairs)
    page = pieces.pages_of(pair).first()
    if page is None:
        raise Http404
    paths = [entry["path"] for entry in page.index["files"]]
    result = search.search(pieces.words_of(pair), request.GET.get("q", ""), paths)
    if reading is None:
        return render(request, "grading/compare/_found.html", {"found": result})
    return render(request, "grading/compare/search.html", reading.context("patches") | {"found": result})


def browsed(
    request: PersonRequest, pairs: QuerySet[BlindPair], reading: Reading | None, panel: Mapping[str, Any]
) -> HttpResponse:
    """A folder or a file of the repository as it was before either patch; the rating stays beside it."""
    pair = pieces.newest_of(pairs.select_related("turn__task__scenario__repository"))
    scenario = pair.turn.task.scenario
    place = browsing.look(
        scenario.repository,
        pair.turn.base_commit,
        path=request.GET.get("path", ""),
        query=request.GET.get("q", ""),
    )
    context = {"place": place, "here": request.path, "again": request.get_full_path()}
    if reading is None:
        return render(request, "grading/compare/_browsed.html", context)
    return render(request, "grading/compare/browse.html", {**reading.context("base"), **panel, **context})
