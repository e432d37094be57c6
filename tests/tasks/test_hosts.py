"""Tokens of private hosts: the page seals them, the job that copies opens them, and they go to their host alone."""

from __future__ import annotations

import base64

import pytest

import tasks.jobs
from tasks import hosts
from tasks.gateway.sealing import KeyUnusable
from tasks.generation import environment as environments
from tasks.git import mirrors
from tasks.models import HostToken, MirrorKey, Repository

SECRET = "ghp_0123456789"


@pytest.fixture
def key(db, settings, tmp_path):
    settings.WORK_AREA = tmp_path
    hosts.make_key()
    hosts.make_key()
    assert MirrorKey.objects.count() == 1
    assert (tmp_path / "keys" / "mirrors.key").stat().st_mode & 0o077 == 0


def test_a_token_is_sealed_on_the_page_and_opened_for_its_host_alone(client, ada, key):
    client.force_login(ada)

    page = client.post("/repositories/tokens", {"host": "Git.Example.org", "token": SECRET}, follow=True)

    assert SECRET not in page.content.decode()
    assert "git.example.org" in page.content.decode()
    assert SECRET.encode() not in bytes(HostToken.objects.get().sealed)
    assert hosts.token_for("https://git.example.org/team/tide") == SECRET
    assert hosts.token_for("https://other.example.org/team/tide") == ""
    client.post("/repositories/tokens/forget", {"host": "git.example.org"})
    assert hosts.token_for("https://git.example.org/team/tide") == ""


def test_a_token_that_was_moved_to_another_host_does_not_open(ada, key):
    hosts.keep("git.example.org", SECRET, by=ada)
    HostToken.objects.update(host="evil.example.org")

    with pytest.raises(KeyUnusable, match="does not open here; set it again"):
        hosts.token_for("https://evil.example.org/team/tide")


@pytest.mark.parametrize(
    ("host", "token", "sentence"),
    [
        ("10.0.0.1", SECRET, "private network"),
        ("localhost", SECRET, "private network"),
        ("git.example.org/team", SECRET, "Name the host alone"),
        ("user@git.example.org", SECRET, "user name or password"),
        ("git.example.org", "short", "8 to 500"),
        ("git.example.org", f"{SECRET}\nX-Header: 1", "without spaces"),
    ],
)
def test_a_token_that_is_not_kept_says_why(ada, key, host, token, sentence):
    with pytest.raises(hosts.Refused, match=sentence):
        hosts.keep(host, token, by=ada)
    assert not HostToken.objects.exists()


def test_the_copying_job_sends_it_to_its_host_and_puts_it_on_no_command_line(ada, key, bells, monkeypatch):
    hosts.keep("git.example.org", SECRET, by=ada)
    seen = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.216.34", 443))])
    monkeypatch.setattr(mirrors, "_fetch", lambda remote, *_: seen.append(remote))
    monkeypatch.setattr(mirrors, "resolve", lambda *_: "a" * 40)
    monkeypatch.setattr(environments, "commits", lambda _: [])
    monkeypatch.setattr(environments, "languages", lambda _: [])
    repository = Repository.objects.create(name="tide", url="https://git.example.org/team/tide")

    tasks.jobs.clone_repository(repository.pk)

    coded = base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()
    assert seen[0].secret == {"http.https://git.example.org/.extraHeader": f"Authorization: Basic {coded}"}
    assert SECRET not in repr(seen[0])
    assert SECRET not in str(seen[0].config)
