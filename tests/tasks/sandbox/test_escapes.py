# ruff: noqa: E501  the scripts read better whole
"""Ways out of the sandbox. Each must be closed by bubblewrap, and open without it, so that the check can fail."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tasks.sandbox.base import MIB, Command, Limits, Mount, SandboxUnusable
from tasks.sandbox.bubblewrap import Bubblewrap
from tasks.sandbox.local import LocalSandbox
from tests.tasks.conftest import STRANGER

# Each prints ESCAPED when it gets out. {sibling} is another candidate's directory, {port} and {abstract} are
# listeners of the host, {parent} is the worker's process.
OPEN_WITHOUT = {
    "reads another candidate": "open('{sibling}/secret').read(); print('ESCAPED')",
    "writes to another candidate": "open('{sibling}/mine', 'w').write('x'); print('ESCAPED')",
    "lists the folder above": "import os; print('ESCAPED' if 'sibling' in os.listdir('..') else '')",
    "reaches a port": "import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('ESCAPED')",
    "reaches an abstract socket": (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0{abstract}'); print('ESCAPED')"
    ),
    "sees the worker's process": "open('/proc/{parent}/status').read(); print('ESCAPED')",
    "sees the host's name": "import os; print('ESCAPED' if os.uname().nodename != 'sandbox' else '')",
    "sees the host's accounts": ("print('ESCAPED' if len(open('/etc/passwd').readlines()) > 2 else '')"),
    "sees the host's interfaces": (
        "import socket; print('ESCAPED' if [n for _, n in socket.if_nameindex() if n != 'lo'] else '')"
    ),
    "sees the host's /tmp": "import os; print('ESCAPED' if os.path.exists('{tmp}') else '')",
    "sees the host's devices": "import os; print('ESCAPED' if os.path.exists('/dev/kmsg') or os.path.exists('/dev/vda') else '')",
    "sees the host's settings": "import os; print('ESCAPED' if os.path.exists('/etc/fstab') or os.path.exists('/etc/os-release') else '')",
    "sees the host's kernel": "import os; print('ESCAPED' if os.path.exists('/sys/kernel') else '')",
    "opens a vsock": "import socket; socket.socket(40, socket.SOCK_STREAM); print('ESCAPED')",
    "opens the kernel's ciphers": "import socket; socket.socket(38, socket.SOCK_SEQPACKET); print('ESCAPED')",
    "makes a user namespace": "import ctypes, os; ctypes.CDLL(None).unshare(0x10000000) == 0 and print('ESCAPED')",
    "traces a child": (
        "import ctypes, os\n"
        "c = ctypes.CDLL(None, use_errno=True)\n"
        "c.ptrace(0, 0, 0, 0) == 0 and print('ESCAPED')"
    ),
    "starts an io_uring": (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); b = ctypes.create_string_buffer(120)\n"
        "r = c.syscall(425, 4, b); print('ESCAPED' if r >= 0 or ctypes.get_errno() != 1 else '')"
    ),
    "leaves a daemon": (
        "import os\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        n = os.open('/dev/null', 2); [os.dup2(n, i) for i in (0, 1, 2)]\n"
        "        os.execlp('sleep', 'sleep', '{daemon}')\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "import time; time.sleep(0.3)"
    ),
}

# Closed for an ordinary user by the system itself, or by what we never pass on.
CLOSED = {
    "writes to /usr": "open('/usr/mine', 'w'); print('ESCAPED')",
    "writes to /": "open('/mine', 'w'); print('ESCAPED')",
    "writes to /dev": "open('/dev/mine', 'w'); print('ESCAPED')",
    "writes to /etc": "open('/etc/mine', 'w'); print('ESCAPED')",
    "writes to a mount": "open('/opt/agent/mine', 'w'); print('ESCAPED')",
    "reads /root": "import os; os.listdir('/root'); print('ESCAPED')",
    "reads /etc/shadow": "open('/etc/shadow').read(); print('ESCAPED')",
    "holds a capability": (
        "caps = [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')]\n"
        "print('ESCAPED' if any(int(c, 16) for c in caps) else '')"
    ),
    "may gain privileges": "print('' if 'NoNewPrivs:\\t1' in open('/proc/self/status').read() else 'ESCAPED')",
    "is root": "import os; print('ESCAPED' if 0 in (os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()) else '')",
    "becomes root": "import os; os.setuid(0); print('ESCAPED')",
    "mounts": "import ctypes; ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0 and print('ESCAPED')",
    "mounts in a namespace of its own": (
        "import subprocess; r = subprocess.run(['unshare', '-rm', 'true']); print('ESCAPED' if r.returncode == 0 else '')"
    ),
    "clones a user namespace": (
        "import ctypes; r = ctypes.CDLL(None).syscall(56, 0x10000000 | 17, 0, 0, 0, 0)\n"
        "print('ESCAPED' if r >= 0 else '')"
    ),
    "calls clone3": (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); c.syscall(435, 0, 0)\n"
        "print('ESCAPED' if ctypes.get_errno() != 38 else '')"
    ),
    "opens a raw socket": "import socket; socket.socket(2, 3, 1); print('ESCAPED')",
    "opens a packet socket": "import socket; socket.socket(17, 3, 3); print('ESCAPED')",
    "holds a file of the host open": (
        "import os\n"
        "for pid in ('self', '1'):\n"
        "    for n in os.listdir(f'/proc/{{pid}}/fd'):\n"
        "        try: target = os.readlink(f'/proc/{{pid}}/fd/{{n}}')\n"
        "        except OSError: continue\n"
        "        if not target.startswith(('/memfd:', 'pipe:', 'anon_inode:', '/proc/')): print('ESCAPED', target)"
    ),
    "leaves through /proc/1/root": (
        "import os; print('ESCAPED' if 'sibling' in os.listdir('/proc/1/root{above}') else '')"
    ),
    "sees other processes": (
        "import os; print('ESCAPED' if len([p for p in os.listdir('/proc') if p.isdigit()]) > 3 else '')"
    ),
    "types into our terminal": "import fcntl; fcntl.ioctl(0, 0x5412, b'x'); print('ESCAPED')",
    "changes the kernel": "open('/proc/sys/kernel/core_pattern', 'w').write('x'); print('ESCAPED')",
    "loads a module": "import ctypes; ctypes.CDLL(None).syscall(313, 0, b'', 0) == 0 and print('ESCAPED')",
}


@pytest.fixture
def world(reachable):
    """What there is to reach: a sibling with a secret, a port and an abstract socket that listen."""
    for name in ("worktree", "home", "sibling", "agent"):
        (reachable / name).mkdir()
        (reachable / name).chmod(0o777)
    (reachable / "sibling" / "secret").write_text("x")
    abstract = f"marlin-{os.getpid()}-{time.monotonic_ns()}"
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{abstract}")
        listener.listen()
        yield {
            "sibling": reachable / "sibling",
            "port": port.getsockname()[1],
            "abstract": abstract,
            "parent": os.getpid(),
            "tmp": reachable,
            "above": reachable,
            "daemon": f"62.{os.getpid()}{time.monotonic_ns() % 1000}",
        }


def escapes(sandbox, script, world):
    above = world["above"]
    command = Command(
        ("/usr/bin/python3", "-c", script.format(**world)),
        {},
        above / "worktree",
        above / "home",
        (Mount(above / "agent", "/opt/agent"),),
    )
    finished = sandbox.run(command, Limits(wall=30, idle=None))
    return b"ESCAPED" in finished.stdout or daemon_of(world) is not None


def daemon_of(world):
    for pid in os.listdir("/proc"):
        try:
            if world["daemon"].encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        except OSError:
            continue
    return None


@pytest.mark.parametrize("way", [*OPEN_WITHOUT, *CLOSED])
def test_there_is_no_way_out(sandbox, world, way):
    assert not escapes(sandbox, (OPEN_WITHOUT | CLOSED)[way], world)


#: Nobody but the kernel's own root loads a module, so no straw opens this without harm.
KEPT_BY_THE_SYSTEM = {"loads a module"}
SHOWN_WITHOUT = {
    *("reads another candidate", "writes to another candidate", "lists the folder above", "reaches a port"),
    *("reaches an abstract socket", "sees the worker's process", "sees the host's name", "traces a child"),
    *("sees the host's accounts", "sees the host's /tmp", "sees the host's settings", "leaves a daemon"),
}
SHOWN_BARE = {"may gain privileges", "holds a file of the host open", "types into our terminal"}


def lacking():
    """Ways that this machine's own kernel does not know, so that none leads out."""
    ways = set()
    for way, family, kind in (("opens a vsock", 40, 1), ("opens the kernel's ciphers", 38, 5)):
        try:
            socket.socket(family, kind).close()
        except OSError:
            ways.add(way)
    if len(socket.if_nameindex()) < 2:
        ways.add("sees the host's interfaces")
    if Path("/proc/sys/dev/tty/legacy_tiocsti").exists():
        allowed = Path("/proc/sys/dev/tty/legacy_tiocsti").read_text().strip() == "1"
        ways |= set() if allowed else {"types into our terminal"}
    disabled = Path("/proc/sys/kernel/io_uring_disabled")
    if disabled.exists() and disabled.read_text().strip() != "0":
        ways.add("starts an io_uring")
    return ways


