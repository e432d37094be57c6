"""`with-servers`: a command, its servers, its exit code, and nothing left."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import ROOT, left_of, until


def test_the_exit_code_is_that_of_the_command(folder, local):
    assert local("with-servers", "--fast", "--data", folder / "d", "--", "sh", "-c", "exit 7").ends() == 7


def test_the_command_finds_its_servers(folder, local):
    ask = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL_WORKER']).info.user)"

    started = local(
        "with-servers", "--fast", "--data", folder / "d", "--", ROOT / ".venv/bin/python", "-c", ask
    )

    assert started.ends() == 0, started.text
    assert started.text.splitlines()[-1] == "marlin_worker"


def test_servers_in_different_folders_run_side_by_side(folder, local):
    both = [running(local, folder / name) for name in ("one", "two")]

    assert [each.process.poll() for each in both] == [None, None]


def test_a_second_start_in_the_same_folder_is_refused(folder, local):
    running(local, folder / "d")

    second = local("with-servers", "--fast", "--data", folder / "d", "--", "true")

    assert second.ends() == 1
    assert "already runs" in second.text


@pytest.mark.parametrize(
    ("victim", "number"),
    [
        ("outer", signal.SIGKILL),
        ("inner", signal.SIGKILL),
        ("outer", signal.SIGTERM),
        ("outer", signal.SIGINT),
    ],
)
def test_ending_either_process_ends_everything(folder, local, victim, number):
    started = running(local, folder / "d")
    busy = len(left_of(folder / "d"))

    os.kill(started.process.pid if victim == "outer" else started.inner, number)

    assert busy > 5
    assert started.ends() != 0
    until(lambda: not left_of(folder / "d"), lambda: str(left_of(folder / "d")))
    # And nothing it left keeps the next one from starting.
    assert local("with-servers", "--fast", "--data", folder / "d", "--", "true").ends() == 0


def test_what_a_killed_start_left_is_ended_by_the_next(folder, local):
    started = running(local, folder / "d")
    inner = started.inner
    started.process.send_signal(signal.SIGSTOP)  # so that it cannot adopt what the other one leaves

    os.kill(inner, signal.SIGKILL)
    started.process.kill()
    again = local("with-servers", "--fast", "--data", folder / "d", "--", "true")

    assert again.ends() == 0, again.text
    assert left_of(folder / "d") == []


def running(local, data):
    # The command hides a process of its own in another session, where no signal to the group finds it.
    hide = "setsid sleep 1000 & echo is up; exec sleep 1000"
    started = local("with-servers", "--fast", "--data", data, "--", "sh", "-c", hide)
    started.says("is up")
    return started
