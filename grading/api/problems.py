"""Errors as RFC 9457 problem details: a status, and one sentence that says what is wrong."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from grading.checks import Refused
from marlin.tokens import Invalid, TooMany

MEDIA_TYPE = "application/problem+json"
#: As the description tells of it.
PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
log = logging.getLogger(__name__)


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type: str = Field("about:blank", description="Always `about:blank`: the status says which problem it is.")
    title: str = Field(description="The words of the status.")
    status: int = Field(description="The status once more.")
    detail: str = Field(description="One sentence for people.")


class NotAllowed(Exception):
    """The token is good, but not for this; the sentence says what it lacks."""


def problem(status: int, sentence: str, **headers: str) -> HttpResponse:
    body = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=sentence)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JsonResponse(body.model_dump(), status=status, content_type=MEDIA_TYPE, headers=names)


def answer(request: HttpRequest, why: Exception) -> HttpResponse:
    """What a view of this API raised, as a problem."""
    match why:
        case Invalid():
            return problem(401, str(why), WWW_Authenticate="Bearer")
        case NotAllowed():
            return problem(403, str(why))
        case Http404():
            return _not_found()
        case Refused():
            return problem(422, str(why))
        case ValidationError():
            return _malformed(why)
        case TooMany():
            return problem(429, str(why), Retry_After=str(why.wait))
        case HttpError(status_code=400):
            return problem(400, "The body is not JSON.")  # ninja's own, and the only one it raises here
        case RequestDataTooBig():
            return problem(413, "The body is larger than anything this API takes.")
        case SuspiciousOperation():
            return problem(400, "The request is malformed.")
    # As Django would: noted, and told to whoever listens for errors.
    log.error("%s %s", request.method, request.path, exc_info=why)
    got_request_exception.send(sender=None, request=request)
    return problem(500, "Something broke here. It is written down; trying again later may help.")


def _not_found() -> HttpResponse:
    return problem(404, "There is nothing here, or nothing that is yours.")


def _malformed(why: ValidationError) -> HttpResponse:
    """About the first thing that is wrong. What cannot be an id is the id of nothing."""
    first = why.errors[0]
    if first["loc"][0] == "path":
        return _not_found()
    return problem(422, f"{first['loc'][-1]}: {first['msg']}.")
