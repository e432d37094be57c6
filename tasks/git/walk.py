"""Read a directory that a stranger wrote: no link followed, no device opened, nothing waited for."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

CHUNK = 1024 * 1024
# Characters that HFS+ ignores in a name: ".g\u200cit" is ".git" to it (git's utf8.c, next_hfs_char).
IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
GIT_ON_NTFS = re.compile(r"(\.git|git~[1-4])[ .]*(:.*)?", re.IGNORECASE | re.DOTALL)
READ_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True)
class TakeLimits:
    """How much of a worktree we are willing to read. Sizes in bytes."""

    file_bytes: int = 8 * 1024 * 1024  # one new or changed file
    changed_bytes: int = 64 * 1024 * 1024  # all new or changed files together
    entries: int = 100_000  # names looked at, ignored directories not counted
    depth: int = 64  # directories inside directories
    notes: int = 200  # sentences kept about what was skipped
    patch_bytes: int = 128 * 1024 * 1024  # what git may print as the patch


@dataclass(frozen=True)
class Tracked:
    """An entry of the base tree; `size` is None for what is no blob."""

    mode: str
    object_id: str
    size: int | None


@dataclass
class Found:
    """What the walk saw. Paths are bytes, relative to the root, as git has them."""

    entries: dict[bytes, tuple[str, str]] = field(default_factory=dict)  # path -> mode, object id
    left_alone: set[bytes] = field(default_factory=set)  # skipped: the base's entries there and below stay
    notes: list[str] = field(default_factory=list)


class Walk:
    """One walk over a worktree, a level of directories at a time so that ignored ones are never entered.

    `ignored` answers which of the given paths (directories end in a slash) the base's rules ignore; `store`
    is told of every content that the base does not have, as (object id, bytes).
    """

    def __init__(
        self,
        root: Path,
        tracked: dict[bytes, Tracked],
        *,
        limits: TakeLimits,
        ignored: Callable[[list[bytes]], set[bytes]],
        store: Callable[[str, bytes], None],
    ) -> None:
        self.root, self.tracked, self.limits = root, tracked, limits
        self.ignored, self.store = ignored, store
        self.found = Found()
        self.seen = 0
        self.stored_bytes = 0
        self.known = {entry.object_id for entry in tracked.values()}
        self.submodules = [path for path, entry in tracked.items() if entry.mode == "160000"]
        self.tracked_folders = {folder for path in tracked for folder in _parents(path)}

    def run(self) -> Found:
        level = [b""]
        for _ in range(self.limits.depth):
            level = self._one_level(level)
            if not level:
                return self.found
        for folder in level:
            self._skip(folder, "lies too deep, and was left out")
        return self.found

    def _one_level(self, folders: list[bytes]) -> list[bytes]:
        files: list[bytes] = []
        inner: list[bytes] = []
        for folder in folders:
            for path, mode in self._entries(folder):
                (inner if stat.S_ISDIR(mode) else files).append(path)
        new_files = [path for path in files if path not in self.tracked]
        new_folders = [path + b"/" for path in inner if path not in self.tracked_folders]
        ignored = self.ignored(new_files + new_folders)
        kept = [path for path in files if path not in ignored]
        for folder, paths in groupby(kept, key=_folder):
            self._take_all(folder, list(paths))
        return [path for path in inner if path + b"/" not in ignored and self._may_enter(path)]

    def _entries(self, folder: bytes) -> Iterator[tuple[bytes, int]]:
        """Names and modes in one directory; closes it before anything else is opened."""
        listed: list[tuple[bytes, int]] = []
        try:
            with self._opened(folder) as handle, os.scandir(handle) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if looks_like_git(name):
                        if folder or name != b".git":
                            self._skip(_join(folder, name), "is named like a Git directory, and was left out")
                        continue
                    self.seen += 1
                    if self.seen > self.limits.entries:
                        self._skip(
                            folder, f"was not read to the end: more than {self.limits.entries:,} files"
                        )
                        break
                    listed.append((_join(folder, name), entry.stat(follow_symlinks=False).st_mode))
        except OSError:
            self._skip(folder, "cannot be read, and was left as it was")
        yield from sorted(listed)

    def _may_enter(self, folder: bytes) -> bool:
        try:
            with self._opened(folder) as handle:
                mode = os.fstat(handle).st_mode
                names = os.listdir(handle) if folder not in self.tracked_folders else []
        except OSError:
            mode, names = 0, []
        if mode & 0o500 != 0o500:  # root could read it; what we take must not depend on who we are
            self._skip(folder, "cannot be read, and was left as it was")
            return False
        if any(looks_like_git(os.fsencode(name)) for name in names):
            self._skip(folder, "is a Git repository of its own, and was left out")
            return False
        return not any(_below(folder, submodule) for submodule in self.submodules)

    def _take_all(self, folder: bytes, paths: list[bytes]) -> None:
        with ExitStack() as stack:
            try:
                handle = stack.enter_context(self._opened(folder))
            except OSError:
                self._skip(folder, "cannot be read, and was left as it was")
                return
            for path in paths:
                self._take(path, handle)

    def _take(self, path: bytes, folder: int) -> None:
        name = path.rpartition(b"/")[2]
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                self._keep(path, "120000", os.readlink(name, dir_fd=folder))
            elif stat.S_ISREG(status.st_mode):
                self._take_file(path, name, folder)
            else:
                self._skip(path, "is neither a file nor a link, and was left out")
        except OSError:
            self._skip(path, "cannot be read, and was left as it was")

    def _take_file(self, path: bytes, name: bytes, folder: int) -> None:
        handle = os.open(name, READ_SAFELY, dir_fd=folder)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or not status.st_mode & 0o400:
                self._skip(path, "cannot be read, and was left as it was")
                return
            mode = "100755" if status.st_mode & 0o100 else "100644"
            base = self.tracked.get(path)
            if (
                base is not None
                and base.size == status.st_size
                and _object_id(handle, base.size) == base.object_id
            ):
                self.found.entries[path] = (mode, base.object_id)
            elif status.st_size > self.limits.file_bytes:
                self._skip(path, f"is larger than {self.limits.file_bytes:,} bytes, and was left as it was")
            else:
                os.lseek(handle, 0, os.SEEK_SET)
                self._keep(path, mode, _read(handle, self.limits.file_bytes))
        finally:
            os.close(handle)

    def _keep(self, path: bytes, mode: str, content: bytes) -> None:
        object_id = blob_id(content)
        if object_id not in self.known:
            if self.stored_bytes + len(content) > self.limits.changed_bytes:
                self._skip(
                    path, f"was left as it was: the changes exceed {self.limits.changed_bytes:,} bytes"
                )
                return
            self.stored_bytes += len(content)
            self.known.add(object_id)
            self.store(object_id, content)
        self.found.entries[path] = (mode, object_id)

    def _skip(self, path: bytes, why: str) -> None:
        self.found.left_alone.add(path)
        if len(self.found.notes) < self.limits.notes:
            self.found.notes.append(f"{shown(path) or 'The worktree'} {why}.")
        elif len(self.found.notes) == self.limits.notes:
            self.found.notes.append("More was left out than is listed here.")

    @contextmanager
    def _opened(self, folder: bytes) -> Iterator[int]:
        """Open a directory name by name, so that no part of the path can be a link to elsewhere."""
        handle = os.open(self.root, READ_SAFELY | os.O_DIRECTORY)
        try:
            for name in folder.split(b"/") if folder else []:
                inner = os.open(name, READ_SAFELY | os.O_DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)


def looks_like_git(name: bytes) -> bool:
    """Whether some file system would open `.git` under this name (git's verify_path asks the same)."""
    text = IGNORED_BY_HFS.sub("", name.decode("utf-8", "replace"))
    return any(GIT_ON_NTFS.fullmatch(part) for part in text.split("\\"))


def blob_id(content: bytes) -> str:
    """The name git gives to this content (SHA-1 repositories)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def shown(path: bytes) -> str:
    """A path as text that can be stored anywhere; bytes that are no UTF-8 are written out."""
    return path.decode("utf-8", "backslashreplace")


def _object_id(handle: int, size: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    left = size
    while left and (chunk := os.read(handle, min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _read(handle: int, most: int) -> bytes:
    content = bytearray()
    while len(content) < most and (chunk := os.read(handle, min(CHUNK, most - len(content)))):
        content += chunk
    return bytes(content)


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _below(path: bytes, folder: bytes) -> bool:
    return not folder or path == folder or path.startswith(folder + b"/")


def _parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path
