"""Signing in by e-mail and password, for people an admin has made."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import NoReverseMatch, reverse

from marlin.accounts import ClosedDoor
from marlin.models import Role, User
from tests import factories


def sign_in(client, email: str, password: str = factories.PASSWORD):
    return client.post(reverse("account_login"), {"login": email, "password": password})


def test_the_page_asks_for_e_mail_and_password(client, db):
    page = client.get(reverse("account_login"))

    assert page.status_code == 200
    assert b'name="login"' in page.content
    assert b'name="password"' in page.content


def test_the_right_password_leads_to_the_work(client, riley):
    answer = sign_in(client, riley.email)

    assert answer.status_code == 302
    assert client.get(answer.url).url == reverse("grading:work")


def test_the_e_mail_may_be_written_in_capitals(client, riley):
    assert sign_in(client, riley.email.upper()).status_code == 302


def test_the_wrong_password_is_answered_on_the_page(client, riley):
    answer = sign_in(client, riley.email, "wrong horse battery")

    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
    assert riley.email.encode() in answer.content


def test_a_stranger_and_a_wrong_password_are_told_the_same(client, riley):
    """So that nobody can find out who works here."""
    known = sign_in(client, riley.email, "wrong horse battery").context["form"].errors
    unknown = sign_in(client, "nobody@example.org", "wrong horse battery").context["form"].errors

    assert known == unknown


def test_who_was_deactivated_does_not_get_in_and_is_told_why(client, riley):
    riley.is_active = False
    riley.save()

    answer = sign_in(client, riley.email)

    assert "_auth_user_id" not in client.session
    assert b"This account is closed." in client.get(answer.url).content


def test_after_signing_in_the_page_that_was_asked_for_is_shown(client, robin):
    asked = client.get(reverse("grading:reviews"))
    assert asked.url == f"{reverse('account_login')}?next={reverse('grading:reviews')}"

    answer = client.post(asked.url, {"login": robin.email, "password": factories.PASSWORD})

    assert answer.url == reverse("grading:reviews")


def test_signing_in_never_leads_to_another_site(client, riley):
    asked = f"{reverse('account_login')}?next=https://example.com/"

    answer = client.post(asked, {"login": riley.email, "password": factories.PASSWORD})

    assert answer.url == "/"


def test_signing_out_needs_a_post(client, riley):
    client.force_login(riley)

    assert client.get(reverse("account_logout")).status_code == 200
    assert "_auth_user_id" in client.session

    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password", "account_email"])
def test_there_is_no_registration(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["/account/signup/", "/accounts/signup/", "/account/password/reset/"])
def test_guessed_addresses_of_registration_do_not_exist(client, db, path):
    assert client.get(path).status_code == 404


def test_the_door_is_closed_to_sign_ups(rf):
    assert not ClosedDoor().is_open_for_signup(rf.get("/"))


def test_too_many_wrong_passwords_are_stopped(client, riley):
    answers = [sign_in(client, riley.email, "wrong horse battery") for _ in range(11)]

    sign_in(client, riley.email)

    assert answers[0].status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_role_that_nobody_knows_is_refused_by_the_database(db):
    with pytest.raises(IntegrityError, match="roles_are_known"), transaction.atomic():
        User.objects.create_user("quinn@example.org", roles=["queen"])


def test_a_person_has_a_name_and_initials():
    person = User(email="ada@example.org", name="Ada King Lovelace", roles=[Role.ADMIN])

    assert person.get_full_name() == "Ada King Lovelace"
    assert person.initials == "AK"
    assert User(email="x@example.org").initials == "?"


def test_an_e_mail_belongs_to_one_person(riley):
    twin = User(email=riley.email, name="Riley")

    with pytest.raises(ValidationError):
        twin.full_clean(exclude=["password"])
