"""What holds for every page: who may open it, what it says about itself, and how its address is found."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from marlin.models import Role
from marlin.roles import PLACES, places_of
from tests import factories

ROUTES = [place.route for place in PLACES]


@pytest.mark.parametrize("role", Role, ids=str)
def test_the_front_door_leads_everybody_to_their_work(client, db, role):
    client.force_login(factories.make_person("Quinn", role))

    first = next(place for place in PLACES if role in place.roles)
    assert client.get("/").url == reverse(first.route)


def test_somebody_without_a_role_is_told_so(client, db):
    client.force_login(factories.make_person("Quinn"))

    page = client.get("/")

    assert page.status_code == 200
    assert not page.context["places"]


@pytest.mark.parametrize("route", ["home", *ROUTES])
def test_who_is_not_signed_in_is_sent_to_the_door(client, db, route):
    answer = client.get(reverse(route))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_a_page_exists_for_its_role(client, db, place):
    client.force_login(factories.make_person("Quinn", *place.roles))

    page = client.get(reverse(place.route))

    assert page.status_code == 200
    assert f'href="{reverse(place.route)}"'.encode() in page.content


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_for_every_other_role_the_page_does_not_exist(client, db, place):
    others = [role for role in Role if role not in place.roles]
    client.force_login(factories.make_person("Quinn", *others))

    assert client.get(reverse(place.route)).status_code == 404


def test_the_navigation_shows_what_a_person_may_open(db):
    both = factories.make_person("Quinn", Role.RATER, Role.REVIEWER)

    assert [place.label for place in places_of(both)] == ["Work", "Scenarios", "Review", "Approval"]


def test_the_pulse_is_ok_while_the_database_answers(client, db):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok")


def test_the_pulse_asks_the_database_once(client, db):
    with CaptureQueriesContext(connection) as queries:
        client.get("/healthz")

    assert [query["sql"] for query in queries if query["sql"] == "SELECT 1"] == ["SELECT 1"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/account/login/", "/work/", "/no/such/page"])
def test_no_answer_is_ever_stored_or_tagged(client, riley, path):
    client.force_login(riley)

    answer = client.get(path)

    assert answer["Cache-Control"] == "no-store"
    for header in ("ETag", "Last-Modified", "Expires"):
        assert header not in answer


@pytest.mark.parametrize("path", ["/", "/healthz", "/account/login/", "/work/", "/no/such/page"])
def test_every_answer_has_a_strict_policy(client, db, path):
    policy = client.get(path)["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http:" not in policy


@pytest.mark.parametrize("path", ["/account/login/", "/no/such/page"])
def test_pages_carry_no_script_or_style_of_their_own(client, db, path):
    content = client.get(path).content.decode()

    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", content)
    assert "<style" not in content
    assert not re.findall(r"\s(?:style|on\w+)=\"", content)


def test_a_post_without_a_token_is_refused_on_a_page_of_ours(riley):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(riley)

    answer = strict.post("/account/logout/")

    assert answer.status_code == 403
    assert b"<!doctype html>" in answer.content.lower()


def test_what_does_not_exist_is_said_on_a_page_of_ours(client, db):
    page = client.get("/no/such/page")

    assert page.status_code == 404
    assert b"Marlin" in page.content


def test_the_pulse_rejects_post(client, db):
    assert client.post("/healthz").status_code == 405
