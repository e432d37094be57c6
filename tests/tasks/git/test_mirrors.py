import signal
import subprocess
import sys
import threading

import pytest

from tasks.addresses import RefusedUrl, check_url
from tasks.git import mirrors
from tasks.git.command import GitFailed, git


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/team/repository",
        "https://git.example.org/team/repository.git",
        "https://git.example.org:443/team/repository",
        "https://93.184.216.34/repository",
    ],
)
def test_an_https_address_is_given_back(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        " https://git.example.org/a",
        "https://git.example.org/a b",
        "https://git.example.org/a\nb",
        "https://git.example.org/a\0b",
        "https://git.example.org/\u202eb",
        "http://git.example.org/a",
        "git://git.example.org/a",
        "ssh://git.example.org/a",
        "git@git.example.org:team/a",
        "ssh://-oProxyCommand=touch x/a",
        "ext::sh -c 'touch x'",
        "ext::sh",
        "fd::17",
        "--upload-pack=touch x;false",
        "-c",
        "file:///srv/repository",
        "/srv/repository",
        "../repository",
        "https://riley@git.example.org/a",
        "https://riley:secret@git.example.org/a",
        "https://git.example.org:8443/a",
        "https://git.example.org:99999999/a",
        "https://git.example.org/a?b",
        "https://git.example.org/a#b",
        "https://git.example.org\\@evil/a",
        "https://git.example.org",
        "https://git.example.org/",
        "https:///a",
        "https://localhost/a",
        "https://db.localhost/a",
        "https://printer.local/a",
        "https://metadata.google.internal/a",
        "https://intranet/a",
        "https://127.0.0.1/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://0177.0.0.1/a",
        "https://0.0.0.0/a",
        "https://10.1.2.3/a",
        "https://172.16.0.1/a",
        "https://192.168.1.1/a",
        "https://169.254.169.254/a",
        "https://100.64.0.1/a",
        "https://224.0.0.1/a",
        "https://[::1]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://[fe80::1]/a",
        "https://[fd00::1]/a",
        "https://[2002:7f00:1::]/a",
        "https://[::1/a",
    ],
)
def test_other_addresses_are_refused_with_a_sentence(url):
    with pytest.raises(RefusedUrl, match=r"\.$"):
        check_url(url)


def test_local_paths_are_allowed_by_a_setting():
    assert check_url("/srv/repository", allow_local=True) == "/srv/repository"
    assert check_url("file:///srv/repository", allow_local=True) == "file:///srv/repository"
    with pytest.raises(RefusedUrl):
        check_url("file://host/repository", allow_local=True)


def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch, tmp_path):
    private = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: private)

    with pytest.raises(RefusedUrl, match="private network"):
        mirrors.mirror("https://git.example.org/a", tmp_path / "mirror.git")

    assert not (tmp_path / "mirror.git").exists()


