"""Pull requests that a host is asked for on the page: over TLS, with its token, told when it refuses, gone on with."""

from __future__ import annotations

import pytest

import tasks.jobs
from tasks import hosts, imports
from tasks.importing import live
from tasks.models import Import, PullRequest
from tests import factories, fake_github
from tests.tasks.importing.test_imports_page import PAGE, pull

SECRET = "ghp_0123456789"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with fake_github.serve(tmp_path_factory.mktemp("github")) as github:
        yield github


@pytest.fixture
def github(served, monkeypatch):
    """Its name leads to this machine, and its certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))
    monkeypatch.setattr(live, "PORT", served.port)
    monkeypatch.setattr(live, "_address", lambda name: "127.0.0.1")
    served.pulls = {number: pull(number) for number in range(1, 26)}
    served.asked, served.limit, served.headers = [], 1_000, {}
    return served


@pytest.fixture
def admin(client, ada, bells):
    factories.make_repository(name="tides", url="https://example.org/octocat/tides.git")
    client.force_login(ada)
    return client


def ask(admin, github, numbers):
    typed = {"kind": "live", "repository": "octocat/tides", "numbers": numbers, "api": github.api}
    assert admin.post(PAGE, typed).status_code == 302
    return done(Import.objects.latest("pk"))


def done(asked):
    tasks.jobs.read_import(asked.pk)
    asked.refresh_from_db()
    return asked


def counts(asked):
    return asked.files.values_list("rows", "added", "known", "refused_rows").get()


def test_pull_requests_come_from_the_host_with_the_token_kept_for_it(admin, ada, github):
    hosts.make_key()
    hosts.keep(fake_github.NAME, SECRET, by=ada)
    github.pulls[7]["files"] = [{"filename": f"{n}.py", "additions": 1, "deletions": 0} for n in range(150)]

    asked = ask(admin, github, "7, #8 99")

    assert (asked.state, asked.left, counts(asked)) == ("done", [], (3, 2, 0, 1))
    assert len(PullRequest.objects.get(number=7).files) == 150
    assert {token for _, token in github.asked} == {f"Bearer {SECRET}"}
    page = admin.get(f"{PAGE}{asked.public_id}/").content.decode()
    assert '<li value="99">There is no octocat/tides/pulls/99' in page
    assert SECRET not in page


def test_a_limit_is_told_what_came_is_kept_and_it_goes_on_from_there(admin, github):
    github.limit = 3 * 14  # requests: fourteen of the twenty pull requests
    github.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795431600"}

    asked = ask(admin, github, "1-20")
    assert asked.state == "refused"
    assert asked.failure.startswith(
        "The API's limit is reached; it answers again at 11:00 UTC. 6 of 20 are left."
    )
    assert (PullRequest.objects.count(), counts(asked)) == (14, (14, 14, 0, 0))
    github.asked.clear()
    admin.post(f"{PAGE}{asked.public_id}/again")
    done(asked)

    assert (asked.state, counts(asked)) == ("done", (20, 20, 0, 0))
    assert len(github.asked) == 3 * 6
    admin.post(f"{PAGE}{asked.public_id}/again")
    github.limit = 1_000
    assert counts(done(asked)) == (20, 0, 20, 0)


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (302, {"Location": "https://elsewhere.example/"}, "answered with 302; redirects are not followed"),
        (401, {}, "does not accept the token"),
        (403, {}, "a token may be missing"),
        (429, {"Retry-After": "soon"}, "limit is reached; try again later"),
        (502, {}, "answered with 502"),
    ],
)
def test_what_a_host_says_instead_is_told(admin, github, status, headers, sentence):
    github.limit, github.status, github.headers = 0, status, headers

    asked = ask(admin, github, "1 2")

    assert sentence in asked.failure
    assert (asked.left, len(github.asked)) == ([1, 2], 1)


def test_a_certificate_that_nobody_vouches_for_gets_no_token(admin, github, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")

    assert "did not answer: SSLCertVerificationError" in ask(admin, github, "1").failure
    assert github.asked == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"repository": "tides"}, "by owner and name"),
        ({"numbers": ""}, "is no number of a pull request"),
        ({"numbers": "1 two"}, "“two” is no number"),
        ({"numbers": "9-3"}, "does not run from"),
        ({"numbers": "1-301"}, "300 pull requests are the most"),
        ({"api": "http://api.tides.example/repos"}, "Only https:// addresses"),
        ({"api": "https://192.168.0.1/repos"}, "private network"),
        ({"api": f"https://api.tides.example/{'r' * 200}"}, "longer than 200"),
    ],
)
def test_what_cannot_be_asked_for_comes_back_with_what_was_typed(admin, fields, sentence):
    typed = {"kind": "live", "repository": "octocat/tides", "numbers": "12", "api": ""} | fields

    page = admin.post(PAGE, typed)

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert f'value="{typed["repository"]}"' in page.content.decode()
    assert not Import.objects.exists()


def test_numbers_are_read_as_people_write_them():
    assert imports.numbers_of(" 12,#13 20-22;13 ") == [12, 13, 20, 21, 22]


def test_a_token_of_github_opens_its_api(ada, db):
    hosts.make_key()
    hosts.keep("github.com", SECRET, by=ada)

    assert hosts.token_of_api(live.API) == SECRET
    assert hosts.token_of_api("https://api.tides.example/repos") == ""
