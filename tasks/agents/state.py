"""What an agent remembers between turns: some files of its HOME as an archive, the same bytes for the same files."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

MOST = 64 * 1024 * 1024  # bytes of all files together
MOST_FILES = 5_000
DEEPEST = 40


class StateTooLarge(Exception):
    """There is more than is kept: the conversation cannot be gone on with."""


def pack(home: Path, names: Sequence[str], *, most: int = MOST) -> bytes:
    """A tar of these files and folders: plain files alone, no link followed. Raises StateTooLarge."""
    packed, size, seen = io.BytesIO(), 0, set[str]()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in _files(home, names, most):
            if path in seen:
                continue
            seen.add(path)
            size += len(content)
            if size > most or len(seen) > MOST_FILES:
                raise StateTooLarge(
                    f"What the agent remembers is more than {most:,} bytes or {MOST_FILES:,} files."
                )
            entry = tarfile.TarInfo(path)  # no owner, no time: equal files are equal bytes
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(archive: bytes, home: Path) -> None:
    """Write the files of an archive into a fresh home. Raises tarfile.TarError for what `pack` does not write."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as packed:
        for entry in packed:
            path = PurePosixPath(entry.name)
            if not entry.isfile() or path.is_absolute() or ".." in path.parts:
                raise tarfile.TarError(f"“{entry.name[:80]}” does not belong into an archive of state.")
            into = home / path
            into.parent.mkdir(parents=True, exist_ok=True)
            content = packed.extractfile(entry)
            into.write_bytes(content.read() if content else b"")


def _files(home: Path, names: Sequence[str], most: int) -> Iterator[tuple[str, bytes]]:
    for name in sorted(names):
        *folders, last = PurePosixPath(name).parts
        try:
            folder = _folder(home, folders)
        except OSError:
            continue  # it was never made, or is a link now
        try:
            yield from _below(folder, last, name, most, depth=0)
        finally:
            os.close(folder)


def _folder(home: Path, names: Sequence[str]) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(home, flags)
    for name in names:
        try:
            inner = os.open(name, flags, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def _below(folder: int, name: str, path: str, most: int, *, depth: int) -> Iterator[tuple[str, bytes]]:
    """Every plain file at or below `name`, in order."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode):
            yield path, _content(handle, most)
        elif stat.S_ISDIR(mode) and depth < DEEPEST:
            for inner in sorted(os.listdir(handle)):
                yield from _below(handle, inner, f"{path}/{inner}", most, depth=depth + 1)
    finally:
        os.close(handle)


def _content(handle: int, most: int) -> bytes:
    with os.fdopen(os.dup(handle), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise StateTooLarge(f"What the agent remembers is more than {most:,} bytes.")
    return content
