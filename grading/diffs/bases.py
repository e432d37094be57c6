"""Reads single files of a base from a folder or a zip archive, and nothing that lies outside of it."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from grading.diffs.scratch import Entry
from grading.diffs.sent import Unreadable

MOST_BYTES = 256 * 1024 * 1024  # of all files that are read
MOST_ARCHIVE = 1024 * 1024 * 1024  # bytes of an archive as it lies there
MOST_ENTRIES = 500_000
_LINK = 4_096  # bytes of the longest target of a symbolic link
_READ = 1024 * 1024


def read_base(place: Path, paths: Iterable[bytes]) -> dict[bytes, Entry]:
    """Those of these paths that the base has. Raises Unreadable."""
    wanted = sorted(path for path in paths if is_inside(path))
    if place.is_dir():
        return _from_folder(place, wanted)
    if not place.is_file():
        raise Unreadable("The base is neither a folder nor a zip archive.")
    return _from_archive(place, wanted)


def is_inside(path: bytes) -> bool:
    """Whether a path can only mean a file of the base; git refuses the others by itself."""
    parts = path.split(b"/")
    return b"\0" not in path and not any(
        part in (b"", b".", b"..") or part.lower() == b".git" for part in parts
    )


class _Budget:
    """Bytes that may still be read. A small archive can hold a very large file."""

    def __init__(self) -> None:
        self.left = MOST_BYTES

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Unreadable(f"The base's files are larger than {MOST_BYTES:,} bytes together.")


def _from_folder(folder: Path, paths: Iterable[bytes]) -> dict[bytes, Entry]:
    budget, found = _Budget(), {}
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as why:
        raise Unreadable(f"The base cannot be read: {why.strerror}.") from None
    try:
        for path in paths:
            entry = _file_in(root, path.split(b"/"), budget)
            if entry is not None:
                found[path] = entry
    finally:
        os.close(root)
    return found


def _file_in(root: int, parts: list[bytes], budget: _Budget) -> Entry | None:
    """Step by step and never through a link, so that no path leaves the folder."""
    folder = os.dup(root)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return _entry(folder, parts[-1], budget)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as why:
        if why.errno == errno.ELOOP:  # a link on the way
            return None
        raise Unreadable(f"The base cannot be read: {why.strerror}.") from None
    finally:
        os.close(folder)


def _entry(folder: int, name: bytes, budget: _Budget) -> Entry | None:
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        return Entry("120000", os.readlink(name, dir_fd=folder))
    if not stat.S_ISREG(found.st_mode):
        return None
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        content = file.read(budget.left + 1)
    budget.take(len(content))
    return Entry("100755" if found.st_mode & stat.S_IXUSR else "100644", content)


def _from_archive(place: Path, paths: list[bytes]) -> dict[bytes, Entry]:
    try:
        if place.stat().st_size > MOST_ARCHIVE:
            raise Unreadable(f"The archive is larger than {MOST_ARCHIVE:,} bytes.")
        with zipfile.ZipFile(place) as archive:
            members = _members(archive)
            prefix = _prefix(members, paths)
            budget = _Budget()
            return {
                path: _unpacked(archive, members[prefix + path], budget)
                for path in paths
                if prefix + path in members
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as why:
        told = why.strerror if isinstance(why, OSError) else str(why)
        raise Unreadable(f"The base cannot be read as a zip archive: {told or 'it is damaged'}.") from None


def _members(archive: zipfile.ZipFile) -> dict[bytes, zipfile.ZipInfo]:
    listed = archive.infolist()
    if len(listed) > MOST_ENTRIES:
        raise Unreadable(f"The archive has more than {MOST_ENTRIES:,} entries.")
    members = {}
    for member in listed:
        if member.is_dir():
            continue
        name = member.filename.encode("utf-8", "surrogateescape")
        if name.startswith(b"/") or b".." in name.replace(b"\\", b"/").split(b"/"):
            raise Unreadable(f"The archive holds an entry that leads out of it: {member.filename!a}.")
        members[name] = member
    return members


def _prefix(members: dict[bytes, zipfile.ZipInfo], paths: list[bytes]) -> bytes:
    """The one folder that hosts put around the files of an archive, when the paths are found below it alone."""
    tops = {name.partition(b"/")[0] for name in members}
    if len(tops) != 1 or any(path in members for path in paths):
        return b""
    return tops.pop() + b"/"


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> Entry:
    mode = member.external_attr >> 16
    is_link = stat.S_ISLNK(mode)
    content = bytearray()
    with archive.open(member) as file:
        while chunk := file.read(_READ):
            budget.take(len(chunk))
            content += chunk
            if is_link and len(content) > _LINK:
                raise Unreadable("The archive holds a symbolic link whose target is too long.")
    if is_link:
        return Entry("120000", bytes(content))
    return Entry("100755" if mode & stat.S_IXUSR else "100644", bytes(content))
