"""A commit's files after the set-up command: made once, copied for everybody who works or tests there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.git.command import GitFailed, git
from tasks.git.mirrors import resolve
from tasks.git.worktrees import RESET, own_repository, remove, removed_after

#: Seconds that one copy may take; what is copied is bounded by the disk that set-up may use.
SLOWEST = 600
#: Pipes, sockets and devices: nobody needs them copied, and who opens one waits.
NEITHER_FILE_NOR_LINK = ("!", "-type", "f", "!", "-type", "d", "!", "-type", "l")


@dataclass(frozen=True)
class Template:
    """A folder with files, a home directory, what set-up added to the files, and the tree they began as."""

    path: Path

    @property
    def left(self) -> frozenset[bytes]:
        """What set-up made: relative paths. A directory ends in a slash, and stands for all that is in it."""
        return frozenset((self.path / "left").read_bytes().split(b"\0")) - {b""}

    @contextmanager
    def worktree(self, base: Path, commit: str, into: Path) -> Iterator[Path]:
        """A working copy with a repository of its own, as of `worktrees.worktree`, and what set-up made in it."""
        with removed_after(into):
            commit = resolve(base, commit)
            self.fill(into, repository=base, tree=commit)
            ours = into / ".git"
            own_repository(base, commit, ours)
            # What its `git status` does not show is no part of its patch either.
            (ours / "info" / "exclude").write_bytes(excluding(self.left))
            # Not `reset`, which would write every file once more.
            git("read-tree", commit, git_dir=ours)
            git("update-index", "-q", "--refresh", git_dir=ours, work_tree=into)
            yield into

    def fill(self, into: Path, *, repository: Path, tree: str) -> None:
        """Copy the files to `into`, the commit's own as `tree` of `repository` has them. Raises GitFailed."""
        copy(self.path / "files", into)
        before = _entries((self.path / "tree").read_bytes())
        wanted = _entries(git("ls-tree", "-r", "-z", "--full-tree", tree, git_dir=repository))
        for name in before.keys() - wanted.keys():
            _drop(into, name)
        changed = [name for name, entry in wanted.items() if before.get(name) != entry]
        with tempfile.TemporaryDirectory(prefix="marlin-index-") as scratch:
            index = Path(scratch) / "index"
            git("read-tree", tree, git_dir=repository, index=index)
            git(
                *["checkout-index", "--force", "-z", "--stdin"],
                git_dir=repository,
                work_tree=into,
                index=index,
                stdin=b"".join(name + b"\0" for name in changed),
            )

    def copy_home(self, into: Path) -> None:
        copy(self.path / "home", into)


def seal(files: Path, home: Path, base: Path, commit: str, into: Path) -> tuple[Template, list[bytes]]:
    """Make a template of a worktree in which set-up has ended, and of its home; both are moved to `into`.

    Files of the commit that set-up changed are put back, and their paths given. The worktree's own repository is
    thrown away unread, since a stranger wrote there. Raises GitFailed.
    """
    remove(files / ".git")
    for folder in (files, home):
        _make_plain(folder)
    with tempfile.TemporaryDirectory(prefix="marlin-seal-") as scratch:
        ours = Path(scratch) / "git"
        own_repository(base, commit, ours)
        git("read-tree", commit, git_dir=ours)
        git("update-index", "-q", "--refresh", git_dir=ours, work_tree=files, accept=(0, 1))
        changed = git("diff-files", "--name-only", "-z", git_dir=ours, work_tree=files).split(b"\0")[:-1]
        git(*RESET, commit, git_dir=ours, work_tree=files)
        left = git("ls-files", "--others", "--directory", "-z", git_dir=ours, work_tree=files)
    into.mkdir()
    (into / "left").write_bytes(left)
    (into / "tree").write_bytes(git("ls-tree", "-r", "-z", "--full-tree", commit, git_dir=base))
    files.rename(into / "files")
    home.rename(into / "home")
    return Template(into), changed


def copy(source: Path, into: Path) -> None:
    """A copy with no hard link to its source; where the file system can, blocks are shared until one writes."""
    kept = "--preserve=mode,timestamps,links"  # no owner: whoever uses the copy is given it
    copied = ("--recursive", "--no-dereference", "--reflink=auto", "--no-target-directory")
    _command("cp", *copied, kept, "--", str(source), str(into))


def excluding(left: Iterable[bytes]) -> bytes:
    """Lines of .git/info/exclude for these paths and no others (gitignore(5))."""
    lines = b""
    for path in sorted(left):
        if b"\n" not in path:
            for special in (b"\\", b"*", b"?", b"[", b" "):
                path = path.replace(special, b"\\" + special)
            lines += b"/" + path + b"\n"
    return lines


def _make_plain(folder: Path) -> None:
    """What its owner can read and remove, and nobody runs as another user."""
    _command("chmod", "--recursive", "u+rwX,u-s,g-s", "--", str(folder))
    _command("find", str(folder), *NEITHER_FILE_NOR_LINK, "-delete")


def _entries(listing: bytes) -> dict[bytes, bytes]:
    """Path to mode, kind and object, from records of `ls-tree -z`."""
    records = (record.partition(b"\t") for record in listing.split(b"\0")[:-1])
    return {path: described for described, _, path in records}


def _drop(root: Path, name: bytes) -> None:
    """One of the commit's files, and the directories that it leaves empty. Its own directories are no links."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))
    remove(path)
    with suppress(OSError):
        for folder in path.parents:
            if folder == root:
                return
            folder.rmdir()


def _command(*command: str) -> None:
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=SLOWEST)
    except subprocess.TimeoutExpired:
        raise GitFailed("What set-up made could not be copied in time.") from None
    except subprocess.CalledProcessError as why:
        told = why.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitFailed(f"What set-up made could not be copied: {(told or [''])[0][:300]}") from None
