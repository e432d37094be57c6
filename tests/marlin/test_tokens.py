"""Tokens of the API: how they are made, found, counted and taken back, and the pages for it."""

from datetime import timedelta

import pytest
from django.db import connection

from marlin import tokens
from marlin.forms import TokenForm
from marlin.models import Event, Role, Scope, Token
from marlin.sources import Seeded, now, using
from tests import factories
from tests.grading.conftest import words_of

CONFIRM = "/account/reauthenticate/"
FORM = {"name": "nightly report", "scopes": ["records:read", "exports:read"], "days": "30"}


def make_token(person, name="nightly report", scopes=(Scope.RECORDS_READ,), days=30):
    return tokens.create(person, name=name, scopes=list(scopes), days=days)


@pytest.fixture
def signed_in(client, rowan):
    client.force_login(rowan)
    return client


@pytest.fixture
def confirmed(signed_in):
    signed_in.post(CONFIRM, {"password": factories.PASSWORD, "next": "/account/tokens/"})
    return signed_in


# --- The token itself ---------------------------------------------------------------------------------------------


def test_a_token_is_found_by_itself(rowan):
    token, secret = make_token(rowan)

    assert tokens.find(secret) == token


def test_the_database_holds_no_token(rowan):
    token, secret = make_token(rowan)

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM marlin_token t UNION ALL SELECT e::text FROM marlin_event e")
        rows = " ".join(row for (row,) in cursor.fetchall())

    assert secret.startswith("marlin_")
    assert len(secret) == len("marlin_") + 64  # 256 bits in hexadecimal
    assert token.digest in rows
    assert secret.removeprefix("marlin_") not in rows
    assert rows.count(secret[-4:]) >= 1  # what the page shows


def test_making_and_revoking_are_written_down(rowan):
    token, _ = make_token(rowan)
    tokens.revoke(token, by=rowan)

    made, revoked = Event.objects.filter(subject=str(token.public_id)).order_by("pk")

    assert (made.name, made.actor, made.detail["scopes"]) == ("token.created", rowan, ["records:read"])
    assert (revoked.name, revoked.actor) == ("token.revoked", rowan)


def test_revoking_twice_is_revoking_once(rowan):
    token, _ = make_token(rowan)
    tokens.revoke(token, by=rowan)
    first = Token.objects.get().revoked_at

    tokens.revoke(token, by=rowan)

    assert Token.objects.get().revoked_at == first
    assert Event.objects.filter(name="token.revoked").count() == 1


@pytest.mark.parametrize(
    "secret", ["", "marlin_", "marlin_" + "0" * 64, "marlin_" + "é" * 64, "x" * 9000, "\0"]
)
def test_what_is_no_token_is_refused(db, secret):
    with pytest.raises(tokens.Invalid, match="not a token"):
        tokens.find(secret)


def test_a_revoked_token_opens_nothing(rowan):
    token, secret = make_token(rowan)
    tokens.revoke(token, by=rowan)

    with pytest.raises(tokens.Invalid, match="revoked"):
        tokens.find(secret)


def test_a_token_ends_by_itself(rowan):
    with using(Seeded("tokens", start=now())) as world:
        _, secret = make_token(rowan, days=7)
        world.advance(timedelta(days=7) - timedelta(seconds=1))
        assert tokens.find(secret)

        world.advance(timedelta(seconds=1))

        with pytest.raises(tokens.Invalid, match="ended"):
            tokens.find(secret)


def test_who_is_no_researcher_any_more_has_no_way_in(rowan):
    _, secret = make_token(rowan)
    rowan.roles = [Role.RATER, Role.REVIEWER, Role.ADMIN]
    rowan.save()

    with pytest.raises(tokens.Invalid, match="for researchers"):
        tokens.find(secret)


def test_a_closed_account_has_no_way_in(rowan):
    _, secret = make_token(rowan)
    rowan.is_active = False
    rowan.save()

    with pytest.raises(tokens.Invalid, match="closed"):
        tokens.find(secret)


# --- Counting ------------------------------------------------------------------------------------------------------


def test_each_minute_has_its_own_count(rowan, settings):
    settings.API_RATE = 2
    token, _ = make_token(rowan)
    with using(Seeded("minutes")) as world:
        world.advance(timedelta(seconds=15))
        tokens.count(token)
        tokens.count(token)

        with pytest.raises(tokens.TooMany) as refused:
            tokens.count(token)
        assert refused.value.wait == 45

        world.advance(timedelta(seconds=45))
        tokens.count(token)


def test_a_clock_that_lags_counts_on_in_the_newer_minute(rowan, settings):
    settings.API_RATE = 1
    token, _ = make_token(rowan)
    with using(Seeded("ahead")) as world:
        world.advance(timedelta(minutes=1))
        tokens.count(token)
        world.advance(timedelta(seconds=-1))

        with pytest.raises(tokens.TooMany) as refused:
            tokens.count(token)

    assert refused.value.wait == 61


