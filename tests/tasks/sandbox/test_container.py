"""The container runner by the command line it builds, and with an engine that is a script: none is needed here."""

import os
import socket
import stat

import pytest

from tasks.sandbox.base import Command, Limits, Mount, SandboxUnusable
from tasks.sandbox.container import LABEL, Container

#: Plays the engine: runs what comes after the image, and keeps what it was asked.
ENGINE = """#!/bin/sh
echo "$@" >> "{asked}"
case "$1" in
run) while [ "$1" != image ]; do shift; done; shift; exec "$@" ;;
inspect) cat "{answer}" ;;
ps) cat "{answer}" ;;
esac
"""
SHORT = Limits(wall=30, idle=None)


@pytest.fixture
def engine(tmp_path):
    program = tmp_path / "engine"
    program.write_text(ENGINE.format(asked=tmp_path / "asked", answer=tmp_path / "answer"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "answer").write_text("false")
    for name in ("worktree", "home", "agent"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def container(engine):
    return Container("image", engine=str(engine / "engine"), uid=os.getuid() or 61_000)


def command(engine, *argv, **fields):
    return Command(argv, fields.pop("env", {}), engine / "worktree", engine / "home", **fields)


def test_the_command_line_closes_what_bubblewrap_closes(container, engine):
    mounts = (Mount(engine / "agent", "/opt/agent"),)
    asked = command(engine, "agent", "do it", env={"KEY": "very-secret"}, mounts=mounts)

    line = container.arguments("name", asked, Limits(memory=7, processes=9, file_size=11, tmp=13, cpu=17))

    words = " ".join(line)
    user = os.getuid() or 61_000
    for expected in (
        "--network none",
        f"--user {user}:{user}",
        "--cap-drop ALL",
        "--read-only",
        "--security-opt no-new-privileges",
        "--pids-limit 9",
        "--memory 7 --memory-swap 7",
        "--ulimit fsize=11",
        "--ulimit core=0",
        "--ulimit cpu=17",
        "--tmpfs /tmp:rw,exec,mode=1777,size=13",
        "--pull never",
        "--hostname sandbox",
        f"type=bind,source={engine}/worktree,target=/workspace ",
        f"type=bind,source={engine}/home,target=/home/dev ",
        f"type=bind,source={engine}/agent,target=/opt/agent,readonly",
        "--env KEY ",
        "--env HOME=/home/dev",
        f"--label {LABEL}={socket.gethostname()}:{os.getpid()}",
    ):
        assert expected in words
    assert "very-secret" not in words
    assert line[-3:] == ["image", "agent", "do it"]
    assert not {"--privileged", "--volume", "-v", "--pid"} & set(line)


def test_with_a_network_it_is_the_engines_own(container, engine):
    assert "bridge" in container.arguments("name", command(engine, "true", network=True), SHORT)


@pytest.mark.parametrize(
    ("script", "ended", "code", "out"),
    [
        ("echo $KEY; cat; exit 3", "exited", 3, b"secret\nstdin"),
        ("head -c 100000 /dev/zero", "output", None, None),
    ],
)
def test_it_tells_how_a_command_ended(container, engine, script, ended, code, out):
    asked = command(engine, "sh", "-c", script, env={"KEY": "secret"}, stdin=b"stdin")

    finished = container.run(asked, Limits(wall=30, idle=None, output=50_000))

    assert (finished.ended, finished.exit_code) == (ended, code)
    assert out is None or finished.stdout == out
    kinds = [line.split()[0] for line in (engine / "asked").read_text().splitlines()]
    assert kinds[:2] == ["run", "kill"]
    assert kinds[-1] == "rm"  # whatever happened


def test_what_the_engine_killed_for_its_memory_is_told_as_that(container, engine):
    (engine / "answer").write_text("true")

    assert container.run(command(engine, "sh", "-c", "exit 137"), SHORT).ended == "memory"


def test_an_engine_that_fails_is_the_machines_fault(container, engine):
    with pytest.raises(SandboxUnusable, match="no such image"):
        container.run(command(engine, "sh", "-c", "echo no such image >&2; exit 125"), SHORT)
    missing = Container("image", engine=str(engine / "nothing"), uid=container.uid)
    with pytest.raises(SandboxUnusable, match="did not start"):
        missing.run(command(engine, "true"), SHORT)
    assert missing.check() != []


def test_containers_of_dead_workers_are_removed_and_no_others(container, engine):
    here = socket.gethostname()
    (engine / "answer").write_text(
        f"dead {here}:999999999\nmine {here}:{os.getpid()}\nelsewhere other-machine:999999999\n"
    )

    assert container.reap() == 1

    assert (engine / "asked").read_text().splitlines()[-1] == "rm --force --volumes dead"


def test_root_and_mounts_that_lead_out_are_refused(engine):
    program = str(engine / "engine")
    with pytest.raises(SandboxUnusable, match="As root"):
        Container("image", engine=program, uid=0).run(command(engine, "true"), SHORT)
    for mount in (Mount(engine / "nothing", "/x"), Mount(engine, "/opt/../x"), Mount(engine, "x")):
        with pytest.raises(SandboxUnusable):
            Container("image", engine=program, uid=61_000).arguments(
                "name", command(engine, "true", mounts=(mount,)), SHORT
            )