def ordinary():
    """These scripts never run as root: as root some of them change the machine."""
    return {"user": STRANGER, "group": STRANGER, "extra_groups": []} if os.getuid() == 0 else {}


@pytest.mark.parametrize("way", sorted(SHOWN_WITHOUT))
def test_without_a_sandbox_there_is(world, way):
    try:
        assert escapes(LocalSandbox(i_know_this_is_unsafe=True), OPEN_WITHOUT[way], world)
    finally:
        if (daemon := daemon_of(world)) is not None:
            os.kill(daemon, 9)


@pytest.mark.parametrize("way", sorted(SHOWN_BARE))
def test_an_ordinary_process_can(world, way):
    """It has a file of ours open, and our terminal for its input."""
    ours, its = os.openpty()
    with Path(__file__).open("rb") as file:

        def at_the_terminal():
            fcntl.ioctl(its, termios.TIOCSCTTY, 0)

        told = subprocess.run(
            ["/usr/bin/python3", "-c", CLOSED[way].format(**world)],
            stdin=its,
            capture_output=True,
            pass_fds=[file.fileno()],
            start_new_session=True,
            preexec_fn=at_the_terminal,
            cwd="/",
            **ordinary(),
        )
    os.close(ours)
    os.close(its)

    assert (b"ESCAPED" in told.stdout) == (way not in lacking()), told.stderr


