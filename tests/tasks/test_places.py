"""Where things lie, and which user an agent runs as."""

import os

import pytest
from django.conf import settings

from tasks.generation import places
from tasks.sandbox.bubblewrap import Bubblewrap
from tasks.sandbox.local import LocalSandbox


def test_a_run_directory_is_gone_afterwards_whatever_was_left_in_it():
    def work() -> None:
        with places.run_directory("one") as directory:
            (directory / "deep").mkdir()
            (directory / "deep" / "file").write_text("left")
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        work()

    assert not (settings.WORK_AREA / "runs" / "one").exists()
    assert not (settings.WORK_AREA / "locks" / "one").exists()


def test_a_run_directory_can_be_passed_through_and_not_listed():
    with places.run_directory("one") as directory:
        assert directory.stat().st_mode & 0o777 == 0o711


def test_the_directory_of_a_live_run_is_not_swept():
    with places.run_directory("live") as directory:
        places.sweep_run_directories()

        assert directory.is_dir()


def test_a_lock_whose_directory_is_not_there_goes_when_no_run_can_be_beginning():
    old, young = (places.area("locks") / name for name in ("old", "young"))
    for lock in (old, young):
        lock.touch()
    os.utime(old, (0, 0))

    places.sweep_run_directories()

    assert (old.exists(), young.exists()) == (False, True)
    young.unlink()


def test_two_sandboxes_never_share_a_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with places.sandbox() as one, places.sandbox() as other:
        assert one.uid != other.uid
        assert {one.uid, other.uid} <= set(range(settings.AGENT_UID, settings.AGENT_UID + places.MOST_AGENTS))


def test_a_user_is_free_again_afterwards(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with places.sandbox() as sandbox:
        first = sandbox.uid

    with places.sandbox() as sandbox:
        assert sandbox.uid == first


def test_more_agents_than_users_are_refused_with_a_sentence(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(places, "MOST_AGENTS", 1)

    with (
        places.sandbox(),
        pytest.raises(RuntimeError, match="lower the worker's concurrency"),
        places.sandbox(),
    ):
        pass


def test_an_ordinary_user_needs_no_other(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with places.sandbox() as sandbox:
        assert isinstance(sandbox, Bubblewrap)


def test_without_a_wall_only_when_somebody_says_so(settings):
    settings.UNSAFE_SUBPROCESS = True

    with places.sandbox() as sandbox:
        assert isinstance(sandbox, LocalSandbox)