def test_one_tokens_requests_are_not_anothers(rowan, settings):
    settings.API_RATE = 1
    with using(Seeded("two")):
        for name in ("one", "other"):
            tokens.count(make_token(rowan, name=name)[0])


def test_last_use_is_kept_to_the_minute(rowan):
    with using(Seeded("use")) as world:
        token, _ = make_token(rowan)
        world.advance(timedelta(seconds=61))
        tokens.note_use(token)
        world.advance(timedelta(seconds=30))
        tokens.note_use(token)

        assert Token.objects.get().last_used_at == world.now() - timedelta(seconds=31)


# --- The pages -------------------------------------------------------------------------------------------------------


def test_without_tokens_the_page_says_so(signed_in):
    assert "You have no token yet." in words_of(signed_in.get("/account/tokens/"))


def test_the_page_lists_my_tokens_and_no_one_elses(signed_in, rowan):
    make_token(rowan, name="mine")
    make_token(factories.make_person("Rena", Role.RESEARCHER), name="theirs")

    text = words_of(signed_in.get("/account/tokens/"))

    assert "mine" in text
    assert "theirs" not in text


@pytest.mark.parametrize("person", ["riley", "robin", "ada"])
def test_the_pages_are_there_for_researchers_alone(client, request, person):
    client.force_login(request.getfixturevalue(person))

    assert client.get("/account/tokens/").status_code == 404
    assert client.post("/account/tokens/new", FORM).status_code == 404
    assert not Token.objects.exists()


def test_making_one_asks_for_the_password_and_then_shows_it_once(signed_in, rowan):
    asked = signed_in.post("/account/tokens/new", FORM)
    assert asked.url.startswith(CONFIRM)
    assert not Token.objects.exists()

    made = signed_in.post(asked.url, {"password": factories.PASSWORD, "next": "/account/tokens/new"})

    token = Token.objects.get()
    secret = next(word for word in made.context["secret"].split())
    assert tokens.find(secret) == token
    assert (token.person, token.name, token.scopes) == (rowan, FORM["name"], FORM["scopes"])
    assert words_of(made).count(secret) == 1
    assert secret not in words_of(signed_in.get("/account/tokens/"))
    assert token.ending in words_of(signed_in.get("/account/tokens/"))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"scopes": []}, "Choose at least one thing it may do."),
        ({"scopes": ["everything"]}, "everything is not one of the available choices."),
        ({"days": "36500"}, "36500 is not one of the available choices."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(confirmed, wrong, sentence):
    response = confirmed.post("/account/tokens/new", FORM | wrong)

    assert response.status_code == 422
    assert sentence in words_of(response)
    assert not Token.objects.exists()


def test_a_name_is_given_once_until_its_token_is_revoked(confirmed, rowan):
    confirmed.post("/account/tokens/new", FORM)

    again = confirmed.post("/account/tokens/new", FORM)
    assert "You have a token of this name." in words_of(again)

    tokens.revoke(Token.objects.get(), by=rowan)
    assert confirmed.post("/account/tokens/new", FORM).status_code == 200
    assert Token.objects.not_revoked().count() == 1


def test_the_second_of_two_clicks_at_once_is_refused_by_the_database(confirmed, monkeypatch):
    confirmed.post("/account/tokens/new", FORM)
    # As if the other request had not been there yet when this one looked.
    monkeypatch.setattr(TokenForm, "clean_name", lambda form: form.cleaned_data["name"])

    second = confirmed.post("/account/tokens/new", FORM)

    assert (second.status_code, Token.objects.count()) == (422, 1)
    assert "You have just made a token of this name." in words_of(second)


def test_nobody_keeps_more_tokens_than_they_can_know(confirmed, rowan):
    for number in range(tokens.MOST):
        make_token(rowan, name=f"token {number}")

    response = confirmed.post("/account/tokens/new", FORM)

    assert f"You have {tokens.MOST} tokens." in words_of(response)


def test_revoking_from_the_page(signed_in, rowan):
    token, secret = make_token(rowan)

    response = signed_in.post(f"/account/tokens/{token.public_id}/revoke", follow=True)

    assert "opens nothing any more" in words_of(response)
    with pytest.raises(tokens.Invalid):
        tokens.find(secret)


def test_somebody_elses_token_is_not_found(signed_in):
    token, _ = make_token(factories.make_person("Rena", Role.RESEARCHER))

    assert signed_in.post(f"/account/tokens/{token.public_id}/revoke").status_code == 404
    assert not Token.objects.get().revoked_at


def test_a_get_neither_makes_nor_revokes(confirmed, rowan):
    token, _ = make_token(rowan)

    assert confirmed.get("/account/tokens/new").status_code == 405
    assert confirmed.get(f"/account/tokens/{token.public_id}/revoke").status_code == 405
    assert Token.objects.not_revoked().count() == 1


def test_the_number_of_queries_does_not_grow_with_the_tokens(signed_in, rowan, queries):
    counts = []
    for turn in range(2):
        for number in range(8):
            make_token(rowan, name=f"token {turn} {number}")
        with queries:
            signed_in.get("/account/tokens/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
