# ruff: noqa: E501  the scripts read better whole
"""What every sandbox promises; both pass the same tests."""

import ast
import os
import resource
import signal
import sys
import threading
import time

import pytest

from tasks.sandbox.base import MIB, Command, Limits, Mount
from tasks.sandbox.local import LocalSandbox

SHORT = Limits(wall=30, idle=None)


@pytest.fixture(params=["bubblewrap", "local"])
def anywhere(request):
    if request.param == "local":
        return LocalSandbox(i_know_this_is_unsafe=True)
    return request.getfixturevalue("sandbox")


@pytest.fixture
def run(anywhere, reachable):
    (reachable / "worktree").mkdir()
    (reachable / "home").mkdir()

    def run(*argv, limits=SHORT, env=None, stdin=b"", mounts=(), **options):
        command = Command(argv, env or {}, reachable / "worktree", reachable / "home", mounts, stdin)
        return anywhere.run(command, limits, **options)

    return run


@pytest.fixture
def shell(run):
    return lambda script, **options: run("/bin/sh", "-c", script, **options)


@pytest.fixture
def python(run):
    return lambda script, **options: run("/usr/bin/python3", "-c", script, **options)


@pytest.fixture
def nap():
    """Seconds that no other test sleeps, also not the same one beside this in another process."""
    return f"61.{os.getpid()}{time.monotonic_ns() % 100_000}"


def alive(marker):
    """Whether a process with this word on its command line exists."""
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if marker.encode() in line.read() and int(pid) != os.getpid():
                    return True
        except (OSError, ValueError):
            continue
    return False


def test_a_command_runs_in_the_worktree(shell, reachable):
    finished = shell("echo out; echo err >&2; echo made > file; echo kept > $HOME/file")

    assert finished.succeeded
    assert (finished.exit_code, finished.ended, finished.truncated) == (0, "exited", False)
    assert (finished.stdout, finished.stderr) == (b"out\n", b"err\n")
    assert (reachable / "worktree" / "file").read_text() == "made\n"
    assert (reachable / "home" / "file").read_text() == "kept\n"


def test_an_exit_code_is_told(shell):
    finished = shell("exit 3")

    assert (finished.exit_code, finished.ended, finished.succeeded) == (3, "exited", False)


def test_a_signal_is_told_as_a_shell_tells_it(shell):
    assert shell("kill -TERM $$").exit_code == 128 + signal.SIGTERM


def test_a_program_that_is_not_there_fails(run):
    finished = run("no-such-program")

    assert finished.ended == "exited"
    assert finished.exit_code not in (0, None)
    assert b"no-such-program" in finished.stderr


def test_input_is_passed_on_and_then_ends(shell):
    content = os.urandom(1000) * 1000

    assert shell("cat", stdin=content).stdout == content
    assert shell("cat").stdout == b""


def test_arguments_and_environment_arrive_as_they_are(python):
    odd = "two words '\"$HOME\n\\ ü"

    finished = python("import os; print(ascii([os.environ['ODD']]))", env={"ODD": odd})

    assert ast.literal_eval(finished.stdout.decode()) == [odd]


