"""The commits of a mirror, newest first, along the first parents: the states a branch was in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.git.command import git

MOST = 2_000  # commits that are listed
#: git-log(1), PRETTY FORMATS: name, first parents, time of the commit, author, subject; ended by NUL (-z).
FORMAT = "--format=%H%x1f%P%x1f%ct%x1f%an%x1f%s"
_MERGED = re.compile(r"^Merge pull request #(\d{1,9})\b|\(#(\d{1,9})\)\s*$")


@dataclass(frozen=True)
class Listed:
    """One commit as its repository tells of it. `merged` is the number of a pull request."""

    name: str
    parent: str
    committed_at: datetime
    author: str
    subject: str
    merged: int | None


def history(mirror: Path, *, most: int = MOST) -> Iterator[Listed]:
    """From HEAD back. Raises GitFailed."""
    printed = git("log", "-z", "--first-parent", f"--max-count={most}", FORMAT, "HEAD", "--", git_dir=mirror)
    for record in printed.decode("utf-8", "replace").split("\0"):
        if not record:
            continue
        name, parents, seconds, author, subject = record.split("\x1f", 4)
        yield Listed(
            name=name,
            parent=parents.partition(" ")[0],
            committed_at=datetime.fromtimestamp(int(seconds), UTC),
            author=author[:100],
            subject=subject[:300],
            merged=merged_in(subject),
        )


def merged_in(subject: str) -> int | None:
    """The number of the pull request, as the hosts of code write it into the subject of a merge."""
    found = _MERGED.search(subject)
    return int(next(filter(None, found.groups()))) if found else None
