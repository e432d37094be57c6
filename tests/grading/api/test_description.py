"""The API does as its description says: Schemathesis asks what can be asked, and much that cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.test.client import ClientHandler
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from grading import jobs
from grading.models import Export
from grading.results import asking
from tests import factories
from tests.conftest import as_role
from tests.grading.api.conftest import ROOT, program_of

handle = ClientHandler()


def web(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """As gunicorn would call it, under the login of web processes and inside the test's transaction."""
    with as_role("web"):
        response = handle(environ)
        body = b"".join(response)
    start(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return [body]


@pytest.fixture(scope="module")
def described(standing: None) -> Any:
    return schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", web)


def try_all(
    described: Any,
    mode: GenerationMode,
    examples: int,
    token: str = "",
    ids: dict[str, dict[str, str]] | None = None,
) -> set[int]:
    """Ask for each operation so often; the statuses that were seen. The same questions in each run."""
    headers = {"Authorization": token} if token else {}
    seen: set[int] = set()
    for found in described.get_all_operations():
        operation = found.ok()
        takes = [*operation.iter_parameters(), *operation.body]
        if mode is GenerationMode.NEGATIVE and not takes:
            continue  # nothing of it can be wrong
        places = (ids or {}).get(operation.definition.raw["operationId"], {})
        is_free = bool(operation.body) or any(each.name not in places for each in operation.iter_parameters())
        cases = operation.as_strategy(mode, **({"path_parameters": places} if places else {}))

        @settings(
            max_examples=examples if is_free else 1,  # else each of them is the same
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case: Any) -> None:
            # A good question for an export of an experiment that is not there is rightly refused.
            without = [positive_data_acceptance] if case.method == "POST" else []
            seen.add(case.call_and_validate(headers=headers, excluded_checks=without).status_code)

        ask()
    return seen


@pytest.fixture
def token(rowan):
    return program_of(rowan).client.defaults["HTTP_AUTHORIZATION"]


def test_what_can_be_asked_is_answered_as_described(described, token, rowan, riley, bells):
    experiment = factories.make_assignment(riley, state="accepted").task.experiment
    body = {"experiment": str(experiment.public_id), "reason": "To try them all."}
    export = {"public_id": program_of(rowan).post("/exports", body).json()["id"]}
    jobs.write_export(Export.objects.get().pk)
    jobs.compute_result(asking.ask(experiment).pk)
    ids = {
        "get_experiment": {"public_id": str(experiment.public_id)},
        "list_records": {"public_id": str(experiment.public_id)},
        "get_results": {"public_id": str(experiment.public_id)},
        "get_export": export,
        "get_export_file": {**export, "name": "manifest.json"},
    }

    seen = try_all(described, GenerationMode.POSITIVE, 6, token, ids)

    assert 200 in seen
    assert seen <= {200, 404, 422}  # a random cursor, a random experiment


def test_what_cannot_be_asked_is_refused_as_described(described, db, token):
    seen = try_all(described, GenerationMode.NEGATIVE, 6, token)

    assert 422 in seen


def test_without_a_token_everything_is_refused(described, db):
    assert try_all(described, GenerationMode.POSITIVE, 2) == {401}
