"""Every address, asked by everybody: who may, what it says of itself, and that it names no agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from tests import factories
from tests.blindness import crawl, routes
from tests.blindness.conftest import OpenWorld
from tests.blindness.crawl import Answer, CanaryWorld
from tests.blindness.tour import masked
from tests.conftest import WebClient
from tests.factories import PASSWORD

#: What a page about a pair must not hold: how long, when, how much.
TELLING = {
    "a duration": re.compile(r"\d(?:[.,]\d+)?\s?(?:ms|s|secs?|seconds?|minutes?)\b"),
    "a moment": re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"),
    "tokens": re.compile(r"\btokens?\b|4711", re.IGNORECASE),
    "money": re.compile(r"[$€£]\s?\d"),
}


@pytest.fixture(scope="module")
def world(empty_world: OpenWorld) -> Iterator[CanaryWorld]:
    with empty_world("canaries") as directory:
        yield crawl.build(directory)


@pytest.fixture(scope="module")
def answers(world: CanaryWorld) -> list[Answer]:
    return list(crawl.answers(world))


def test_every_address_is_in_the_table() -> None:
    assert sorted(routes.names()) == sorted([*routes.ROUTES, *routes.DOORS])


def test_the_table_leads_to_the_addresses_it_names(world: CanaryWorld) -> None:
    for name, route in routes.ROUTES.items():
        arguments: list[Any] = [world.ids[route.of]] if route.of else []
        arguments += [int(part) for part in route.path.split("/") if part.isdigit()]
        arguments += ["preferences.jsonl"] if route.path.endswith(".jsonl") else []
        arguments += ["a"] if route.path.endswith("/image/a") else []
        arguments += ["heat"] if route.path.endswith("/heat.csv") else []
        assert reverse(name, args=arguments) == route.path.format(id=world.ids.get(route.of, ""))


def test_everybody_gets_the_status_of_the_table(answers: list[Answer]) -> None:
    wrong = [
        f"{answer}: {answer.status}, not {answer.expected}"
        for answer in answers
        if answer.status != answer.expected
    ]

    assert not wrong


def test_what_is_not_yours_is_what_does_not_exist(answers: list[Answer]) -> None:
    asked = {(answer.route, answer.person, answer.method, answer.whose): answer for answer in answers}
    compared = 0
    for (route, person, method, whose), answer in asked.items():
        if whose != "existing" or answer.status != 404:
            continue
        missing = asked[route, person, method, "missing"]
        assert masked(answer.body) == masked(missing.body), str(answer)
        compared += 1

    assert compared > 100


#: Rowan has asked for an export, and so un-blinded: these show names to Rowan, and to nobody else.
NAMING = (
    "grading:result",
    "grading:result_state",
    "grading:result_chart",
    "grading:result_records",
    "grading:result_record",
)


#: An admin keeps and chooses among all versions there: which of them an experiment compares, these do not tell.
CHOOSING = (
    "grading:new_experiment",
    "tasks:agents",
    "tasks:write_agent",
    "tasks:agent",
    "tasks:check_agent",
)


def test_no_answer_names_an_agent(world: CanaryWorld, answers: list[Answer]) -> None:
    for answer in answers:
        if answer.person == "rowan" and answer.route in NAMING:
            continue
        if answer.person == "ada" and answer.route in CHOOSING:
            continue
        for canary in world.canaries:
            assert canary not in answer.text, f"{canary} in {answer}"
    # The agents did say who they are, on both tasks, and one of them when it failed.
    said = [
        answer.body for answer in answers if answer.route.endswith("transcripts") and answer.status == 200
    ]
    assert [body.count("I am [name], that is [name] of [name].") > 0 for body in said] == [True, True]
    assert any("It stopped with an error." in body for body in said)


def test_results_name_them_to_who_has_un_blinded_alone(answers: list[Answer]) -> None:
    shown = {
        answer.person: "CANARY" in answer.text
        for answer in answers
        if answer.route == "grading:result" and answer.status == 200
    }

    assert shown == {"rowan": True, "rhea": False}


def test_only_the_researchers_download_names_them(world: CanaryWorld) -> None:
    client = WebClient()
    client.force_login(world.people["rowan"])
    path = f"/exports/{world.ids['export']}/preferences.jsonl"
    client.post("/account/reauthenticate/", {"password": PASSWORD})

    _, record = crawl.rolled_back(lambda: client.get(path))

    assert "CANARY" in record


def test_of_the_api_only_files_of_an_export_name_them(world: CanaryWorld) -> None:
    client = WebClient(headers={"Authorization": f"Bearer {world.secret}"})
    found = {}
    for name, route in routes.ROUTES.items():
        if name.startswith("grading:api:") and route.get == routes.UNAUTHORIZED:
            path = route.path.format(id=world.ids.get(route.of, ""))
            found[name] = crawl.rolled_back(lambda path=path: client.get(path))  # type: ignore[misc]
    file = found.pop("grading:api:export_file")

    assert "CANARY" in file[1]
    assert factories.JUSTIFICATION in found["grading:api:records"][1]
    for name, (response, body) in found.items():
        assert response.status_code == 200, name
        assert not [canary for canary in world.canaries if canary in f"{response.headers}{body}"], name


def test_no_error_page_names_an_agent(world: CanaryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = WebClient(enforce_csrf_checks=True, raise_request_exception=False)
    strict.force_login(world.people["riley"])
    work = f"/work/{world.ids['assignment']}"
    refused = [
        strict.post(f"{work}/submit"),
        strict.get("/work/", headers={"Host": "elsewhere.example"}),
        strict.get(f"{work}/files/999999999999999999999"),
        strict.get(f"{work}/\N{SNOWMAN}"),
    ]
    monkeypatch.setattr("grading.queue.overview", _names_everybody)
    refused.append(strict.get("/work/"))

    assert [response.status_code for response in refused] == [403, 400, 404, 404, 500]
    for response in refused:
        assert not [canary for canary in world.canaries if canary in response.content.decode()]


def _names_everybody(rater: object) -> None:
    raise RuntimeError("CANARY-of-a-bug")


def test_no_page_about_a_pair_tells_how_long_or_when_or_how_much(
    world: CanaryWorld, answers: list[Answer]
) -> None:
    names = ("compare", "transcripts", "tests", "write_up", "file", "gap", "search", "base")
    pages = [f"grading:{name}" for name in names] + [f"grading:review_{name}" for name in names[1:]]
    looked_at = 0
    for answer in answers:
        if answer.route not in pages or answer.status != 200:
            continue
        text = re.sub(r"<time.*?</time>|<[^>]*>", " ", masked(answer.body))
        for what, pattern in TELLING.items():
            found = pattern.search(text)
            assert not found, f"{what}, “{found and found[0]}”, in {answer}"
        looked_at += 1

    assert looked_at == 15
    tests = next(answer for answer in answers if answer.route == "grading:tests" and answer.status == 200)
    assert "INFO started" in tests.body  # the log is there, without its times


def test_every_answer_is_for_this_reader_alone(answers: list[Answer]) -> None:
    for answer in answers:
        headers = answer.headers
        assert headers["Cache-Control"] == "no-store", str(answer)
        assert not {"ETag", "Last-Modified", "Expires"} & set(headers), str(answer)
        assert headers["X-Content-Type-Options"] == "nosniff", str(answer)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, str(answer)
        assert "unsafe-" not in policy, str(answer)
