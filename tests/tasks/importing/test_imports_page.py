"""Files that an admin sends: read by a job once, each refused row by line; pull requests for reviewers alone."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

import tasks.jobs
from marlin.models import Event
from tasks.importing import live, pull_requests
from tasks.importing.rows import Refused
from tasks.models import Experiment, Import, PullRequest, Scenario
from tests import factories
from tests.tasks.importing.test_predictions import MODELS, instance, prediction, validator_of

PAGE = "/imports/"
PUBLISHED = validator_of("import-pull-request")
KEYS = ["n1", "n2", "n3"]


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


def sent(rows, name="rows.jsonl"):
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return SimpleUploadedFile(name, "".join(f"{line}\n" for line in lines).encode())


def bring(admin, kind, *files, **fields):
    """Send the files, and do the job that was rung for."""
    answer = admin.post(PAGE, {"kind": kind, "files": list(files)} | fields)
    assert answer.status_code == 302, answer.content.decode()
    found = Import.objects.latest("pk")
    tasks.jobs.read_import(found.pk)
    found.refresh_from_db()
    return found


def pull(number=1234, **fields):
    """As `GET /repos/{owner}/{repo}/pulls/{number}` answers, with the files beside it."""
    return {
        "number": number,
        "title": "Tell the  tide",
        "body": "Closes the old question.",
        "merged_at": "2026-01-02T03:04:05Z",
        "base": {"sha": factories.BASE_COMMIT, "ref": "main", "repo": {"full_name": "octocat/tides"}},
        "head": {"sha": "c" * 40},
        "files": [
            {
                "filename": "tide.py",
                "status": "modified",
                "additions": 1,
                "deletions": 1,
                "patch": "@@ -1 +1 @@\n-a\n+SECRET_ANSWER",
            }
        ],
    } | fields


# --- The page ------------------------------------------------------------------------------------------------------


def test_tasks_and_outputs_become_an_experiment_that_can_be_graded(admin, ada, bells):
    assert b"Nothing yet." in admin.get(PAGE).content
    bring(admin, "tasks", sent(instance(key) for key in KEYS))
    outputs = [sent([prediction(key, model) for key in KEYS], f"{model}.jsonl") for model in MODELS]

    done = bring(admin, "predictions", *outputs, experiment="Birds")

    assert (done.state, done.by) == ("done", ada)
    assert done.outcome.startswith("6 rows: 6 new, 0 known, 0 refused. “Birds” has 3 tasks")
    assert Experiment.objects.get(name="Birds").state == "running"
    assert Event.objects.filter(name="experiment.configured", actor=ada).exists()  # and does not grade it
    shown = admin.get(PAGE).content.decode()
    assert "kestrel-1.jsonl: 3 rows, 3 new, 0 known, 0 refused" in shown
    assert "hx-trigger" not in shown.split('class="items"')[1].split("</ul>")[0]


def test_refused_rows_are_told_by_line_and_the_good_ones_go_through_once(admin, bells):
    rows = [instance("n1"), "{", instance("n2", base_commit="main"), instance("n3")]
    done = bring(admin, "tasks", sent(rows))
    assert list(done.files.values_list("rows", "added", "known", "refused_rows")) == [(4, 2, 0, 2)]

    page = admin.get(f"{PAGE}{done.public_id}/").content.decode()
    admin.post(f"{PAGE}{done.public_id}/again")
    tasks.jobs.read_import(done.pk)

    assert '<li value="2">This is not JSON' in page
    assert '<li value="3">Its base_commit “main” is not a commit' in page
    assert list(done.files.values_list("added", "known")) == [(0, 2)]
    assert Scenario.objects.count() == 2


def test_all_or_nothing_stores_nothing_and_says_so(admin, bells):
    done = bring(admin, "tasks", sent([instance("n1"), "{"]), whole="on")

    assert (done.state, Scenario.objects.count()) == ("refused", 0)
    assert done.failure == "rows.jsonl: 1 of 2 rows were refused, so none was stored."
    assert list(done.files.values_list("added", "refused_rows")) == [(0, 1)]


@pytest.mark.parametrize(
    ("fields", "name", "sentence"),
    [
        ({"kind": "riddles"}, "a.jsonl", "Choose what the files hold."),
        ({}, "a.csv", "ends in none of .jsonl, .json, .parquet"),
        ({}, "", "Choose a file."),
        ({"dataset": "a b"}, "a.jsonl", "The name of the data set"),
        ({"rubric": "taste"}, "a.jsonl", "There is no rubric “taste”."),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_was_typed(admin, bells, fields, name, sentence):
    posted = {"kind": "tasks", "experiment": "Typed here"} | fields
    page = admin.post(PAGE, posted | ({"files": sent([], name)} if name else {}))

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert "Typed here" in page.content.decode()
    assert (Import.objects.count(), bells) == (0, [])


def test_a_worker_that_was_taken_for_dead_writes_nothing_and_a_second_bell_changes_nothing(
    admin, bells, monkeypatch
):
    admin.post(PAGE, {"kind": "tasks", "files": sent([instance("n1")])})
    found = Import.objects.get()
    read = tasks.jobs.asked.read

    def slow(late):
        Import.objects.update(token="another worker's")
        return read(late)

    with monkeypatch.context() as patched:
        patched.setattr(tasks.jobs.asked, "read", slow)
        tasks.jobs.read_import(found.pk)
    assert Import.objects.get().state == "waiting"
    Import.objects.update(lease_until=None)

    tasks.jobs.read_import(found.pk)
    tasks.jobs.read_import(found.pk)

    assert Import.objects.get().outcome == "1 rows: 0 new, 1 known, 0 refused."
    assert Scenario.objects.count() == 1


# --- Pull requests -------------------------------------------------------------------------------------------------


@pytest.fixture
def tides(db):
    return factories.make_repository(name="tides", url="https://example.org/octocat/tides.git")


def test_a_pull_request_is_offered_to_writers_and_its_answer_shown_to_reviewers_alone(
    admin, tides, riley, robin, bells
):
    done = bring(admin, "pull_requests", sent([pull()]))
    assert done.outcome == "1 rows: 1 new, 0 known, 0 refused."
    admin.force_login(riley)
    offered = admin.get("/scenarios/new", {"repository": "tides", "q": "#1234"}).content.decode()
    begun = admin.post(
        "/scenarios/begin",
        {"repository": "tides", "commit": factories.BASE_COMMIT, "category": "bug fix"},
    )
    desk = admin.get(begun["Location"]).content.decode()
    draft = factories.make_draft(riley, repository=tides)
    draft.propose(by=riley)
    admin.force_login(robin)
    approval = admin.get(f"/approvals/{draft.public_id}/").content.decode()

    assert "(parent of merge #1234)" in offered
    assert "Tell the tide" in offered
    assert "SECRET_ANSWER" not in offered + desk
    assert "Closes the old question" not in offered + desk
    assert "SECRET_ANSWER" in approval
    assert "diff --git a/tide.py b/tide.py" in approval


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"number": None}, "It has no number."),
        ({"number": True}, "It has no number."),
        ({"title": " "}, "It has no title."),
        ({"base": None}, "It has no base, which tells"),
        ({"base": {"sha": "main", "repo": {"full_name": "a/b"}}}, "Its base.sha “main” is not a commit"),
        ({"base": {"sha": "a" * 40, "repo": {"full_name": "b"}}}, "Its base.repo.full_name “b”"),
        ({"base": {"sha": "a" * 40, "repo": {"full_name": "a/b"}}}, "There is no repository a/b here."),
        ({"base": {"sha": "f" * 40, "repo": {"full_name": "octocat/tides"}}}, "is not in tides; copy"),
        ({"files": "all"}, "Its files are not a list"),
        ({"merged_at": "yesterday"}, "Its merged_at “yesterday” is not a moment."),
    ],
)
def test_a_pull_request_that_cannot_be_used_is_refused_with_its_reason(tides, tmp_path, fields, sentence):
    file = tmp_path / "pulls.jsonl"
    file.write_text(json.dumps(pull(**fields)))
    # What the published schema lets through only the repository itself can refuse.
    assert PUBLISHED.is_valid(pull(**fields)) == ("repository" in sentence or "is not in" in sentence)

    tally = pull_requests.PullRequests().reader.read(file)

    assert sentence in tally.refused[0][1]
    assert not PullRequest.objects.exists()


def test_pull_requests_are_asked_for_live_in_the_same_shape(tides, tmp_path):
    asked = []

    def get(path, accept):
        asked.append((path, accept.rpartition("/")[2]))
        if path.endswith("page=1"):
            return json.dumps(pull()["files"]).encode()
        return b"diff --git a/x b/x\n" if accept.endswith("diff") else json.dumps(pull(files=None)).encode()

    live.write("octocat/tides", [1234], tmp_path / "live.jsonl", token="", get=get)
    assert PUBLISHED.is_valid(json.loads((tmp_path / "live.jsonl").read_text()))
    tally = pull_requests.PullRequests().reader.read(tmp_path / "live.jsonl")

    assert (tally.added, PullRequest.objects.get().diff) == (1, "diff --git a/x b/x\n")
    assert asked == [
        ("/octocat/tides/pulls/1234", "vnd.github+json"),
        ("/octocat/tides/pulls/1234/files?per_page=100&page=1", "vnd.github+json"),
        ("/octocat/tides/pulls/1234", "vnd.github.diff"),
    ]


@pytest.mark.parametrize(
    ("api", "sentence"),
    [
        ("http://api.example.org/repos", "Only https:// addresses are allowed."),
        ("https://10.0.0.1/repos", "this machine or of a private network"),
        ("https://api.example.org/repos", "leads into a private network"),
    ],
)
def test_the_api_is_looked_at_before_a_token_is_sent(tmp_path, monkeypatch, api, sentence):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.7", 443))])
    monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("It was asked."))

    with pytest.raises(Refused, match=sentence):
        live.write("octocat/tides", [1], tmp_path / "live.jsonl", token="t", api=api)
