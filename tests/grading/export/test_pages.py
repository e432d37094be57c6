"""The researcher's pages: ask for an export, watch it, take it away."""

import base64
import hashlib
import json
import time

import pytest

from grading import jobs, queue
from grading.export import snapshot
from grading.models import Export
from marlin.models import Event, Role, User
from tasks.models import Experiment
from tests import factories
from tests.grading.conftest import make_tasks, words_of

REASON = "For the paper in May."
HTMX = {"HX-Request": "true"}
CONFIRM = "/account/reauthenticate/"


@pytest.fixture
def experiment(one_accepted, db, bells):
    return Experiment.objects.get(tasks=one_accepted.task)


@pytest.fixture
def riley(one_accepted, db):
    return User.objects.get(pk=one_accepted.rater_id)


@pytest.fixture
def signed_in(client, rowan):
    client.force_login(rowan)
    return client


@pytest.fixture
def confirmed(signed_in):
    """Somebody who has just given the password once more."""
    signed_in.post(f"{CONFIRM}?next=/exports/", {"password": factories.PASSWORD, "next": "/exports/"})
    return signed_in


def question(experiment, reason=REASON):
    return {"experiment": str(experiment.public_id), "reason": reason, "formats": ["jsonl", "csv"]}


def make_export(experiment, person, *, ready=True):
    export = snapshot.ask(str(experiment.public_id), by=person, reason=REASON)
    if ready:
        jobs.write_export(export.pk)
        export.refresh_from_db()
    return export


def test_the_page_lists_my_exports_and_no_one_elses(signed_in, experiment, rowan):
    mine = make_export(experiment, rowan, ready=False)
    theirs = make_export(experiment, factories.make_person("Rena", Role.RESEARCHER), ready=False)

    text = words_of(signed_in.get("/exports/"))

    assert f"/exports/{mine.public_id}/" in text
    assert f"/exports/{theirs.public_id}/" not in text
    assert experiment.name in text


@pytest.mark.parametrize("person", ["riley", "robin", "ada"])
def test_the_pages_are_there_for_researchers_alone(client, request, experiment, rowan, person):
    export = make_export(experiment, rowan)
    client.force_login(request.getfixturevalue(person))

    for place in ("", f"{export.public_id}/", f"{export.public_id}/preferences.jsonl"):
        assert client.get(f"/exports/{place}").status_code == 404
    assert client.post("/exports/ask", question(experiment)).status_code == 404
    assert Export.objects.count() == 1


# --- Asking ---------------------------------------------------------------------------------------------------


def test_asking_asks_for_the_password_and_then_goes_on_with_what_was_typed(
    signed_in, experiment, rowan, bells
):
    bells.clear()
    asked = signed_in.post("/exports/ask", question(experiment))
    assert (asked.status_code, asked.url) == (302, f"{CONFIRM}?next=%2Fexports%2Fask")
    assert not Export.objects.exists()

    went_on = signed_in.post(asked.url, {"password": factories.PASSWORD, "next": "/exports/ask"})

    export = Export.objects.get()
    assert (went_on.status_code, went_on.url) == (302, f"/exports/{export.public_id}/")
    assert (export.asked_by, export.reason, export.experiment) == (rowan, REASON, experiment)
    assert Event.objects.get(name="experiment.unblinded").why == REASON
    assert bells == [("grading.jobs.write_export", export.pk)]


def test_the_wrong_password_asks_again_and_loses_nothing(signed_in, experiment):
    asked = signed_in.post("/exports/ask", question(experiment))

    wrong = signed_in.post(asked.url, {"password": "wrong horse battery", "next": "/exports/ask"})
    assert wrong.status_code == 200
    assert not Export.objects.exists()

    signed_in.post(asked.url, {"password": factories.PASSWORD, "next": "/exports/ask"})
    assert Export.objects.get().reason == REASON


def test_what_is_refused_after_the_password_is_shown_as_it_was_typed(signed_in, experiment):
    asked = signed_in.post("/exports/ask", question(experiment, reason="So <there>"))

    response = signed_in.post(asked.url, {"password": factories.PASSWORD, "next": "/exports/ask"})

    assert response.status_code == 422
    assert "So &lt;there&gt;" in words_of(response)
    assert "Say in a few words what the export is for." in words_of(response)


def test_who_has_just_given_the_password_is_not_asked_again(confirmed, experiment):
    response = confirmed.post("/exports/ask", question(experiment))

    assert response.url == f"/exports/{Export.objects.get().public_id}/"


def test_after_some_minutes_the_password_is_asked_for_again(confirmed, experiment, settings, monkeypatch):
    later = time.time() + settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)

    assert confirmed.post("/exports/ask", question(experiment)).url.startswith(CONFIRM)
    assert not Export.objects.exists()


