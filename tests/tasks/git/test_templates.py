"""What set-up made is copied for all, belongs to nobody's patch, and leaves the commit's own files alone."""

import os
from pathlib import Path

import pytest

from tasks.git import patches, templates, worktrees
from tasks.git.command import git


@pytest.fixture
def template(base, commit, reachable):
    """Set-up wrote everywhere, into the commit's files and into the repository too."""
    home = reachable / "home"
    home.mkdir()
    (home / ".config").write_text("mirror = inside\n")
    with worktrees.worktree(base, commit, reachable / "files") as files:
        (files / "tide.py").write_text("SPOILT = 1\n")
        (files / "docs" / "read me.txt").unlink()
        (files / "docs" / "a*b c").write_text("made\n")
        (files / "modules" / "deep").mkdir(parents=True)
        (files / "modules" / "deep" / "one.js").write_text("1\n")
        (files / "modules" / "deep").chmod(0)
        (files / "tool").write_text("#!/bin/sh\n")
        (files / "tool").chmod(0o4755)
        os.mkfifo(files / "pipe")
        (files / ".git" / "hooks").mkdir(exist_ok=True)
        (files / ".git" / "config").write_text("[core]\n\tfsmonitor = touch /var/tmp/marlin-was-here\n")
        made, changed = templates.seal(files, home, base, commit, reachable / "template")
    assert changed == [b"docs/read me.txt", b"tide.py"]
    return made


def inodes(folder: Path) -> set[int]:
    return {path.lstat().st_ino for path in folder.rglob("*") if not path.is_dir()}


def test_the_commits_files_are_put_back_and_the_rest_is_named(template):
    assert (template.path / "files" / "tide.py").read_text().startswith("def height")
    assert template.left == {b"docs/a*b c", b"modules/", b"tool"}
    assert (template.path / "files" / "modules" / "deep" / "one.js").exists()
    assert not (template.path / "files" / "tool").stat().st_mode & 0o4000
    assert not os.path.lexists(template.path / "files" / ".git")


def test_a_worktree_has_what_set_up_made_and_git_sees_a_clean_commit(template, base, commit, reachable):
    with template.worktree(base, commit, reachable / "copy") as copy:
        assert (copy / "modules" / "deep" / "one.js").exists()
        assert git("status", "--porcelain", git_dir=copy / ".git", work_tree=copy) == b""
        assert not inodes(copy) & inodes(template.path)

    template.copy_home(reachable / "another")
    assert (reachable / "another" / ".config").read_text() == "mirror = inside\n"


def test_a_patch_holds_the_work_and_nothing_that_set_up_made(template, base, commit, reachable):
    with template.worktree(base, commit, reachable / "copy") as copy:
        (copy / "modules" / "deep" / "one.js").write_text("2\n")
        (copy / "modules" / "two.js").write_text("2\n")
        (copy / "docs" / "mine").write_text("new\n")
        taken = patches.take(copy, base, commit, left=template.left, scratch=reachable)

    assert [file.path for file in taken.files] == ["docs/mine"]


@pytest.mark.parametrize("becomes", ["file", "link", "folder"])
def test_tests_run_on_the_patched_files_beside_what_set_up_made(template, base, commit, reachable, becomes):
    with worktrees.worktree(base, commit, reachable / "work") as work:
        (work / "run.sh").unlink()
        (work / "docs" / "read me.txt").unlink()
        (work / "docs").rmdir()
        if becomes == "folder":
            (work / "run.sh").mkdir()
            (work / "run.sh" / "inner").write_text("new\n")
        elif becomes == "link":
            (work / "docs").symlink_to("/etc")
        else:
            (work / "docs").write_text("new\n")
        taken = patches.take(work, base, commit, scratch=reachable)

    into = reachable / "tested"
    into.mkdir()
    tree = patches.materialise(base, commit, taken.patch, into, template=template, scratch=reachable)

    assert tree == taken.tree
    assert (into / "modules" / "deep" / "one.js").exists()
    assert patches.take(into, base, commit, left=template.left, scratch=reachable).tree == tree


def test_hidden_paths_are_written_so_that_they_hide_nothing_else():
    lines = templates.excluding([b"a*b c", b"two\nlines", b"#[x]?\\"])

    assert lines == b"/#\\[x]\\?\\\\\n/a\\*b\\ c\n"