def test_with_walls_of_straw_the_other_ways_are_open(sandbox, world):
    """The same scripts as root of a namespace in which everything may be written: each of them can fail."""
    ways = {
        way: script.format(**world)
        for way, script in (OPEN_WITHOUT | CLOSED).items()
        if way not in SHOWN_WITHOUT | SHOWN_BARE | KEPT_BY_THE_SYSTEM
    }
    tell = (
        "import json, subprocess, sys\n"
        "other = subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3)\n"
        "for way, script in json.load(sys.stdin).items():\n"
        "  if b'ESCAPED' in subprocess.run(['python3', '-c', script], capture_output=True).stdout: print(way)\n"
        "other.kill()"
    )
    above = world["above"]
    above.chmod(0o755)
    (above / "pattern").touch()
    (above / "pattern").chmod(0o666)
    straw = [
        *["--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL", "--tmpfs", "/tmp"],
        *[
            f
            for name in ("bin", "lib", "lib64", "share")
            for f in ("--ro-bind-try", f"/usr/{name}", f"/usr/{name}")
        ],
        *[f for name in ("bin", "lib", "lib64", "sbin") for f in ("--symlink", f"usr/{name}", f"/{name}")],
        *["--bind", str(above), str(above), "--unshare-pid", "--proc", "/proc", "--ro-bind", "/sys", "/sys"],
        *["--bind", str(above / "pattern"), "/proc/sys/kernel/core_pattern"],
        *["--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/null", "/dev/kmsg"],
        *["--dir", "/root", "--dir", "/opt/agent", "--ro-bind", str(above / "pattern"), "/etc/shadow"],
    ]

    told = set()
    with Path(sandbox.program).open("rb") as program:  # it may lie where only we can go
        for more in ([], ["--unshare-net"]):  # with our network, and as root of one
            done = subprocess.run(
                ["bwrap", *straw, *more, "python3", "-c", tell],
                executable=f"/proc/self/fd/{program.fileno()}",
                pass_fds=[program.fileno()],
                input=json.dumps(ways),
                capture_output=True,
                text=True,
                timeout=60,
                cwd="/",
                **ordinary(),
            )
            told |= set(done.stdout.splitlines())

    assert told == set(ways) - lacking(), done.stderr


