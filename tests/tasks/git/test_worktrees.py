import os
import stat

import pytest

from tasks.git import worktrees
from tasks.git.command import GitFailed, git
from tests.tasks.conftest import STRANGER


def test_a_worktree_is_a_clean_copy_with_its_own_history(worktree, commit, future):
    shown = git("status", "--porcelain", git_dir=worktree / ".git", work_tree=worktree)
    history = git("log", "--format=%H", git_dir=worktree / ".git")

    assert shown == b""
    assert history.decode().strip() == commit
    with pytest.raises(GitFailed):
        git("cat-file", "-t", future, git_dir=worktree / ".git")


def test_a_worktree_knows_neither_where_it_came_from_nor_shares_a_file(worktree, base):
    inodes = {path.stat().st_ino for path in base.rglob("*") if path.is_file()}

    assert not any(path.stat().st_ino in inodes for path in worktree.rglob("*") if path.is_file())
    assert not (worktree / ".git" / "objects" / "info" / "alternates").exists()
    for path in (worktree / ".git").rglob("*"):
        if path.is_file():
            assert os.fsencode(base.parent) not in path.read_bytes()


def test_files_are_written_as_they_are_stored(worktree):
    assert (worktree / "docs" / "read me.txt").read_bytes() == b"Tides\nrise\n"
    assert (worktree / "link").is_symlink()
    assert (worktree / "run.sh").stat().st_mode & stat.S_IXUSR


def test_nothing_is_left_of_a_worktree(base, commit, reachable):
    with worktrees.worktree(base, commit, reachable / "wt") as path:
        deep = path
        for _ in range(3):
            deep = deep / "inner"
            deep.mkdir()
        (deep / "file").write_text("x")
        (deep / "file").chmod(0)
        os.mkfifo(path / "fifo")
        (path / "out").symlink_to("/etc")
        deep.chmod(0)
        deep.parent.chmod(0)

    assert not (reachable / "wt").exists()


def test_a_worktree_of_thirty_thousand_files_is_removed(base, commit, reachable):
    with worktrees.worktree(base, commit, reachable / "wt") as path:
        for number in range(30_000):
            os.link(path / "tide.py", f"{path}/{number}")

    assert not (reachable / "wt").exists()


def test_a_tree_deeper_than_python_can_recurse_is_removed(reachable):
    folder = os.open(reachable, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=folder)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)

    worktrees.remove(reachable / "deeper")

    assert not (reachable / "deeper").exists()


def test_a_worktree_is_removed_after_a_failure(base, commit, reachable):
    with pytest.raises(RuntimeError), worktrees.worktree(base, commit, reachable / "wt"):
        raise RuntimeError

    assert not (reachable / "wt").exists()


def test_somebody_elses_files_are_removed(base, commit, reachable):
    with worktrees.worktree(base, commit, reachable / "wt") as path:
        owner = STRANGER if os.getuid() == 0 else os.getuid()
        for entry in (path, *path.rglob("*")):
            os.chown(entry, owner, -1, follow_symlinks=False)
        path.chmod(0o000)

    assert not (reachable / "wt").exists()


def test_removing_a_link_leaves_what_it_points_to(reachable):
    (reachable / "kept").mkdir()
    (reachable / "link").symlink_to("kept")

    worktrees.remove(reachable / "link")
    worktrees.remove(reachable / "link")

    assert (reachable / "kept").is_dir()
    assert not (reachable / "link").is_symlink()


def test_a_checkout_is_plain_files(base, commit, reachable):
    worktrees.checkout(base, commit, reachable / "plain")

    assert sorted(path.name for path in (reachable / "plain").iterdir()) == [
        ".gitattributes",
        ".gitignore",
        "docs",
        "link",
        "picture.bin",
        "run.sh",
        "tide.py",
    ]


def test_a_checkout_writes_only_into_an_empty_directory(base, commit, reachable):
    (reachable / "mine").write_text("x")

    with pytest.raises(GitFailed, match="empty"):
        worktrees.checkout(base, commit, reachable)


@pytest.mark.parametrize("name", ["f" * 40, "--all", "main:docs", ""])
def test_a_checkout_of_nothing_is_told(base, reachable, name):
    with pytest.raises(GitFailed, match="is not a tree"):
        worktrees.checkout(base, name, reachable / "plain")
