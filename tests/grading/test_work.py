"""The rater's home page: claim, go on, give back, and the receipt."""

import pytest

from grading.models import Assignment
from tests import factories
from tests.grading.conftest import make_tasks, page_of, words_of


@pytest.fixture
def signed_in(client, riley):
    client.force_login(riley)
    return client


def test_the_page_shows_the_next_task(signed_in):
    task = factories.make_ready_task()

    response = signed_in.get("/work/")

    assert response.status_code == 200
    assert task.scenario.title in words_of(response)
    assert 'action="/work/claim"' in words_of(response)


def test_with_an_empty_queue_the_page_says_so(signed_in):
    assert "Nothing is ready for you now" in words_of(signed_in.get("/work/"))


def test_claiming_leads_to_the_patches(signed_in, riley):
    factories.make_ready_task()

    response = signed_in.post("/work/claim")

    assert (response.status_code, response.url) == (302, page_of(riley.assignments.get()))


def test_claiming_twice_leads_to_the_same_page(signed_in):
    make_tasks(2)

    assert signed_in.post("/work/claim").url == signed_in.post("/work/claim").url
    assert Assignment.objects.count() == 1


def test_claiming_from_an_empty_queue_leads_back_with_a_sentence(signed_in):
    response = signed_in.post("/work/claim", follow=True)

    assert response.redirect_chain == [("/work/", 302)]
    assert "New tasks appear here by themselves." in words_of(response)


@pytest.mark.parametrize("place", ["/work/claim", "resume", "release"])
def test_what_changes_something_rejects_get(signed_in, riley, place):
    assignment = factories.make_assignment(riley)

    response = signed_in.get(place if place.startswith("/") else page_of(assignment, place))

    assert response.status_code == 405
    assert assignment.is_now("claimed")


def test_giving_back_leads_home(signed_in, riley):
    assignment = factories.make_assignment(riley)

    response = signed_in.post(page_of(assignment, "release"))

    assert (response.status_code, response.url) == (302, "/work/")
    assert assignment.is_now("released")


def test_giving_back_twice_says_that_it_is_gone(signed_in, riley):
    assignment = factories.make_assignment(riley, state="released")

    response = signed_in.post(page_of(assignment, "release"), follow=True)

    assert response.status_code == 200
    assert list(response.context["messages"])
    assert assignment.is_now("released")


def test_going_on_leads_to_the_patches(signed_in, riley):
    assignment = factories.make_assignment(riley, state="expired")
    assert 'class="card" aria-labelledby="ended"' in words_of(signed_in.get("/work/"))

    response = signed_in.post(page_of(assignment, "resume"))

    assert (response.status_code, response.url) == (302, page_of(assignment))
    assert assignment.is_now("claimed")


def test_who_cannot_go_on_is_told_why(signed_in, riley, rosa):
    assignment = factories.make_assignment(riley, state="expired")
    factories.make_assignment(rosa, assignment.task)

    response = signed_in.post(page_of(assignment, "resume"), follow=True)

    assert response.redirect_chain == [("/work/", 302)]
    assert "Somebody else has taken this task meanwhile" in words_of(response)


@pytest.mark.parametrize("place", ["resume", "release"])
def test_somebody_elses_assignment_is_not_found(client, riley, sam, place):
    assignment = factories.make_assignment(riley)
    client.force_login(sam)

    assert client.post(page_of(assignment, place)).status_code == 404
    assert assignment.is_now("claimed")


def test_the_receipt_shows_its_number(signed_in, riley):
    receipt = factories.submit(factories.make_assignment(riley))

    assert receipt.number in words_of(signed_in.get(f"/receipts/{receipt.public_id}"))


def test_somebody_elses_receipt_is_not_found(client, riley, sam):
    receipt = factories.submit(factories.make_assignment(riley))
    client.force_login(sam)

    assert client.get(f"/receipts/{receipt.public_id}").status_code == 404


@pytest.mark.parametrize("person", ["robin", "rowan", "ada"])
def test_the_page_is_there_for_raters_alone(client, request, person):
    client.force_login(request.getfixturevalue(person))

    assert client.get("/work/").status_code == 404
    assert client.post("/work/claim").status_code == 404


def test_who_is_not_signed_in_is_asked_to(client, db):
    response = client.get("/work/")

    assert (response.status_code, response.url) == (302, "/account/login/?next=/work/")


def test_the_number_of_queries_does_not_grow_with_what_was_done(signed_in, riley, queries, bells):
    """Ten assignments, then twenty."""
    counts = []
    for expected in (5, 10):
        for task, state in zip(make_tasks(10), ["submitted", "expired"] * 5, strict=True):
            factories.make_assignment(riley, task, state=state)
        with queries:
            response = signed_in.get("/work/")
        counts.append(len(queries))
        assert len(response.context["handed_in"]) == len(response.context["expired"]) == expected

    assert counts[0] == counts[1]


def test_a_rejected_rating_is_still_listed(signed_in, riley, bells):
    assignment = factories.make_assignment(riley, state="rejected")

    assert page_of(assignment) in words_of(signed_in.get("/work/"))


def test_the_reason_of_a_refusal_is_shown_to_its_rater(signed_in, riley, robin, bells):
    assignment = factories.make_assignment(riley, state="submitted")
    factories.decide(assignment, "reject", by=robin, reason="The file you name is in neither patch.")

    home, page = signed_in.get("/work/"), signed_in.get(page_of(assignment))

    for response in (home, page):
        assert "The file you name is in neither patch." in words_of(response)
        assert "Robin" not in words_of(response)
