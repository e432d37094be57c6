"""The one place that starts git: an environment built from nothing, time limits, capped output."""

from __future__ import annotations

import os
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

READ = 65_536
DEFAULT_TIMEOUT = 120.0  # seconds
DEFAULT_OUTPUT = 256 * 1024 * 1024  # bytes
COMPLAINT = 64 * 1024  # bytes of git's error text that we keep, from its end

# Command-line settings beat those of any repository, so a hostile .git/config cannot turn these on.
HARDENED = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.quotePath": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.autocrlf": "false",
    "core.symlinks": "true",
    "core.pager": "cat",
    "core.askPass": "",
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",  # bytes a second …
    "http.lowSpeedTime": "60",  # … over so many seconds is a dead connection
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
}

# Content is stored and compared as the bytes that lie on disk. Without this, one line in a tracked
# .gitattributes starts a filter, rewrites line ends, or calls a text binary so that nobody sees its diff.
PLAIN_ATTRIBUTES = "* !diff !text !eol !ident !filter !working-tree-encoding !crlf !merge !whitespace\n"


class GitFailed(Exception):
    """Git could not do it; the message is a sentence a person can act on."""


class OutputTooLarge(GitFailed):
    """Git printed more than the caller was willing to read."""


def git(
    *arguments: str,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
    stdin: bytes | IO[bytes] = b"",
    protocols: str = "",
    config: Mapping[str, str] | None = None,
    secret: Mapping[str, str] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    output: int = DEFAULT_OUTPUT,
    memory: int = 0,
    said: Callable[[bytes], None] | None = None,
    accept: Sequence[int] = (0,),
) -> bytes:
    """Run git and give its standard output.

    `timeout` is in seconds, `output` and `memory` in bytes (0: no bound), `accept` the exit codes that are no
    failure; `said` gets what git tells of its progress. `secret` is configuration that no list of processes may
    show. Values that come from outside belong after a `--`, or through `plain_value` first. Raises GitFailed.
    """
    settings = {**HARDENED, **{f"protocol.{name}.allow": "always" for name in protocols.split(":") if name}}
    settings.update(config or {})
    flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    command = [program(), "--no-pager", *flags, *arguments]
    surroundings = environment(git_dir=git_dir, work_tree=work_tree, index=index, protocols=protocols)
    surroundings.update(_in_environment(secret or {}))
    bounds = _Bounds(timeout, output, memory)
    exit_code, printed, complaint = _run(command, surroundings, stdin, bounds, said)
    if exit_code not in accept:
        raise GitFailed(f"git {arguments[0]} failed: {first_line(complaint) or f'exit code {exit_code}'}")
    return printed


def _in_environment(config: Mapping[str, str]) -> dict[str, str]:
    """git-config(1), GIT_CONFIG_COUNT: settings that stand on no command line."""
    variables = {"GIT_CONFIG_COUNT": str(len(config))} if config else {}
    for number, (key, value) in enumerate(config.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def program() -> str:
    found = shutil.which("git")
    if found is None:
        raise GitFailed("The git command is not installed on this machine.")
    return found


def environment(
    *,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
    protocols: str = "",
) -> dict[str, str]:
    """The whole environment of a git command; nothing is inherited but PATH."""
    # Ownership is git's guard against a planted repository. We name our directories ourselves and trust no
    # setting in them, and a worker running as root must be able to work on another user's files.
    trusting = Path(__file__).with_name("trusted.config")
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(trusting),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_AUTHOR_NAME": "Marlin",
        "GIT_AUTHOR_EMAIL": "marlin@localhost",
        "GIT_COMMITTER_NAME": "Marlin",
        "GIT_COMMITTER_EMAIL": "marlin@localhost",
    }
    if git_dir is not None:
        variables["GIT_DIR"] = str(git_dir)
    if work_tree is not None:
        variables["GIT_WORK_TREE"] = str(work_tree)
    if index is not None:
        variables["GIT_INDEX_FILE"] = str(index)
    return variables


def plain_value(value: str, *, what: str) -> str:
    """Refuse a value git could take for an option, and bytes that cannot be passed on. Raises GitFailed."""
    if not value or value.startswith("-") or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise GitFailed(f"“{value[:80]!s}” cannot be used as {what}.")
    return value


def empty_repository(at: Path, *, objects_of: Path | None = None) -> Path:
    """A bare repository of ours, with no setting, hook or filter in it; may borrow the objects of another."""
    (at / "objects" / "info").mkdir(parents=True)
    (at / "objects" / "pack").mkdir()
    (at / "refs" / "heads").mkdir(parents=True)
    (at / "info").mkdir()
    (at / "HEAD").write_text("ref: refs/heads/main\n")
    (at / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n")
    (at / "info" / "attributes").write_text(PLAIN_ATTRIBUTES)
    if objects_of is not None:
        borrow_objects(at, objects_of)
    return at


def borrow_objects(repository: Path, lender: Path) -> None:
    objects = str((lender / "objects").resolve())
    if "\n" in objects or objects.startswith(("#", '"')):
        raise GitFailed("A path with a line break cannot hold repositories.")
    (repository / "objects" / "info" / "alternates").write_text(objects + "\n")
    if (lender / "shallow").exists():
        shutil.copyfile(lender / "shallow", repository / "shallow")


def first_line(complaint: bytes) -> str:
    """The line of git's error text that says what is wrong."""
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("error:", "fatal:"))]
    return (telling or lines or [""])[0].removeprefix("error: ").removeprefix("fatal: ")[:500]


@dataclass(frozen=True)
class _Bounds:
    timeout: float
    output: int
    memory: int


def _run(
    command: list[str],
    surroundings: dict[str, str],
    stdin: bytes | IO[bytes],
    bounds: _Bounds,
    said: Callable[[bytes], None] | None,
) -> tuple[int, bytes, bytes]:
    given = stdin if not isinstance(stdin, bytes) else subprocess.PIPE
    with subprocess.Popen(
        command,
        env=surroundings,
        cwd="/",
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            if bounds.memory:
                resource.prlimit(process.pid, resource.RLIMIT_AS, (bounds.memory, bounds.memory))
            fed = stdin if isinstance(stdin, bytes) else b""
            printed, complaint = _converse(process, fed, bounds, said)
            return process.wait(), printed, complaint
        finally:
            _end(process)


def _converse(
    process: subprocess.Popen[bytes], stdin: bytes, bounds: _Bounds, said: Callable[[bytes], None] | None
) -> tuple[bytes, bytes]:
    """Feed and read at once, so that neither side waits for a full pipe."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + bounds.timeout
    printed, complaint = bytearray(), bytearray()
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise GitFailed(f"git did not finish within {bounds.timeout:.0f} seconds.")
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    left = _feed(process.stdin, left, selector)
                    continue
                chunk = os.read(key.fd, READ)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    printed += chunk
                else:
                    complaint += chunk
                    del complaint[:-COMPLAINT]
                    if said:
                        said(chunk)
            if len(printed) > bounds.output:
                raise OutputTooLarge(f"git printed more than {bounds.output:,} bytes.")
    return bytes(printed), bytes(complaint)


def _feed(pipe: IO[bytes], left: memoryview, selector: selectors.BaseSelector) -> memoryview:
    try:
        left = left[os.write(pipe.fileno(), left[:READ]) :] if left else left
    except BrokenPipeError:
        left = left[:0]
    if not left:
        selector.unregister(pipe)
        pipe.close()
    return left


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
