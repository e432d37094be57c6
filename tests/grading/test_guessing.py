"""Which side the rater took for the newer one: asked on the receipt, kept once, told to researchers alone."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from grading import jobs
from grading.models import Guess, Result
from grading.results import asking
from tests import factories
from tests.grading.conftest import review_of, words_of

QUESTION = "Which side do you think came from the newer version?"
FIELD = "newer-1-1"


@pytest.fixture
def receipt(client, riley):
    client.force_login(riley)
    return factories.submit(factories.make_assignment(riley))


def send(client, receipt, said):
    return client.post(f"/receipts/{receipt.public_id}/guess", {FIELD: said}, follow=True)


def test_the_receipt_asks_and_keeps_the_answer(client, receipt):
    page = words_of(client.get(f"/receipts/{receipt.public_id}"))
    assert QUESTION in page
    assert f'name="{FIELD}" value="unknown"' in page

    response = send(client, receipt, "b")

    assert response.redirect_chain == [(f"/receipts/{receipt.public_id}", 302)]
    assert "You said: <strong>B</strong>" in words_of(response)
    assert QUESTION not in words_of(response)
    assert Guess.objects.get().pair == receipt.assignment.pairs.get()


def test_the_first_answer_stays(client, receipt):
    send(client, receipt, "b")

    response = send(client, receipt, "a")

    assert "Nothing new was chosen." in words_of(response)
    assert Guess.objects.get().newer == "b"


@pytest.mark.parametrize("said", ["", "c", "A"])
def test_anything_else_is_no_answer(client, receipt, said):
    assert QUESTION in words_of(send(client, receipt, said))
    assert not Guess.objects.exists()


def test_once_it_is_decided_nobody_is_asked_any_more(client, receipt):
    factories.decide(receipt.assignment, "accept")

    response = send(client, receipt, "a")

    assert "the question is closed" in words_of(response)
    assert QUESTION not in words_of(response)
    assert not Guess.objects.exists()


def test_nobody_answers_for_somebody_else(client, receipt, sam, rosa):
    for person in (sam, rosa):
        client.force_login(person)
        assert send(client, receipt, "a").status_code == 404

    assert not Guess.objects.exists()


def test_answering_rejects_get(client, receipt):
    assert client.get(f"/receipts/{receipt.public_id}/guess").status_code == 405


def test_a_pair_has_one_guess_and_only_a_side_or_none(receipt):
    pair = receipt.assignment.pairs.get()
    with pytest.raises(IntegrityError, match="guess_is_a_side_or_unknown"), transaction.atomic():
        Guess.objects.create(pair=pair, newer="left")
    Guess.objects.create(pair=pair, newer="a")
    with pytest.raises(IntegrityError, match="pair_id"), transaction.atomic():
        Guess.objects.create(pair=pair, newer="b")


def test_a_reviewer_reads_the_same_with_and_without_an_answer(client, receipt, robin):
    client.force_login(robin)
    before = client.get(review_of(receipt.assignment))

    Guess.objects.create(pair=receipt.assignment.pairs.get(), newer="a")

    assert before.status_code == 200
    after = client.get(review_of(receipt.assignment))
    assert [_without_tokens(page) for page in (before, after)] == [_without_tokens(before)] * 2


def _without_tokens(response):
    return [line for line in words_of(response).splitlines() if "csrfmiddlewaretoken" not in line]


def test_an_answer_reaches_the_gauge(client, receipt, rowan):
    assignment = receipt.assignment
    pair, experiment = assignment.pairs.get(), assignment.task.experiment
    for candidate, released in ((pair.a, date(2026, 6, 1)), (pair.b, date(2026, 1, 10))):
        version = candidate.origin.agent_version
        version.released_on = released
        version.save()
    send(client, receipt, "a")
    factories.decide(assignment, "accept")
    result = asking.ask(experiment)

    jobs.compute_result(result.pk)

    blinding = Result.objects.get(pk=result.pk).found["blinding"]
    assert (blinding["n"], blinding["arms"][0]["n"], blinding["arms"][0]["value"]) == (1, 1, 1)
    client.force_login(rowan)
    assert "1 guess" in words_of(client.get(f"/results/{experiment.public_id}/"))