def test_the_environment_is_built_from_nothing(shell, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")

    shown = shell("env", env={"ASKED": "for"}).stdout

    assert b"ASKED=for" in shown
    assert b"secret" not in shown


def test_a_mount_is_found_where_the_sandbox_says(anywhere, run, reachable):
    (reachable / "tool").mkdir()
    (reachable / "tool" / "file").write_text("tool")
    path = anywhere.inside(reachable / "tool", "/opt/agent")

    assert run("cat", f"{path}/file", mounts=(Mount(reachable / "tool", "/opt/agent"),)).stdout == b"tool"


def test_time_runs_out(shell):
    finished = shell("echo started; sleep 60", limits=Limits(wall=0.3))

    assert (finished.ended, finished.exit_code, finished.stdout) == ("wall", None, b"started\n")
    assert finished.seconds < 10


def test_doing_nothing_for_too_long_ends(shell):
    finished = shell("echo started; sleep 60", limits=Limits(wall=30, idle=0.3))

    assert finished.ended == "idle"
    assert finished.seconds < 15


def test_working_in_silence_is_not_idle(python):
    script = "import time; end = time.time() + 3\nwhile time.time() < end: pass"

    assert python(script, limits=Limits(wall=30, idle=1.5)).ended == "exited"


def test_memory_runs_out(python):
    script = "import time; x = bytearray(160 * 2**20); time.sleep(60)"

    assert python(script, limits=Limits(wall=30, memory=80 * MIB)).ended == "memory"


def test_memory_is_summed_over_processes(python):
    script = "import os, time\nfor _ in range(4):\n  if os.fork() == 0:\n    x = bytearray(40 * 2**20); time.sleep(60)\ntime.sleep(60)"

    assert python(script, limits=Limits(wall=30, memory=130 * MIB)).ended == "memory"


def test_too_many_processes_end(shell):
    finished = shell("for i in $(seq 24); do sleep 60 & done; wait", limits=Limits(wall=30, processes=12))

    assert finished.ended == "processes"


def test_output_runs_out_in_bounded_memory(python):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script = "import os\nos.write(1, b'head ')\nwhile True: os.write(1, b'x' * 65536)"

    finished = python(script, limits=Limits(wall=60, output=24 * MIB))

    assert finished.ended == "output"
    assert finished.truncated
    assert finished.stdout.startswith(b"head xxx")
    assert b" bytes left out ...]" in finished.stdout
    assert len(finished.stdout) < 10 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_little_output_is_kept_whole(python):
    finished = python("import sys; sys.stdout.write('a' * 3_000_000); sys.stderr.write('b' * 3_000_000)")

    assert finished.stdout == b"a" * 3_000_000
    assert finished.stderr == b"b" * 3_000_000
    assert not finished.truncated


def test_one_file_cannot_grow_beyond_its_limit(python, reachable):
    script = "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nf = open('big', 'wb')\nwhile True: f.write(b'x' * 65536)"

    finished = python(script, limits=Limits(wall=60, file_size=10 * MIB))

    assert finished.exit_code == 128 + signal.SIGXFSZ
    assert (reachable / "worktree" / "big").stat().st_size == 10 * MIB


def test_many_files_run_out_of_disk(shell, reachable):
    script = "i=0; while true; do i=$((i+1)); head -c 1048576 /dev/zero > file$i || exit 9; done"

    finished = shell(script, limits=Limits(wall=60, disk=30 * MIB))

    assert finished.ended == "disk"
    assert sum(path.stat().st_size for path in (reachable / "worktree").iterdir()) < 1000 * MIB


def test_a_quick_writer_is_caught_at_its_end(shell):
    assert shell("head -c 30000000 /dev/zero > big", limits=Limits(wall=60, disk=10 * MIB)).ended == "disk"


def test_what_was_there_before_is_not_counted(shell, reachable):
    (reachable / "before").mkdir()
    (reachable / "home" / "big").write_bytes(b"x" * 20 * MIB)

    assert shell("true", limits=Limits(wall=60, disk=10 * MIB)).succeeded


def test_cancelling_ends_it(shell):
    started = threading.Event()

    finished = shell("echo started; sleep 60", cancelled=started.is_set, on_output=lambda _: started.set())

    assert finished.ended == "cancelled"
    assert finished.seconds < 15


def test_output_is_heard_as_it_comes(shell):
    heard = []

    shell("echo out; echo err >&2", on_output=heard.append)

    assert b"out\n" in b"".join(heard)
    assert b"err\n" in b"".join(heard)


def test_a_listener_that_fails_leaves_no_process(shell, nap):
    def fail(_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        shell(f"echo x; sleep {nap}", on_output=fail)

    assert not alive(nap)


def test_children_are_dead_at_the_end(shell, nap):
    shell(f"sleep {nap} & sleep {nap} > /dev/null 2>&1 & exit 0")

    assert not alive(nap)


def test_children_that_hold_the_pipes_do_not_keep_us(shell, nap):
    assert shell(f"sleep {nap} & echo done").seconds < 10


def test_a_command_dies_with_us(anywhere, reachable, nap):
    (reachable / "worktree").mkdir()
    script = (
        "import sys; from pathlib import Path\n"
        "from tasks.sandbox.base import *\nfrom tasks.sandbox.bubblewrap import Bubblewrap\n"
        "from tasks.sandbox.local import LocalSandbox\n"
        "kind, uid, folder, nap = sys.argv[1:]\n"
        "box = LocalSandbox(i_know_this_is_unsafe=True) if kind == 'LocalSandbox' else Bubblewrap(uid=int(uid) or None)\n"
        "command = Command(('sleep', nap), {}, Path(folder))\n"
        "box.run(command, Limits(wall=60, idle=None))\n"
    )
    uid = getattr(anywhere, "uid", None) or 0
    words = [type(anywhere).__name__, str(uid), str(reachable / "worktree"), nap]
    command = [sys.executable, "-c", script, *words]
    ours = os.spawnv(os.P_NOWAIT, sys.executable, command)  # noqa: S606
    try:
        wait_until(lambda: alive_as_program(nap))
    finally:
        os.kill(ours, signal.SIGKILL)
        os.waitpid(ours, 0)

    wait_until(lambda: not alive(nap))


def alive_as_program(marker):
    """Whether `sleep` itself runs, not only those who are about to start it."""
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if line.read() == b"sleep\0" + marker.encode() + b"\0":
                    return True
        except OSError:
            continue
    return False


def wait_until(happened):
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