def test_every_way_out_is_shown_open_somewhere():
    ways = [*OPEN_WITHOUT, *CLOSED]

    assert len(ways) == len(set(ways)) >= 35
    assert set(OPEN_WITHOUT) >= SHOWN_WITHOUT
    assert set(CLOSED) >= SHOWN_BARE | KEPT_BY_THE_SYSTEM


@pytest.fixture
def shell(sandbox, reachable):
    (reachable / "worktree").mkdir()

    def shell(script, **limits):
        command = Command(("/bin/sh", "-c", script), {}, reachable / "worktree")
        return sandbox.run(command, Limits(**{"wall": 30, "idle": None, **limits}))

    return shell


def test_a_fork_bomb_is_ended(sandbox, reachable):
    (reachable / "worktree").mkdir()
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"

    finished = sandbox.run(
        Command(("/usr/bin/python3", "-c", bomb), {}, reachable / "worktree"), Limits(wall=30, processes=64)
    )

    assert finished.ended == "processes"
    assert finished.seconds < 15


def test_processes_beyond_the_limit_are_refused_by_the_kernel(sandbox, reachable):
    (reachable / "worktree").mkdir()
    script = (
        "import os, time\nn = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: time.sleep(60)\n    n += 1\n"
        "except OSError: pass\nprint(n, flush=True)\ntime.sleep(60)"
    )
    command = Command(("/usr/bin/python3", "-c", script), {}, reachable / "worktree")

    finished = sandbox.run(command, Limits(wall=30, idle=None, processes=64))

    assert finished.ended == "processes"
    # What others of this user had running when it began raises the number; all 500 it must never get.
    assert finished.stdout == b"" or int(finished.stdout) < 500


def test_tmp_is_bounded(shell):
    finished = shell("head -c 100000000 /dev/zero > /tmp/big; wc -c < /tmp/big", tmp=8 * MIB)

    assert int(finished.stdout) <= 8 * MIB
    assert b"No space left" in finished.stderr


def test_shared_memory_is_bounded(shell):
    assert int(shell("head -c 200000000 /dev/zero > /dev/shm/big; wc -c < /dev/shm/big").stdout) <= 64 * MIB


def test_a_home_that_nobody_gave_is_bounded_and_forgotten(shell):
    assert int(shell("head -c 100000000 /dev/zero > ~/big; wc -c < ~/big", tmp=8 * MIB).stdout) <= 8 * MIB


def test_a_gigabyte_is_cut(shell, reachable):
    finished = shell("head -c 1000000000 /dev/zero > big", file_size=20 * MIB)

    assert not finished.succeeded
    assert (reachable / "worktree" / "big").stat().st_size == 20 * MIB


def test_paths_are_the_same_for_everybody(shell):
    assert shell("pwd; echo $HOME; id -un; hostname").stdout == b"/workspace\n/home/dev\ndev\nsandbox\n"


