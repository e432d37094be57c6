"""The base that a later turn starts from: that of the turn before, with one candidate's patch as a commit."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.git import mirrors, patches
from tasks.git.command import GitFailed, empty_repository, git
from tasks.lineage import content_after


def continued(base: Path, parent: str, patch: bytes, commit: str, into: Path) -> Path:
    """A base-only repository of `commit`, made of that of its parent. Raises GitFailed if it comes out otherwise."""
    with mirrors.locked(into):
        if into.exists():
            return into
        with mirrors.appearing(into) as unfinished:
            empty_repository(unfinished)
            shutil.copytree(base / "objects", unfinished / "objects", dirs_exist_ok=True)
            if (base / "shallow").exists():
                shutil.copyfile(base / "shallow", unfinished / "shallow")
            tree = patches.apply_within(unfinished, parent, patch)
            _store(unfinished, parent, tree, commit)
    return into


def _store(repository: Path, parent: str, tree: str, commit: str) -> None:
    written = git(
        "hash-object", "-t", "commit", "-w", "--stdin", git_dir=repository, stdin=content_after(parent, tree)
    )
    if written.decode("ascii").strip() != commit:
        raise GitFailed("The files that this turn starts from could not be made again as they were.")
    git("update-ref", "refs/heads/main", commit, git_dir=repository)
