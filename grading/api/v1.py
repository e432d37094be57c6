"""The API and its description: what it offers, to which scope, and how it says no."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from grading.api import experiments, exports, records, results
from grading.api.access import Bearer
from grading.api.problems import PROBLEM, Problem, answer

#: What every operation may answer beside what it is for.
REFUSALS = {
    401: "No token, or one that opens nothing any more.",
    403: "The token lacks the scope.",
    429: "Too many requests this minute; `Retry-After` says how many seconds to wait.",
}
#: And these, by where it takes something that can be wrong.
REFUSALS_OF = {
    "path": {404: "Nothing here, or nothing that is yours."},
    "query": {
        404: "Nothing here, or nothing that is yours; so is the cursor of another list.",
        422: "A value is not one that it can be; the sentence names it.",
    },
    "body": {
        400: "The body is not JSON.",
        413: "The body is too large.",
        422: "A value is not one that it can be; the sentence names it.",
    },
}


class Description(OpenAPISchema):
    """OpenAPI 3.1, with the scope that each operation needs and the problems it may answer with."""

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        super().operation_security(operation)  # describes the scheme
        return [
            {Bearer.__name__: list(auth.scopes)}
            for auth in operation.auth_callbacks
            if isinstance(auth, Bearer)
        ]

    def responses(self, operation: Operation) -> dict[int, dict[str, Any]]:
        refusals = dict(REFUSALS)
        for model in operation.models:
            refusals |= REFUSALS_OF[model.__ninja_param_source__]
        problems = {status: {"description": refusals[status], "content": PROBLEM} for status in refusals}
        return super().responses(operation) | dict(sorted(problems.items()))

    def get_components(self) -> dict[str, Any]:
        self.add_schema_definitions({"Problem": Problem.model_json_schema()})
        return super().get_components()


class Api(NinjaAPI):
    """Ninja's, which describes itself as above and says no in problems."""

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return answer(request, exc)

    def get_openapi_schema(self, **how: Any) -> OpenAPISchema:
        return self._described

    @cached_property
    def _described(self) -> OpenAPISchema:
        """Made at the first question: it is the same for everybody."""
        return Description(self, self.get_root_path({}))


api = Api(
    title="Marlin",
    version="1",
    description="Experiments, masked records, results and exports, for programs of researchers.",
    docs_url=None,  # ninja's own page loads scripts from elsewhere; `docs` has ours
    urls_namespace="grading:api",
)
for module in (experiments, records, results, exports):
    api.add_router("", module.router)
