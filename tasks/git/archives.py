"""Repositories that arrive as a file: a git bundle with its history, or a tarball of files, read without trust."""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from tasks.git.command import GitFailed, empty_repository, git
from tasks.git.mirrors import CLONE_TIMEOUT, appearing, locked, resolve

CHUNK = 1 << 20
MOST_HEADER = 1 << 20  # bytes of a header that tarfile reads into memory as a whole
MOST_MEMORY = 4 << 30  # bytes that git may map while it reads a bundle
#: Types of headers that describe the next member; their size is what a hostile archive would lie with.
DESCRIBING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
UNPACKED = "refs/marlin/unpacked"


class Refused(Exception):
    """A file we do not take a repository from; the sentence says why."""


@dataclass(frozen=True)
class Bounds:
    """The most that an archive may unpack to."""

    files: int = 200_000
    bytes: int = 4 << 30
    file_bytes: int = 256 << 20


def unpack(
    archive: Path, into: Path, *, bounds: Bounds = Bounds(), said: Callable[[bytes], None] | None = None
) -> None:
    """Bring the bare mirror at `into` up to date with a bundle or a tarball, or make it. Raises Refused, GitFailed."""
    with archive.open("rb") as file:
        is_bundle = file.read(16).startswith((b"# v2 git bundle", b"# v3 git bundle"))
    fill = _from_bundle if is_bundle else _from_tarball
    with locked(into):
        if into.exists():
            fill(archive, into, bounds, said)
            return
        with appearing(into) as unfinished:
            empty_repository(unfinished)
            fill(archive, unfinished, bounds, said)


# --- Bundles ------------------------------------------------------------------------------------------------------


def _from_bundle(archive: Path, into: Path, bounds: Bounds, said: Callable[[bytes], None] | None) -> None:
    listed = git("bundle", "list-heads", str(archive), git_dir=into).decode("utf-8", "replace")
    parted = (line.partition(" ") for line in listed.splitlines())
    heads = {name: commit for commit, _, name in parted}
    branches = [name for name in heads if name.startswith("refs/")]
    refspec = "+refs/*:refs/*" if branches else "+HEAD:refs/heads/main"
    try:
        git(
            *["fetch", "--progress", "--force", "--no-tags", "--no-write-fetch-head"],
            *["--no-recurse-submodules", "--", str(archive), refspec],
            git_dir=into,
            protocols="file",
            config={
                "fetch.fsckObjects": "true",
                "fetch.fsck.zeroPaddedFilemode": "ignore",
                "core.packedGitWindowSize": "64m",
                "core.packedGitLimit": "512m",
            },
            timeout=CLONE_TIMEOUT,
            memory=MOST_MEMORY,
            said=said,
        )
    except GitFailed as why:
        if "prerequisite" in str(why):
            raise Refused(
                "This bundle holds only what is newer than commits we do not have. "
                "Make a whole one: git bundle create NAME.bundle --all"
            ) from why
        raise
    git("symbolic-ref", "HEAD", _main_of(heads), git_dir=into)
    _check_tree(into, bounds)


def _main_of(heads: dict[str, str]) -> str:
    """The branch that the bundle's HEAD names, as far as its commit tells."""
    branches = [name for name in heads if name.startswith("refs/heads/")]
    usual = [name for name in ("refs/heads/main", "refs/heads/master") if name in branches]
    same = [name for name in [*usual, *sorted(branches)] if heads[name] == heads.get("HEAD")]
    return next(iter([*same, *usual, *sorted(branches)]), "refs/heads/main")


def _check_tree(repository: Path, bounds: Bounds) -> None:
    """What a checkout of HEAD would write and where, told by its objects before anything is unpacked."""
    tree = resolve(repository, "HEAD")
    printed = git("ls-tree", "-r", "-l", "-z", "--full-tree", tree, git_dir=repository)
    records = [record.partition(b"\t") for record in printed.split(b"\0")[:-1]]
    for _, _, path in records:
        _checked(path.decode("utf-8", "surrogateescape"))
    sizes = [described.split()[3] for described, _, _ in records]
    written = [int(size) for size in sizes if size.isdigit()]
    if len(sizes) > bounds.files:
        raise Refused(f"It holds {len(sizes):,} files; {bounds.files:,} is the most.")
    if max(written, default=0) > bounds.file_bytes:
        raise Refused(f"One of its files has {max(written):,} bytes; {bounds.file_bytes:,} is the most.")
    if sum(written) > bounds.bytes:
        raise Refused(f"Unpacked it has {sum(written):,} bytes; {bounds.bytes:,} is the most.")


# --- Tarballs -----------------------------------------------------------------------------------------------------


def _from_tarball(archive: Path, into: Path, bounds: Bounds, said: Callable[[bytes], None] | None) -> None:
    """One commit of the files, after the one before. No file is ever written under a name from the archive."""
    with tempfile.TemporaryFile(dir=into.parent) as stream:
        count = _write_stream(archive, stream, bounds)
        if said:
            said(f"{count:,} files unpacked.\n".encode())
        stream.seek(0)
        git(
            *["fast-import", "--quiet", "--force"],
            git_dir=into,
            stdin=stream,
            config={"core.bigFileThreshold": "1m"},
            timeout=CLONE_TIMEOUT,
        )
    tree = _tree_of(into)
    before = _before(into)
    parent = ["-p", before] if before else []
    printed = git("commit-tree", tree, *parent, "-m", "The files as they were sent", git_dir=into)
    commit = printed.decode("ascii").strip()
    git("update-ref", "refs/heads/main", commit, git_dir=into)
    git("update-ref", "-d", UNPACKED, git_dir=into)
    git("symbolic-ref", "HEAD", "refs/heads/main", git_dir=into)


