"""The addresses of the API, below /api/v1/."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from grading.api import docs
from grading.api.problems import problem
from grading.api.v1 import api

View = Callable[..., HttpResponseBase]


def plain(view: View) -> View:
    """Says no as a problem, and answers HEAD as GET without the body."""

    @csrf_exempt  # no cookie is looked at
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "HEAD":
            request.method = "GET"
            return _without_body(answer(request, *args, **kwargs))
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return unknown(request)
        if response.status_code == 405:
            return problem(405, f"Here one may {response['Allow']}.", Allow=response["Allow"])
        if response.status_code == 416:
            return problem(416, "The file ends before these bytes.", Content_Range=response["Content-Range"])
        return response

    return answer


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        length = len(response.content)
        response.content = b""
        response["Content-Length"] = str(length)
    return response


def unknown(request: HttpRequest) -> HttpResponse:
    return problem(404, "There is no such address in this API.")


def _addresses() -> list[URLPattern]:
    found, _, _ = api.urls
    plainly = [
        path(str(each.pattern), plain(each.callback), name=each.name or "")
        for each in found
        if isinstance(each, URLPattern)
    ]
    return [path("docs", docs.page, name="docs"), *plainly, re_path("", plain(unknown), name="unknown")]


urlpatterns = _addresses()
app_name = "api"