@pytest.mark.parametrize("reason", ["", "Because", "   "])
def test_asking_needs_a_reason(confirmed, experiment, reason):
    response = confirmed.post("/exports/ask", question(experiment, reason))

    assert response.status_code == 422
    assert response.context["refused"].field == "reason"
    assert not Event.objects.filter(name="experiment.unblinded").exists()


def test_asking_needs_an_experiment(confirmed):
    response = confirmed.post("/exports/ask", {"experiment": "x", "reason": REASON, "formats": ["jsonl"]})

    assert response.status_code == 422
    assert REASON in words_of(response)


def test_coming_back_by_the_address_bar_leads_to_the_form(confirmed):
    assert confirmed.get("/exports/ask").url == "/exports/"
    assert confirmed.put("/exports/ask").status_code == 405


def test_a_refused_form_keeps_all_that_was_chosen(confirmed, experiment):
    chosen = {"categories": ["bug fix"], "since": "2026-02-30", "formats": ["hh"]}

    response = confirmed.post("/exports/ask", question(experiment, "Because I can.") | chosen)

    form = response.context["form"]
    assert (response.status_code, response.context["refused"].field) == (422, "since")
    assert (form.experiment, form.reason, form.since) == (
        str(experiment.public_id),
        "Because I can.",
        "2026-02-30",
    )
    assert [option.value for option in form.formats if option.is_chosen] == ["hh"]
    assert f'<option value="{experiment.public_id}" selected>' in words_of(response)


def test_filters_and_formats_are_stored_as_chosen(confirmed, experiment):
    chosen = {"categories": ["bug fix"], "turns": ["1"], "until": "2030-01-31", "formats": ["trl", "jsonl"]}

    response = confirmed.post("/exports/ask", question(experiment) | chosen)

    export = Export.objects.get()
    assert export.filters == {"categories": ["bug fix"], "turns": [1], "until": "2030-01-31"}
    assert export.formats == ["jsonl", "trl"]
    page = words_of(confirmed.get(response.url))
    for words in ("Category: bug fix", "Handed in until 2030-01-31", "TRL preference", "Rowan"):
        assert words in page


def test_the_form_offers_what_the_experiment_has(signed_in, riley, bells):
    repository = factories.make_repository(name="tidecache", language="Go")
    tasks = make_tasks(2, repository)
    factories.make_ready_task()
    other = factories.make_repository(name="elsewhere", language="Rust")
    factories.make_ready_task(scenarios=[factories.make_scenario(repository=other)])
    scenario = tasks[0].scenario
    scenario.category = "testing"
    scenario.save()

    everything = words_of(signed_in.get("/exports/"))
    part = words_of(signed_in.get(f"/exports/?experiment={tasks[0].experiment.public_id}", headers=HTMX))

    assert 'value="Rust"' in everything
    assert "<html" not in part
    assert 'value="testing"' in part
    assert "Rust" not in part
    assert "this experiment’s rubric only compares" in part  # KTO


def test_from_then_on_the_person_is_offered_nothing_of_it(confirmed, experiment, rowan):
    confirmed.post("/exports/ask", question(experiment))

    assert queue.knows(rowan, experiment)


# --- Watching and taking --------------------------------------------------------------------------------------


def test_the_page_polls_until_the_files_are_there(signed_in, experiment, rowan):
    export = make_export(experiment, rowan, ready=False)
    place = f"/exports/{export.public_id}/"

    waiting = words_of(signed_in.get(place, headers=HTMX))
    jobs.write_export(export.pk)
    done = words_of(signed_in.get(place, headers=HTMX))

    assert "hx-trigger" in waiting
    assert "<html" not in waiting
    assert "hx-trigger" not in done
    assert "preferences.jsonl" in done
    assert "<html" in words_of(signed_in.get(place))


def test_a_failed_export_says_why(signed_in, experiment, rowan):
    export = make_export(experiment, rowan, ready=False)
    token = export.take_lease("queued", 60)
    export.start(token=token)
    export.fail("Writing failed: OSError.", token=token)

    assert "Writing failed: OSError." in words_of(signed_in.get(f"/exports/{export.public_id}/"))


def test_a_failed_export_is_tried_again_from_its_page(signed_in, experiment, rowan, bells):
    export = make_export(experiment, rowan, ready=False)
    place = f"/exports/{export.public_id}/"
    token = export.take_lease("queued", 60)
    export.start(token=token)
    export.fail("Writing failed: OSError.", token=token)
    bells.clear()

    assert f'action="{place}retry"' in words_of(signed_in.get(place))
    answers = [signed_in.post(f"{place}retry").url for _ in range(2)]

    assert answers == [place, place]
    assert bells == [("grading.jobs.write_export", export.pk)]
    assert export.is_now("queued")