def test_git_is_bound_to_the_address_that_was_looked_at(monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.216.34", 443))])

    assert mirrors._pinned("https://git.example.org/a") == {
        "http.curloptResolve": "git.example.org:443:93.184.216.34"
    }


def test_a_host_that_does_not_exist_is_told(monkeypatch, tmp_path):
    def unknown(*_, **__):
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", unknown)

    with pytest.raises(GitFailed, match=r"The host git\.example\.org could not be found"):
        mirrors.mirror("https://git.example.org/a", tmp_path / "mirror.git")


def test_a_mirror_holds_every_commit(mirror, commit, future):
    assert mirrors.has_commit(mirror, commit)
    assert mirrors.resolve(mirror, "main") == future
    assert mirrors.resolve(mirror, "HEAD") == future
    assert mirrors.resolve(mirror, "main~1") == commit
    assert mirrors.resolve(mirror, commit[:10]) == commit


def test_mirroring_again_brings_what_is_new_and_drops_what_is_gone(origin, mirror):
    origin.run("branch", "topic")
    mirrors.mirror(str(origin.path), mirror, allow_local=True)
    origin.run("branch", "-D", "topic")
    newest = origin.commit("Later")

    mirrors.mirror(str(origin.path), mirror, allow_local=True)

    assert mirrors.has_commit(mirror, newest)
    with pytest.raises(GitFailed):
        mirrors.resolve(mirror, "topic")


@pytest.mark.parametrize("revision", ["f" * 40, "nothing", "", "-n", "--all", "main\nmain", "main:tide.py"])
def test_what_is_no_commit_is_told(mirror, revision):
    with pytest.raises(GitFailed, match="commit"):
        mirrors.resolve(mirror, revision)
    assert not mirrors.has_commit(mirror, revision)


def test_a_repository_that_does_not_exist_leaves_no_mirror(reachable):
    with pytest.raises(GitFailed, match="does not appear to be a git repository"):
        mirrors.mirror(str(reachable / "nothing"), reachable / "mirror.git", allow_local=True)

    assert not (reachable / "mirror.git").exists()


def test_a_killed_attempt_leaves_no_half_mirror(origin, future, reachable):
    # The remote hangs in the middle of the fetch: its pack program tells us that it runs, and waits.
    script = (
        "import os, sys, time; from pathlib import Path\n"
        "from tasks.git import mirrors\n"
        "def hang(*_): print('fetching', flush=True); time.sleep(60)\n"
        "mirrors._point_head = hang\n"
        "mirrors.mirror(sys.argv[1], Path(sys.argv[2]), allow_local=True)\n"
    )
    command = [sys.executable, "-c", script, str(origin.path), str(reachable / "mirror.git")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"fetching\n"
        process.send_signal(signal.SIGKILL)

    assert not (reachable / "mirror.git").exists()
    mirrors.mirror(str(origin.path), reachable / "mirror.git", allow_local=True)
    assert mirrors.has_commit(reachable / "mirror.git", future)
    assert not (reachable / ".mirror.git.unfinished").exists()


def test_mirroring_at_once_makes_one_mirror(origin, future, reachable):
    failures = []

    def work():
        try:
            mirrors.mirror(str(origin.path), reachable / "mirror.git", allow_local=True)
        except GitFailed as why:
            failures.append(why)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert mirrors.has_commit(reachable / "mirror.git", future)


def test_hooks_and_settings_of_the_origin_do_not_run(origin, future, reachable):
    marker = reachable / "marker"
    evil = reachable / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\n")
    evil.chmod(0o755)
    for hook in ("post-checkout", "pre-receive", "reference-transaction", "post-upload-pack"):
        (origin.path / ".git" / "hooks").mkdir(exist_ok=True)
        (origin.path / ".git" / "hooks" / hook).symlink_to(evil)
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand", "core.gitProxy"):
        origin.run("config", key, str(evil))
    marker.unlink(missing_ok=True)

    mirrors.mirror(str(origin.path), reachable / "mirror.git", allow_local=True)

    assert not marker.exists()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {}'", "--upload-pack=touch {};false"])
def test_git_itself_runs_nothing_from_an_address(reachable, url, mirror):
    marker = reachable / "marker"

    with pytest.raises(GitFailed):
        git("fetch", "--", url.format(marker), git_dir=mirror, protocols="https")

    assert not marker.exists()


@pytest.mark.parametrize("depth", [1, None])
def test_the_base_holds_nothing_newer(mirror, commit, future, reachable, depth):
    base = mirrors.base_only(mirror, commit, reachable / "base.git", depth=depth)

    assert mirrors.has_commit(base, commit)
    assert not mirrors.has_commit(base, future)
    assert not (base / "objects" / "info" / "alternates").exists()
    assert git("for-each-ref", "--format=%(refname)", git_dir=base) == b"refs/heads/main\n"
    count = int(git("rev-list", "--count", commit, git_dir=base))
    assert count == (1 if depth else 2)
    everything = git("cat-file", "--batch-all-objects", "--batch", git_dir=base)
    assert b"the merged pull request" not in everything


def test_a_base_is_made_once(mirror, commit, reachable):
    first = mirrors.base_only(mirror, commit, reachable / "base.git")
    made = first.stat().st_ino

    again = mirrors.base_only(mirror, commit, reachable / "base.git")

    assert again.stat().st_ino == made


def test_a_base_of_another_commit_is_not_mistaken(mirror, commit, future, reachable):
    mirrors.base_only(mirror, commit, reachable / "base.git")

    with pytest.raises(GitFailed, match="another commit"):
        mirrors.base_only(mirror, future, reachable / "base.git")


def test_a_base_of_a_missing_commit_is_not_made(mirror, reachable):
    with pytest.raises(GitFailed, match="is not a commit of this repository"):
        mirrors.base_only(mirror, "f" * 40, reachable / "base.git")

    assert not (reachable / "base.git").exists()
