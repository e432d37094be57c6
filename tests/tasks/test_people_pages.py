"""The admin's page of people: qualifications granted by hand, and languages."""

import pytest

from tasks.models import Grant, Qualification


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


def test_qualifications_are_granted_and_taken_back_by_hand(admin, ada, riley):
    admin.post("/people/qualifications", {"name": "Python", "about": "Three years of it."})
    python = Qualification.objects.get()
    place = f"/people/{riley.public_id}/"

    admin.post(place, {"languages": "danish, English , danish", "qualifications": [python.pk]})
    riley.refresh_from_db()
    grant = Grant.objects.get()
    page = admin.get(f"/people/?q={riley.name.lower()}&qualification=Python").content.decode()
    admin.post(place, {"languages": "Danish"})

    assert (grant.person, grant.qualification, grant.granted_by) == (riley, python, ada)
    assert riley.languages == ["Danish", "English"]
    assert "Danish, English" in page
    assert not Grant.objects.exists()


def test_nobody_grants_to_themselves(admin, ada):
    python = Qualification.objects.create(name="Python")

    answer = admin.post(f"/people/{ada.public_id}/", {"qualifications": [python.pk]}, follow=True)

    assert b"Nobody grants to themselves" in answer.content
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [("x" * 41, "at most 40 letters long"), (",".join(map(str, range(100, 121))), "At most 20 languages.")],
)
def test_languages_that_are_refused_come_back(admin, riley, languages, sentence):
    answer = admin.post(f"/people/{riley.public_id}/", {"languages": languages})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert languages in answer.content.decode()


@pytest.mark.parametrize("name", ["", "python"])
def test_a_qualification_needs_a_name_of_its_own(admin, name):
    Qualification.objects.create(name="Python")

    assert admin.post("/people/qualifications", {"name": name}).status_code == 422
