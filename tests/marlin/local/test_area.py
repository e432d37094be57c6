"""The folders: private ones that nobody planted, short names for sockets, one user at a time."""

from __future__ import annotations

import os

import pytest

from marlin.local import CannotServe, area
from marlin.local.area import LONGEST_SOCKET_FOLDER, area_at, locked

from .conftest import until


def test_a_second_holder_is_refused_with_the_number_of_the_first(folder):
    with locked(folder / "lock"), pytest.raises(CannotServe, match=str(os.getpid())), locked(folder / "lock"):
        pass


def test_the_lock_leaves_no_file(folder):
    with locked(folder / "lock"):
        pass

    assert not (folder / "lock").exists()


def test_a_lock_whose_holder_was_killed_is_free(folder):
    (folder / "lock").write_text("12345\n")

    with locked(folder / "lock"):
        assert (folder / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("plant", ["link", "file", "writable by all"])
def test_a_folder_that_somebody_planted_is_refused(folder, plant):
    target = folder / "planted"
    if plant == "link":
        target.symlink_to(folder)
    elif plant == "file":
        target.touch()
    else:
        target.mkdir()
        target.chmod(0o777)

    with pytest.raises(CannotServe, match="planted is in the way"):
        area._private(target, mode=0o711)


def test_agents_pass_through_the_work_area_without_listing_it(folder):
    assert area_at(folder).work.stat().st_mode & 0o777 == 0o711


def test_a_deep_folder_gets_sockets_with_a_short_name(folder, local):
    deep = folder / ("a" * 60) / ("b" * 60)

    started = local(
        "with-servers", "--fast", "--data", deep, "--", "sh", "-c", 'echo "$DATABASE_URL_WEB $REDIS_URL"'
    )

    assert started.ends() == 0, started.text
    redis_socket = started.text.split()[-1].removeprefix("unix://")
    assert len(redis_socket) < LONGEST_SOCKET_FOLDER
    until(lambda: not os.path.exists(os.path.dirname(os.path.dirname(redis_socket))))
