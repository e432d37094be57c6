"""Asking for an export by program, watching it, fetching its files."""

import base64
import hashlib
import json

import pytest

from grading import jobs
from grading.models import Export
from marlin.models import Event, Scope
from tasks.models import Experiment
from tests.grading.api.conftest import problem_of, program_of

REASON = "For the paper in May."
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def experiment(one_accepted, db, bells):
    return Experiment.objects.get(tasks=one_accepted.task)


@pytest.fixture
def asked(program, experiment):
    """The answer to a question for an export."""
    return program.post("/exports", {"experiment": str(experiment.public_id), "reason": REASON})


@pytest.fixture
def ready(program, asked):
    jobs.write_export(Export.objects.get().pk)
    return program.get(f"/exports/{asked.json()['id']}").json()


def path_of(url):
    return url.removeprefix("/api/v1")


def test_asking_un_blinds_and_is_written_down(asked, experiment, rowan, bells):
    export = Export.objects.get()

    shown = asked.json()
    assert asked.status_code == 201
    assert asked["Location"] == f"/api/v1/exports/{export.public_id}"
    assert (shown["id"], shown["state"], shown["files"]) == (str(export.public_id), "queued", [])
    assert (export.asked_by, export.experiment, export.reason) == (rowan, experiment, REASON)
    assert Event.objects.get(name="experiment.unblinded").actor == rowan
    assert bells[-1] == ("grading.jobs.write_export", export.pk)


def test_an_export_without_a_reason_is_refused(program, experiment):
    sentence = problem_of(
        program.post("/exports", {"experiment": str(experiment.public_id), "reason": "Why?"}), 422
    )

    assert sentence == "Say in a few words what the export is for."
    assert not Export.objects.exists()


@pytest.mark.parametrize("identity", [MISSING, "x", "\0"])
def test_an_export_of_nothing_is_refused(program, db, identity):
    problem_of(program.post("/exports", {"experiment": identity, "reason": REASON}), 422)


def test_a_ready_export_lists_its_files(ready):
    export = Export.objects.get()

    assert ready["state"] == "ready"
    assert [file["sha256"] for file in ready["files"]] == [f["sha256"] for f in export.manifest["files"]]
    assert ready["manifest"] == f"/api/v1/exports/{export.public_id}/files/manifest.json"


def test_each_file_is_what_its_checksum_says(program, ready):
    for file in ready["files"]:
        body = b"".join(program.get(path_of(file["url"])).streaming_content)

        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert len(body) == file["bytes"]


def test_fetching_is_written_down(program, ready, rowan):
    response = program.get(path_of(ready["manifest"]))

    assert json.loads(b"".join(response.streaming_content))["rows"] == 1
    assert Event.objects.get(name="export.downloaded").actor == rowan


def test_a_download_that_broke_off_goes_on(program, ready):
    file = ready["files"][0]
    whole = b"".join(program.get(path_of(file["url"])).streaming_content)

    rest = program.client.get(file["url"], headers={"Range": "bytes=100-"})

    assert (rest.status_code, b"".join(rest.streaming_content)) == (206, whole[100:])
    assert rest["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    digest = base64.b64encode(hashlib.sha256(whole).digest()).decode()
    assert rest["Repr-Digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=5-4"])
def test_beyond_the_end_of_a_file_there_is_nothing(program, ready, wanted):
    file = ready["files"][0]

    response = program.client.get(file["url"], headers={"Range": wanted})

    assert problem_of(response, 416) == "The file ends before these bytes."
    assert response["Content-Range"] == f"bytes */{file['bytes']}"


@pytest.mark.parametrize("wanted", ["bytes=-", "lines=1-2", f"bytes={'9' * 5000}-", "bytes=0-1,3-4"])
def test_a_range_that_is_none_gets_the_whole_file(program, ready, wanted):
    file = ready["files"][0]

    response = program.client.get(file["url"], headers={"Range": wanted})

    assert (response.status_code, len(b"".join(response.streaming_content))) == (200, file["bytes"])


def test_formats_and_filters_are_those_of_the_page(program, experiment):
    wanted = {"repositories": ["sums"], "turns": [1], "since": "2026-01-02"}
    body = {"experiment": str(experiment.public_id), "reason": REASON, "formats": ["csv"], "filters": wanted}

    shown = program.post("/exports", body).json()

    export = Export.objects.get()
    assert (shown["formats"], export.formats) == (["csv"], ["csv"])
    assert export.filters == wanted
    assert {name: value for name, value in shown["filters"].items() if value} == wanted


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"formats": ["xlsx"]}, "Choose at least one format."),
        ({"formats": []}, "Choose at least one format."),
        ({"filters": {"categories": ["poetry"]}}, "Choose categories from the list."),
        ({"filters": {"turns": [10**9]}}, "A turn is a number."),
        ({"filters": {"since": "2026-02-01", "until": "2026-01-01"}}, "The last day is before the first."),
    ],
)
def test_what_cannot_be_exported_is_refused_in_the_words_of_the_page(program, experiment, wrong, sentence):
    body = {"experiment": str(experiment.public_id), "reason": REASON} | wrong

    assert problem_of(program.post("/exports", body), 422) == sentence
    assert not Export.objects.exists()


def test_head_tells_the_size_of_a_file(program, ready):
    file = ready["files"][0]

    response = program.client.head(file["url"])

    assert (response.status_code, b"".join(response.streaming_content)) == (200, b"")
    assert response["Content-Length"] == str(file["bytes"])


def test_before_it_is_ready_there_is_nothing_to_fetch(program, asked):
    problem_of(program.get(f"/exports/{asked.json()['id']}/files/manifest.json"), 404)


@pytest.mark.parametrize("name", ["nothing.json", "..", "%2e%2e%2fmanifest.json", "manifest.json%00"])
def test_only_files_of_the_export_can_be_fetched(program, ready, name):
    problem_of(program.get(f"/exports/{ready['id']}/files/{name}"), 404)


def test_a_failed_export_says_why(program, asked):
    export = Export.objects.get()
    token = export.take_lease("queued", 60)
    export.start(token=token)
    export.fail("Writing failed: OSError.", token=token)

    shown = program.get(f"/exports/{asked.json()['id']}").json()

    assert (shown["state"], shown["failure"]) == ("failed", "Writing failed: OSError.")


def test_exports_asked_for_on_the_page_are_listed_too(ready, rowan):
    assert program_of(rowan, Scope.EXPORTS_READ).all("/exports", limit=1) == [ready]


def test_ten_exports_need_as_many_queries_as_one(program, experiment, queries):
    for number in range(10):
        reason = f"{REASON} Draft {number}."  # the same question would be the same export
        program.post("/exports", {"experiment": str(experiment.public_id), "reason": reason})
    counts = []
    for limit in (1, 10):
        with queries:
            assert len(program.get("/exports", limit=limit).json()["items"]) == limit
        counts.append(len(queries))

    assert counts[0] == counts[1]
