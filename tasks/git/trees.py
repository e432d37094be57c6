"""What stands in a tree and in its files, read from objects alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.git.command import GitFailed, git
from tasks.git.mirrors import resolve
from tasks.git.walk import shown

LINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True)
class TreeFile:
    """One file of a tree; `name` is git's name of its content, `size` in bytes, 0 for a submodule."""

    path: str
    mode: str
    name: str
    size: int


def files_of(repository: Path, commit: str) -> list[TreeFile]:
    """Every file of a commit, folders in their order. Raises GitFailed."""
    tree = resolve(repository, commit)
    printed = git("ls-tree", "-r", "-l", "-z", "--full-tree", tree, git_dir=repository)
    return [_file(record) for record in printed.split(b"\0")[:-1]]


def _file(record: bytes) -> TreeFile:
    described, _, path = record.partition(b"\t")
    mode, _, name, size = described.decode("ascii").split()
    return TreeFile(shown(path), mode, name, int(size) if size.isdigit() else 0)


def contents(repository: Path, names: Iterable[str], most: int) -> dict[str, bytes | None]:
    """Content by object name, None where it is larger than `most` bytes; sizes are asked before bytes.

    Raises GitFailed.
    """
    found: dict[str, bytes | None] = {}
    wanted = "".join(f"{name}\n" for name in names).encode()
    for line in (
        git("cat-file", "--batch-check", git_dir=repository, stdin=wanted).decode("ascii").splitlines()
    ):
        name, kind, *told = line.split()
        if kind != "blob":
            raise GitFailed(f"The object {name} is missing from the repository.")
        found[name] = None if int(told[0]) > most else b""
    return found | _read(repository, [name for name, content in found.items() if content is not None])


def _read(repository: Path, names: Sequence[str]) -> dict[str, bytes | None]:
    """The stream is "<name> blob <size>\\n<bytes>\\n", one after the other."""
    wanted = "".join(f"{name}\n" for name in names).encode()
    stream = git("cat-file", "--batch", git_dir=repository, stdin=wanted)
    found: dict[str, bytes | None] = {}
    at = 0
    for name in names:
        end = stream.index(b"\n", at)
        size = int(stream[at:end].split()[2])
        found[name] = stream[end + 1 : end + 1 + size]
        at = end + size + 2
    return found
