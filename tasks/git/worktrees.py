"""Copies of one commit for somebody else to work in: with a history of their own, or as plain files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.git.command import PLAIN_ATTRIBUTES, GitFailed, empty_repository, git
from tasks.git.mirrors import resolve

CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[user]
\tname = Developer
\temail = developer@localhost
"""
RESET = ("reset", "--quiet", "--hard", "--no-recurse-submodules")


@contextmanager
def worktree(base: Path, commit: str, into: Path) -> Iterator[Path]:
    """A clean working copy of `commit` at `into`, with its own repository that shares nothing with the base.

    It is removed at the end, whatever has become of it. Raises GitFailed.
    """
    with removed_after(into):
        commit = resolve(base, commit)
        own_repository(base, commit, into / ".git")
        git(*RESET, commit, git_dir=into / ".git", work_tree=into)
        yield into


@contextmanager
def removed_after(into: Path) -> Iterator[None]:
    """A new directory, removed at the end, whatever has become of it."""
    into.mkdir(parents=True)
    try:
        yield
    finally:
        remove(into)


def checkout(base: Path, tree_or_commit: str, into: Path) -> None:
    """Write the plain files of a tree to `into`, which must be new or empty. Raises GitFailed."""
    with tempfile.TemporaryDirectory(prefix="marlin-checkout-") as scratch:
        repository = empty_repository(Path(scratch) / "git", objects_of=base)
        write_tree(repository, resolve_tree(repository, tree_or_commit), into)


def write_tree(repository: Path, tree: str, into: Path) -> None:
    """Write the files of a tree as they are stored: no filter, no change of line ends."""
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise GitFailed("Files can be written only into an empty directory.")
    with tempfile.TemporaryDirectory(prefix="marlin-index-") as scratch:
        index = Path(scratch) / "index"
        git("read-tree", tree, git_dir=repository, index=index)
        git("checkout-index", "--all", "--force", git_dir=repository, work_tree=into, index=index)


def resolve_tree(repository: Path, tree_or_commit: str) -> str:
    if not tree_or_commit.isalnum():
        raise GitFailed(f"“{tree_or_commit[:80]}” is not a tree of this repository.")
    try:
        name = git("rev-parse", "--verify", "--quiet", f"{tree_or_commit}^{{tree}}", git_dir=repository)
    except GitFailed:
        raise GitFailed(f"“{tree_or_commit[:80]}” is not a tree of this repository.") from None
    return name.decode("ascii").strip()


def remove(path: Path) -> None:
    """Remove a directory whatever is in it; a missing one is fine. Raises GitFailed if something stays."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    # The commands of the system walk trees of any depth; Python's rmtree stops at its recursion limit.
    _quietly("rm", "-rf", "--one-file-system", "--", str(path))
    if os.path.lexists(path):
        _quietly("chmod", "-R", "u+rwx", "--", str(path))
        _quietly("rm", "-rf", "--one-file-system", "--", str(path))
    if os.path.lexists(path):
        raise GitFailed(f"The directory {path} could not be removed.")


def _quietly(*command: str) -> None:
    subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=300,
    )


def own_repository(base: Path, commit: str, at: Path) -> None:
    """Copied by hand: a clone would remember where it came from and could hard-link the base's objects."""
    at.mkdir()
    shutil.copytree(base / "objects", at / "objects")
    (at / "objects" / "info" / "alternates").unlink(missing_ok=True)
    (at / "refs" / "heads").mkdir(parents=True)
    (at / "info").mkdir()
    (at / "info" / "attributes").write_text(PLAIN_ATTRIBUTES)
    (at / "config").write_text(CONFIG)
    (at / "HEAD").write_text("ref: refs/heads/main\n")
    (at / "refs" / "heads" / "main").write_text(f"{commit}\n")
    if (base / "shallow").exists():
        shutil.copyfile(base / "shallow", at / "shallow")
    for folder, _, files in os.walk(at / "objects"):
        for name in files:
            os.chmod(Path(folder) / name, 0o444)