def _tree_of(repository: Path) -> str:
    """The tree of what was unpacked; a single folder around everything is taken off."""
    printed = git("ls-tree", "-z", "--full-tree", UNPACKED, git_dir=repository)
    entries = [record.partition(b"\t")[0].split() for record in printed.split(b"\0")[:-1]]
    if len(entries) == 1 and entries[0][1] == b"tree":
        return entries[0][2].decode("ascii")
    return git("rev-parse", f"{UNPACKED}^{{tree}}", git_dir=repository).decode("ascii").strip()


def _before(repository: Path) -> str:
    try:
        return resolve(repository, "refs/heads/main")
    except GitFailed:
        return ""


def _write_stream(archive: Path, stream: IO[bytes], bounds: Bounds) -> int:
    """What git fast-import(1) reads: a commit with each file inline."""
    stream.write(b"commit %s\ncommitter Marlin <marlin@localhost> 0 +0000\ndata 0\n" % UNPACKED.encode())
    count = 0
    try:
        with _uncompressed(archive, bounds) as file:
            for name, mode, size, content in _members(file, bounds):
                count += 1
                stream.write(b"M %s inline %s\ndata %d\n" % (mode, _quoted(name), size))
                _copy(content, stream, size)
                stream.write(b"\n")
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, UnicodeError) as why:
        raise Refused(f"This is neither a git bundle nor a tarball that can be read: {why}.") from why
    if not count:
        raise Refused("The tarball holds no files.")
    return count


def _members(file: IO[bytes], bounds: Bounds) -> Iterator[tuple[str, bytes, int, IO[bytes] | bytes]]:
    """Path, mode, size and content of each file and link. Raises Refused for what a repository cannot hold."""
    count = 0
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_Member, errorlevel=2) as tar:
        for member in tar:
            name = _checked(member.name)
            tar.members = []  # type: ignore[attr-defined]  # a stream needs no memory of what went by
            if member.isdir():
                continue
            count += 1
            if count > bounds.files:
                raise Refused(f"It holds more than {bounds.files:,} files, which is the most.")
            if member.issym():
                target = member.linkname.encode("utf-8", "surrogateescape")
                _check_link(name, member.linkname)
                yield name, b"120000", len(target), target
            elif member.isreg() and not member.issparse():
                if member.size > bounds.file_bytes:
                    raise Refused(
                        f"“{name[:100]}” has {member.size:,} bytes; {bounds.file_bytes:,} is the most."
                    )
                content = cast("IO[bytes]", tar.extractfile(member))
                yield name, b"100755" if member.mode & 0o100 else b"100644", member.size, content
            else:
                kind = "a hard link" if member.islnk() else "neither a file nor a folder"
                raise Refused(f"“{name[:100]}” is {kind}; a repository holds files and links within it.")


class _Member(tarfile.TarInfo):
    """tarfile reads long names and extended headers whole; one of gigabytes must not fill the memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in DESCRIBING and self.size > MOST_HEADER:
            raise Refused(f"A header of the tarball has {self.size:,} bytes; {MOST_HEADER:,} is the most.")
        return cast(tarfile.TarInfo, super()._proc_member(tar))  # type: ignore[misc]


def _checked(name: str) -> str:
    """The path as git writes it. Raises Refused for one that leads out of the tree, or into git's own folder."""
    if name.startswith("/"):
        raise Refused(f"“{name[:100]}” is an absolute path; a repository holds its own files alone.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refused(f"“{name[:100]}” leads out of the folder; a repository holds its own files alone.")
    if any(part.lower().rstrip(". ") in (".git", "git~1") for part in parts):
        raise Refused("It holds a .git folder. Send its history instead: git bundle create NAME.bundle --all")
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise Refused(f"“{name[:100]!r}” holds a control character, which no path here may.")
    return "/".join(parts)


def _check_link(name: str, target: str) -> None:
    leads = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    if target.startswith("/") or leads == ".." or leads.startswith("../"):
        raise Refused(f"The link “{name[:100]}” leads out of the folder, to “{target[:100]}”.")


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return b'"%s"' % escaped.encode("utf-8", "surrogateescape")


def _copy(content: IO[bytes] | bytes, stream: IO[bytes], size: int) -> None:
    if isinstance(content, bytes):
        stream.write(content)
        return
    while chunk := content.read(CHUNK):
        stream.write(chunk)
        size -= len(chunk)
    if size:
        raise EOFError("it ends in the middle of a file")


class _Counted:
    """A stream that ends with a refusal when more comes out of it than an archive may hold."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.most, self.total = file, most, 0

    def read(self, size: int) -> bytes:
        chunk = self.file.read(size)
        self.total += len(chunk)
        if self.total > self.most:
            raise Refused(f"Unpacked it has more than {self.most:,} bytes.")
        return chunk


@contextmanager
def _uncompressed(archive: Path, bounds: Bounds) -> Iterator[IO[bytes]]:
    """By the first bytes, whatever the name says. Members take whole blocks of 512 bytes, and a header each."""
    with archive.open("rb") as file:
        magic = file.read(6)
    openers: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
    with openers.get(magic[:2], open)(archive, "rb") as opened:
        yield cast("IO[bytes]", _Counted(opened, bounds.bytes + 2048 * bounds.files))
