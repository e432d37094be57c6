"""A bare repository of ours for one piece of work: applies a patch to a base, and says in git's words what it did.

Git is started with an environment made from nothing, so that no setting, hook, filter or attribute of this machine,
of the base or of the patch has a say in what is shown.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from grading.diffs.caps import CAPS
from grading.diffs.compare import Side
from grading.diffs.parse import FileDiff, parse, shown
from grading.diffs.sent import Unreadable

SECONDS = 60.0  # of wall time for one git command
MOST_OUTPUT = 128 * 1024 * 1024  # bytes that one git command may print
MOST_TEXTS = 128 * 1024 * 1024  # bytes of all texts of one side
_READ = 1024 * 1024
_SETTINGS = {
    "core.quotePath": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "gc.auto": "0",
    "protocol.allow": "never",
}
# A .gitattributes in the base or the patch could call a text binary, and nobody would see its diff.
_ATTRIBUTES = "* !diff !text !eol !ident !filter !working-tree-encoding !crlf !merge !whitespace\n"
_CANONICAL = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--diff-algorithm=myers"),
    *("--find-renames", "--ignore-submodules=none", "--submodule=short"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)

#: (added, removed) lines by path, None for a binary file; in the patch's order, a path as often as it is touched.
Counts = list[tuple[bytes, tuple[int, int] | None]]


@dataclass(frozen=True)
class Entry:
    """A file of the base: git's mode of it and its content; a submodule has the name of its commit instead."""

    mode: str
    content: bytes


class GitRefused(Exception):
    """Git ended with an error; the message is its own first line."""


class Scratch:
    """The repository. `base` is the tree that patches are applied to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.base = ""
        for part in ("objects/info", "objects/pack", "refs/heads", "info"):
            (folder / part).mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        (folder / "info" / "attributes").write_text(_ATTRIBUTES)

    def write_base(self, entries: Mapping[bytes, Entry]) -> None:
        """Store the files of the base that patches will need. Raises GitRefused."""
        blobs = [entry.content for entry in entries.values() if entry.mode != "160000"]
        stream = b"".join(b"blob\ndata %d\n%b\n" % (len(content), content) for content in blobs)
        self._git("fast-import", "--quiet", stdin=stream)
        listed = b"".join(
            b"%b %b\t%b\0" % (entry.mode.encode(), _object(entry), path) for path, entry in entries.items()
        )
        self._git("update-index", "-z", "--index-info", stdin=listed)
        self.base = self._git("write-tree").decode("ascii").strip()

    def counts_of(self, patch: bytes) -> Counts:
        """What git reads in a patch, before any base is asked. Raises GitRefused."""
        return _counts(self._git("apply", "--numstat", "-z", "-p1", "-", stdin=patch))

    def side(self, patch: bytes) -> tuple[Side, dict[str, bytes | None]]:
        """What the patch makes of the base, and the base's texts. Raises GitRefused, Unreadable."""
        tree = self._applied(patch)
        between = ("diff-tree", "-r", "--no-commit-id", *_CANONICAL)
        canonical = self._git(*between, "-p", "--full-index", self.base, tree, "--")
        files = parse(canonical, hunks=False)
        _agree(files, _counts(self._git(*between, "--numstat", "-z", self.base, tree, "--")))
        texts = self._texts(files)
        results = {file.path: texts.get(file.new_object or "") for file in files}
        return Side(canonical, results), {file.base_path: texts.get(file.old_object or "") for file in files}

    def _applied(self, patch: bytes) -> str:
        self._git("read-tree", self.base)
        if patch.strip():
            self._git("apply", "--cached", "--whitespace=nowarn", "-p1", "-", stdin=patch)
        return self._git("write-tree").decode("ascii").strip()

    def _texts(self, files: Sequence[FileDiff]) -> dict[str, bytes]:
        """Content by object name, as far as the page would draw it and all of it fits."""
        names = {name for file in files for name in (file.old_object, file.new_object) if name}
        asked = "".join(f"{name}\n" for name in sorted(names)).encode()
        sizes: dict[str, int] = {}
        for line in self._git("cat-file", "--batch-check", stdin=asked).decode("ascii").splitlines():
            name, kind, *size = line.split()
            if kind == "blob" and int(size[0]) <= CAPS.file_bytes:
                sizes[name] = int(size[0])
        return self._read(_within(files, sizes))

    def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        stream = self._git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        found, at = {}, 0
        for name in names:  # "<name> blob <size>\n<bytes>\n", one after the other
            start = stream.index(b"\n", at) + 1
            at = start + int(stream[at:start].split()[2]) + 1
            found[name] = stream[start : at - 1]
        return found

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        return _run(["git", "--no-pager", *settings, *arguments], self._folder, stdin)


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A repository that is gone when the work is done."""
    with tempfile.TemporaryDirectory(prefix="marlin-diffs-") as folder:
        yield Scratch(Path(folder) / "git")


def _within(files: Sequence[FileDiff], sizes: Mapping[str, int]) -> list[str]:
    """The objects to read. A patch can name one text a thousand times, so every use of it is counted."""
    wanted: dict[str, None] = {}
    left = MOST_TEXTS
    for file in files:
        names = [name for name in (file.old_object, file.new_object) if name in sizes]
        left -= sum(sizes[name] for name in names if name)
        if left < 0:
            break
        wanted.update(dict.fromkeys(name for name in names if name))
    return list(wanted)


def _agree(files: Sequence[FileDiff], counts: Counts) -> None:
    read = [(file.path, None if file.binary else (file.added, file.removed)) for file in files]
    if read != [(shown(path), count) for path, count in counts]:
        raise Unreadable("Git counts other lines in this change than its diff shows.")


def _counts(printed: bytes) -> Counts:
    counts: Counts = []
    fields = iter(printed.split(b"\0")[:-1])
    for record in fields:
        added, removed, path = record.split(b"\t", 2)
        if not path:  # a rename: the two names follow
            next(fields)
            path = next(fields)
        counts.append((path, None if added == b"-" else (int(added), int(removed))))
    return counts


def _object(entry: Entry) -> bytes:
    if entry.mode == "160000":
        return entry.content
    # Git's name of a blob: not a matter of trust, only of finding what fast-import stored.
    return sha1(b"blob %d\0" % len(entry.content) + entry.content).hexdigest().encode()  # noqa: S324


def _run(command: list[str], git_dir: Path, stdin: bytes) -> bytes:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as complaint:
        given.write(stdin)
        given.seek(0)
        with subprocess.Popen(
            command,
            env=_environment(git_dir),
            cwd=git_dir,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=complaint,
            start_new_session=True,
        ) as process:
            printed = _bounded_output(process)
        if process.returncode < 0:
            raise GitRefused("git took too long")
        if process.returncode:
            complaint.seek(0)
            raise GitRefused(_first_line(complaint.read(10_000)) or f"exit code {process.returncode}")
    return printed


def _bounded_output(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    alarm = threading.Timer(SECONDS, process.kill)
    alarm.start()
    try:
        printed = bytearray()
        while chunk := process.stdout.read(_READ):
            printed += chunk
            if len(printed) > MOST_OUTPUT:
                process.kill()
                raise GitRefused("git printed too much")
        process.wait()
    finally:
        alarm.cancel()
    return bytes(printed)


def _environment(git_dir: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_DIR": str(git_dir),
        "GIT_INDEX_FILE": str(git_dir / "index"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
    }


def _first_line(complaint: bytes) -> str:
    lines = [line for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("error: ", "fatal: "))]
    line = (telling or lines or [""])[0]
    return line.removeprefix("error: ").removeprefix("fatal: ").strip().rstrip(".")[:300]
