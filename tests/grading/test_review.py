"""The reviewer's pages: what waits, one submission as the rater saw it, and the decision."""

import pytest

from grading import reviewing
from grading.export import snapshot
from grading.models import Payout, Review
from marlin.models import Role
from tasks.models import AgentVersion
from tests import factories
from tests.grading.conftest import review_of, words_of

HTMX = {"HX-Request": "true"}
TABS = ("", "transcripts", "tests", "write-up")
REASON = "The claim about README.md is not so."


@pytest.fixture
def assignment(riley, bells):
    return factories.make_assignment(riley, state="submitted")


@pytest.fixture
def signed_in(client, robin):
    client.force_login(robin)
    return client


@pytest.fixture
def rae(db):
    """Another reviewer."""
    return factories.make_person("Rae", Role.REVIEWER)


def test_the_list_shows_what_waits(signed_in, assignment):
    response = signed_in.get("/review/")

    assert review_of(assignment) in words_of(response)


def test_an_empty_list_says_so(signed_in):
    assert "Nothing waits for you." in words_of(signed_in.get("/review/"))


def test_ones_own_work_is_neither_listed_nor_found(client, riley, assignment):
    riley.roles = [Role.RATER, Role.REVIEWER]
    riley.save()
    client.force_login(riley)

    assert review_of(assignment) not in words_of(client.get("/review/"))
    assert client.get(review_of(assignment)).status_code == 404
    assert client.post(review_of(assignment, "decide"), {"decision": "accept"}).status_code == 404
    assert assignment.is_now("submitted")


@pytest.mark.parametrize("tab", TABS)
def test_the_page_shows_what_the_rater_saw_and_wrote(signed_in, assignment, tab):
    response = signed_in.get(review_of(assignment, tab))

    assert response.status_code == 200
    assert factories.JUSTIFICATION in words_of(response)
    assert 'id="decide"' in words_of(response)


def test_sides_stand_where_the_rater_saw_them(signed_in, assignment):
    pair = assignment.pairs.get()

    turn = signed_in.get(review_of(assignment)).context["turn"]

    assert (turn.a.letter, turn.b.letter) == ("A", "B")
    assert signed_in.get(review_of(assignment)).context["reading"].page().left == pair.a


@pytest.mark.parametrize("tab", [*TABS, "files/0"])
def test_no_page_names_an_agent(signed_in, assignment, tab):
    text = words_of(signed_in.get(review_of(assignment, tab)))

    for version in AgentVersion.objects.all():
        for name in (version.name, version.harness, version.model, version.provider, str(version.public_id)):
            assert name not in text


def test_files_are_fetched_below_the_review(signed_in, assignment):
    assert "hello" in words_of(signed_in.get(review_of(assignment, "files/0"), headers=HTMX))
    assert "<html" in words_of(signed_in.get(review_of(assignment, "files/0")))
    assert signed_in.get(review_of(assignment, "files/1")).status_code == 404
    assert signed_in.get(review_of(assignment, "files/0/gaps/0")).status_code == 200
    assert signed_in.get(review_of(assignment, "files/0/gaps/1")).status_code == 404


@pytest.mark.parametrize("state", ["claimed", "released", "expired"])
def test_what_was_not_handed_in_is_not_found(signed_in, riley, state):
    assert signed_in.get(review_of(factories.make_assignment(riley, state=state))).status_code == 404


@pytest.mark.parametrize("person", ["riley", "rowan", "ada"])
@pytest.mark.parametrize("tab", [*TABS, "files/0", "files/0/gaps/0"])
def test_other_roles_find_nothing(client, request, assignment, person, tab):
    client.force_login(request.getfixturevalue(person))

    assert client.get(review_of(assignment, tab)).status_code == 404


def test_who_has_unblinded_the_experiment_finds_nothing(signed_in, assignment, robin):
    snapshot.ask(str(assignment.task.experiment.public_id), by=robin, reason="For the paper in May")

    assert review_of(assignment) not in words_of(signed_in.get("/review/"))
    assert signed_in.get(review_of(assignment)).status_code == 404
    assert signed_in.post(review_of(assignment, "decide"), {"decision": "accept"}).status_code == 404


def test_accepting_owes_once_and_rings(signed_in, assignment, bells):
    bells.clear()

    for _ in range(2):
        response = signed_in.post(review_of(assignment, "decide"), {"decision": "accept"})
        assert (response.status_code, response.url) == (302, review_of(assignment))

    assert assignment.is_now("accepted")
    assert Payout.objects.get().assignment == assignment
    assert bells == [("grading.jobs.write_judgements", assignment.pk)]


def test_rejecting_shows_the_reason(signed_in, assignment):
    form = {"decision": "reject", "reason": REASON}

    response = signed_in.post(review_of(assignment, "decide"), form, follow=True)

    assert response.redirect_chain == [(review_of(assignment), 302)]
    assert REASON in words_of(response)
    assert 'id="decide"' not in words_of(response)
    assert assignment.is_now("rejected")


def test_rejecting_without_a_reason_is_sent_back_with_what_was_typed(signed_in, assignment):
    form = {"decision": "reject", "reason": "So <bad>"}

    response = signed_in.post(review_of(assignment, "decide"), form)

    assert response.status_code == 422
    assert "Say why, in a sentence the rater can learn from." in words_of(response)
    assert "So &lt;bad&gt;" in words_of(response)
    assert assignment.is_now("submitted")


def test_without_a_choice_nothing_is_decided(signed_in, assignment):
    response = signed_in.post(review_of(assignment, "decide"), {"reason": REASON})

    assert response.status_code == 422
    assert assignment.is_now("submitted")


def test_a_second_decision_changes_nothing(signed_in, assignment):
    signed_in.post(review_of(assignment, "decide"), {"decision": "accept"})

    signed_in.post(review_of(assignment, "decide"), {"decision": "reject", "reason": REASON})

    assert assignment.is_now("accepted")
    assert Review.objects.get().decision == "accept"


def test_who_decides_a_moment_too_late_is_told_so(signed_in, assignment, rae, monkeypatch):
    decide = reviewing.decide

    def decide_after_rae(mine, decision, **rest):
        decide(type(mine).objects.get(pk=mine.pk), "accept", by=rae, reason="")
        return decide(mine, decision, **rest)

    monkeypatch.setattr(reviewing, "decide", decide_after_rae)
    form = {"decision": "reject", "reason": REASON}

    response = signed_in.post(review_of(assignment, "decide"), form, follow=True)

    assert response.redirect_chain == [("/review/", 302)]
    assert "Somebody else has decided this meanwhile." in words_of(response)
    assert assignment.is_now("accepted")


def test_what_was_judged_is_found_by_its_reviewer_alone(client, assignment, robin, rae):
    reviewing.decide(assignment, "accept", by=robin, reason="")

    found = {}
    for person in (robin, rae):
        client.force_login(person)
        found[person.name] = client.get(review_of(assignment)).status_code
    client.force_login(robin)

    assert found == {"Robin": 200, "Rae": 404}
    assert "Decided by you" in words_of(client.get("/review/"))


def test_deciding_rejects_get(signed_in, assignment):
    assert signed_in.get(review_of(assignment, "decide")).status_code == 405