def test_progress_is_shown_while_it_is_written(signed_in, experiment, rowan):
    export = make_export(experiment, rowan, ready=False)
    token = export.take_lease("queued", 60)
    export.start(token=token)
    export.keep(token=token, frozen_at=export.asked_at, counts={"written": 8}, progress={"rows": 2})

    page = words_of(signed_in.get(f"/exports/{export.public_id}/", headers=HTMX))

    assert "2 of 8 records written" in page
    assert 'max="100" value="25"' in page


def test_the_page_of_a_finished_export_counts_and_sums_up(signed_in, experiment, rowan):
    export = make_export(experiment, rowan)

    page = words_of(signed_in.get(f"/exports/{export.public_id}/"))

    assert snapshot.checksum(export) in words_of(signed_in.get("/exports/"))
    assert snapshot.checksum(export) in page
    for file in export.manifest["files"]:
        assert file["sha256"] in page


def test_files_can_be_taken_when_they_are_ready(confirmed, experiment, rowan):
    export = make_export(experiment, rowan)

    response = confirmed.get(f"/exports/{export.public_id}/preferences.jsonl")

    body = b"".join(response.streaming_content)
    assert response["Content-Disposition"] == 'attachment; filename="preferences.jsonl"'
    assert [json.loads(line)["preference"] for line in body.splitlines()]
    assert Event.objects.get(name="export.downloaded").actor == rowan


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=5-", 5, None), ("bytes=-7", -7, None), ("bytes=3-999999999", 3, None)],
)
def test_a_part_of_a_file_can_be_taken(confirmed, experiment, rowan, asked, first, last):
    place = f"/exports/{make_export(experiment, rowan).public_id}/preferences.jsonl"
    whole = confirmed.get(place)
    body = b"".join(whole.streaming_content)

    part = confirmed.get(place, headers={"Range": asked})

    wanted = body[first : None if last is None else last + 1]
    begin = first if first >= 0 else len(body) + first
    assert (part.status_code, b"".join(part.streaming_content)) == (206, wanted)
    assert part["Content-Range"] == f"bytes {begin}-{begin + len(wanted) - 1}/{len(body)}"
    assert int(part["Content-Length"]) == len(wanted)
    assert whole["Accept-Ranges"] == "bytes"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert part["Repr-Digest"] == whole["Repr-Digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=5-4", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(confirmed, experiment, rowan, asked):
    place = f"/exports/{make_export(experiment, rowan).public_id}/preferences.jsonl"

    response = confirmed.get(place, headers={"Range": asked})

    assert response.status_code == 416
    assert response["Content-Range"].startswith("bytes */")


@pytest.mark.parametrize(
    "headers", [{"Range": "bytes=0-1,3-4"}, {"Range": "lines=1-2"}, {"Range": "bytes=1-2", "If-Range": '"x"'}]
)
def test_what_is_no_plain_range_gets_the_whole(confirmed, experiment, rowan, headers):
    place = f"/exports/{make_export(experiment, rowan).public_id}/preferences.jsonl"

    response = confirmed.get(place, headers=headers)

    assert response.status_code == 200
    assert json.loads(b"".join(response.streaming_content))


def test_taking_a_file_asks_for_the_password_and_then_gives_it(signed_in, experiment, rowan):
    export = make_export(experiment, rowan)
    place = f"/exports/{export.public_id}/manifest.json"

    asked = signed_in.get(place)
    given = signed_in.post(asked.url, {"password": factories.PASSWORD, "next": place}, follow=True)

    assert asked.url.startswith(CONFIRM)
    assert given.redirect_chain == [(place, 302)]
    manifest = json.loads(b"".join(given.streaming_content))
    assert manifest == export.manifest


def test_before_an_export_is_ready_there_is_nothing_to_take(confirmed, experiment, rowan):
    export = make_export(experiment, rowan, ready=False)

    assert confirmed.get(f"/exports/{export.public_id}/preferences.jsonl").status_code == 404


@pytest.mark.parametrize("name", ["preferences.xlsx", "..", "%2e%2e%2fmanifest.json"])
def test_only_files_of_the_export_can_be_taken(confirmed, experiment, rowan, name):
    export = make_export(experiment, rowan)

    assert confirmed.get(f"/exports/{export.public_id}/{name}").status_code == 404


def test_somebody_elses_export_is_not_found(confirmed, experiment):
    export = make_export(experiment, factories.make_person("Rena", Role.RESEARCHER))

    assert confirmed.get(f"/exports/{export.public_id}/").status_code == 404
    assert confirmed.get(f"/exports/{export.public_id}/preferences.jsonl").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_exports(signed_in, experiment, rowan, queries):
    counts = []
    for _ in range(2):
        for _ in range(10):
            make_export(experiment, rowan, ready=False)
        with queries:
            signed_in.get("/exports/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
