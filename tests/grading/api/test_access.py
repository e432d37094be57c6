"""Who gets in, how often, and how the API says no."""

import json
from datetime import timedelta

import pytest

from marlin import tokens
from marlin.models import Role, Scope, Token
from marlin.sources import Seeded, now, using
from tests import factories
from tests.grading.api.conftest import ROOT, Program, problem_of, program_of

NEEDS = {
    "/experiments": None,
    "/experiments/{id}": None,
    "/experiments/{id}/records": Scope.RECORDS_READ,
    "/experiments/{id}/results": Scope.RESULTS_READ,
    "/exports": Scope.EXPORTS_READ,
    "/exports/{id}": Scope.EXPORTS_READ,
    "/exports/{id}/files/manifest.json": Scope.EXPORTS_READ,
}
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("path", NEEDS)
def test_without_a_token_nothing_is_answered(db, path):
    response = Program().get(path.format(id=MISSING))

    assert "Send a token" in problem_of(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer marlin_0", "Bearer\tx", "é"]
)
def test_a_header_that_holds_no_token_is_refused(client, db, header):
    problem_of(client.get(f"{ROOT}/experiments", headers={"Authorization": header}), 401)


def test_a_session_opens_nothing(client, rowan):
    client.force_login(rowan)

    assert "Send a token" in problem_of(client.get(f"{ROOT}/experiments"), 401)
    asked = client.post(f"{ROOT}/exports", "{}", content_type="application/json")
    assert "Send a token" in problem_of(asked, 401)


def test_no_cookie_is_set_and_no_other_origin_let_in(program):
    response = program.get("/experiments")

    assert not response.cookies
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert "Cookie" not in response.get("Vary", "")
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [path for path, scope in NEEDS.items() if scope])
def test_a_token_without_the_scope_is_told_which_it_lacks(rowan, path):
    others = [scope for scope in Scope if scope != NEEDS[path]]

    sentence = problem_of(program_of(rowan, *others).get(path.format(id=MISSING)), 403)

    assert sentence == f"This token lacks the scope {NEEDS[path]}."


def test_asking_for_an_export_needs_its_own_scope(rowan):
    reads = program_of(rowan, *(scope for scope in Scope if scope != Scope.EXPORTS_WRITE))

    assert "exports:write" in problem_of(reads.post("/exports", {}), 403)


@pytest.mark.parametrize("scope", Scope)
def test_the_experiments_are_there_for_any_token(rowan, scope):
    assert program_of(rowan, scope).get("/experiments").status_code == 200


def test_who_loses_the_role_is_out_with_the_next_request(program, rowan):
    assert program.get("/experiments").status_code == 200
    rowan.roles = [Role.RATER, Role.REVIEWER, Role.ADMIN]
    rowan.save()

    assert "for researchers" in problem_of(program.get("/experiments"), 401)


def test_a_revoked_token_is_out_with_the_next_request(program, rowan):
    assert program.get("/experiments").status_code == 200
    tokens.revoke(Token.objects.get(), by=rowan)

    assert "revoked" in problem_of(program.get("/experiments"), 401)


def test_last_use_is_shown(program, rowan):
    program.get("/experiments")

    assert now() - Token.objects.get().last_used_at < timedelta(minutes=2)


def test_too_many_requests_are_told_when_to_come_back(rowan, settings):
    settings.API_RATE = 2
    with using(Seeded("rate")) as world:
        program = program_of(rowan)
        world.advance(timedelta(seconds=50))
        answers = [program.get("/experiments") for _ in range(3)]
        world.advance(timedelta(seconds=10))
        later = program.get("/experiments")

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "2 requests a minute" in problem_of(answers[2], 429)
    assert answers[2]["Retry-After"] == "10"
    assert later.status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/experiments/", "/experiments/x/y/z"])
def test_an_unknown_address_is_a_problem_too(program, path):
    problem_of(program.get(path), 404)


@pytest.mark.parametrize("identity", ["x", "1", MISSING, "%00", "☃"])
def test_what_cannot_be_an_id_is_the_id_of_nothing(program, identity):
    for path in ("/experiments/{}", "/experiments/{}/records", "/exports/{}"):
        problem_of(program.get(path.format(identity)), 404)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_nothing_can_be_changed(program, method):
    response = getattr(program.client, method)(f"{ROOT}/experiments")

    assert "GET" in problem_of(response, 405)
    assert response["Allow"] == "GET"


def test_head_is_get_without_the_body(program):
    response = program.client.head(f"{ROOT}/experiments")

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(program.get("/experiments").content))


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(program, question, names):
    assert problem_of(program.get("/experiments", **question), 422).startswith(f"{names}: ")


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 422), ("{", 400), ("[]", 422), ("{}", 422), ('"\\ud800"', 422), ("x" * 3_000_000, 413)],
)
def test_a_wrong_body_is_told_what_is_wrong(program, body, status):
    response = program.client.post(f"{ROOT}/exports", body, content_type="application/json")

    problem_of(response, status)


def test_a_bug_of_ours_is_a_problem_without_a_trace(program, monkeypatch):
    monkeypatch.setattr("grading.api.experiments.snapshot.exportable", lambda: 1 / 0)
    program.client.raise_request_exception = False

    response = program.get("/experiments")

    assert "Something broke here" in problem_of(response, 500)
    assert b"ZeroDivisionError" not in response.content


def test_the_description_is_there_for_every_tool(client, db):
    described = json.loads(client.get(f"{ROOT}/openapi.json").content)

    assert described["openapi"].startswith("3.1")
    for path, scope in NEEDS.items():
        (operation,) = (
            methods["get"]
            for there, methods in described["paths"].items()
            if there.replace("{public_id}", "{id}").replace("{name}", "manifest.json") == ROOT + path
        )
        assert operation["security"] == [{"Bearer": [scope] if scope else []}]
        assert {"401", "403", "429"} <= set(operation["responses"])


def test_researchers_can_read_it_as_a_page(client, rowan, riley):
    client.force_login(rowan)
    page = client.get(f"{ROOT}/docs")

    assert page.status_code == 200
    for words in ("/api/v1/experiments/{public_id}/records", "records:read", "candidate", "key_axis"):
        assert words in page.content.decode()
    assert b"://" not in page.content.replace(b"http://testserver", b"")  # nothing from elsewhere

    client.force_login(riley)
    assert client.get(f"{ROOT}/docs").status_code == 404


def test_no_program_of_somebody_else_reads_your_exports(program, rowan, riley, bells):
    experiment = factories.make_assignment(riley, state="accepted").task.experiment
    program.post("/exports", {"experiment": str(experiment.public_id), "reason": "For the paper in May."})
    other = program_of(factories.make_person("Rena", Role.RESEARCHER))
    (mine,) = program.all("/exports")

    assert other.all("/exports") == []
    problem_of(other.get(f"/exports/{mine['id']}"), 404)
    problem_of(other.get(f"/exports/{mine['id']}/files/manifest.json"), 404)