def test_secrets_are_not_on_the_command_line(sandbox, reachable):
    (reachable / "worktree").mkdir()
    seen = []

    def look(_):
        for pid in os.listdir("/proc"):
            try:
                seen.append(Path(f"/proc/{pid}/cmdline").read_bytes())
            except OSError:
                continue

    command = Command(
        ("/bin/sh", "-c", "echo x; sleep 0.2"), {"KEY": "very-secret-key"}, reachable / "worktree"
    )
    sandbox.run(command, Limits(wall=20), on_output=look)

    assert any(b"bwrap" in line for line in seen)
    assert not any(b"very-secret-key" in line for line in seen)


def test_directories_below_a_closed_folder_can_be_worked_in(sandbox, tmp_path):
    closed = tmp_path / "closed"
    (closed / "worktree").mkdir(parents=True)
    if os.getuid() == 0:
        closed.chmod(0o700)

    finished = sandbox.run(Command(("touch", "made"), {}, closed / "worktree"), Limits(wall=20))

    assert finished.succeeded, finished.stderr
    assert (closed / "worktree" / "made").exists()


def test_a_python_from_elsewhere_can_be_shown(reachable, sandbox):
    (reachable / "worktree").mkdir()
    shown = Bubblewrap(uid=sandbox.uid, python=Path(sys.executable))

    finished = shown.run(
        Command((Path(sys.executable).name, "-c", "import json; print(1)"), {}, reachable / "worktree"),
        Limits(wall=20),
    )

    assert finished.stdout == b"1\n", finished.stderr


def test_nothing_is_left_after_runs_with_daemons(sandbox, world):
    for _ in range(3):
        escapes(sandbox, OPEN_WITHOUT["leaves a daemon"], world)

    assert daemon_of(world) is None


def test_runs_leave_no_descriptor_open(shell):
    shell("true")
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(5):
        shell("true")

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_working_machine_has_nothing_to_complain_of(sandbox):
    assert sandbox.check() == []


def test_a_missing_program_is_told(reachable):
    broken = Bubblewrap(program=reachable / "nothing", uid=61_000 if os.getuid() == 0 else None)

    assert broken.check() != []


def test_a_program_that_fails_to_start_is_the_machines_fault(reachable):
    broken = reachable / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    (reachable / "worktree").mkdir()
    sandbox = Bubblewrap(program=broken, uid=61_000 if os.getuid() == 0 else None)

    with pytest.raises(SandboxUnusable, match="setting up uid map: Permission denied"):
        sandbox.run(Command(("true",), {}, reachable / "worktree"), Limits(wall=20))


def test_a_mount_that_is_missing_or_leads_out_is_told(sandbox, reachable):
    (reachable / "worktree").mkdir()
    for mount in (
        Mount(reachable / "nothing", "/opt/agent"),
        Mount(reachable, "/opt/../x"),
        Mount(reachable, "x"),
    ):
        with pytest.raises(SandboxUnusable):
            sandbox.run(Command(("true",), {}, reachable / "worktree", mounts=(mount,)), Limits(wall=20))


def test_commands_are_never_run_as_root(monkeypatch, reachable):
    monkeypatch.setattr("os.getuid", lambda: 0)

    with pytest.raises(SandboxUnusable, match="As root"):
        Bubblewrap().run(Command(("true",), {}, reachable), Limits())


def test_the_unsafe_way_must_be_asked_for():
    with pytest.raises(SandboxUnusable):
        LocalSandbox(i_know_this_is_unsafe=False)
    assert LocalSandbox(i_know_this_is_unsafe=True).check() != []


def test_the_program_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MARLIN_BWRAP", str(tmp_path / "bwrap"))

    assert Bubblewrap().program == tmp_path / "bwrap"


def test_the_filter_is_left_out_where_its_numbers_are_not_known(monkeypatch, sandbox):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")

    assert sandbox.check() == [
        "No filter for system calls is known for this machine; the sandbox runs without."
    ]


def test_the_filter_is_a_program_the_kernel_takes(shell):
    assert b"Seccomp:\t2" in shell("cat /proc/self/status").stdout
