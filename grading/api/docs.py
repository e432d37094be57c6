"""The page that describes the API, drawn from its own description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from grading.api.v1 import api
from marlin.models import Role
from marlin.roles import PersonRequest, role_required

Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One thing that is sent or comes back. `depth` is how far inside another one it stands."""

    name: str
    kind: str
    about: SafeString
    depth: int = 0


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked."""

    name: str
    method: str
    path: str
    title: str
    about: list[SafeString]
    scope: str
    takes: list[Field]
    gives: list[Field]
    answers: list[tuple[str, SafeString]]


@role_required(Role.RESEARCHER)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    context = {
        "operations": operations_of(api.get_openapi_schema()),
        "rate": settings.API_RATE,
        "server": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "grading/api.html", context)


def operations_of(described: Schema) -> list[Operation]:
    schemas = described["components"]["schemas"]
    return [
        _operation(path, method, operation, schemas)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(path: str, method: str, operation: Schema, schemas: Schema) -> Operation:
    answers = operation["responses"]
    good = next(answer for status, answer in answers.items() if status < 300)
    takes = [
        Field(parameter["name"], _kind(parameter["schema"]), _marked(parameter.get("description", "")))
        for parameter in operation["parameters"]
    ]
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation["operationId"].replace("_", " ").capitalize(),
        about=[_marked(" ".join(part.split())) for part in operation["description"].split("\n\n")],
        scope=" or ".join(next(iter(operation["security"][0].values()))),
        takes=takes + list(_fields(_content(operation.get("requestBody", {})), schemas)),
        gives=list(_fields(_content(good), schemas)),
        answers=[(str(status), _marked(answer["description"])) for status, answer in answers.items()],
    )


def _content(place: Schema) -> Schema:
    for content in place.get("content", {}).values():
        schema: Schema = content["schema"]
        return schema
    return {}


def _fields(schema: Schema, schemas: Schema, depth: int = 0) -> Iterator[Field]:
    """Its properties, each followed by its own."""
    for name, inner in _resolved(schema, schemas).get("properties", {}).items():
        yield Field(name, _kind(_resolved(inner, schemas)), _marked(inner.get("description", "")), depth)
        yield from _fields(inner.get("items", inner), schemas, depth + 1)


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    reference = schema.get("$ref", "")
    found: Schema = schemas[reference.rsplit("/", 1)[-1]] if reference else schema
    return found


def _marked(text: str) -> SafeString:
    """What stands between backticks is code, as in any docstring."""
    parts = text.split("`")
    pieces = zip(parts[::2], [*parts[1::2], ""], strict=True)
    return format_html_join("", "{}{}", ((plain, _code(code)) for plain, code in pieces))


def _code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text) if text else SafeString("")


def _kind(schema: Schema) -> str:
    """In a word or two."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    kind = str(schema.get("type", "object"))
    return {"uuid": "id", "date-time": "time"}.get(schema.get("format", ""), kind)
