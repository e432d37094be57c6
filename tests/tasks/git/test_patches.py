import os
import socket
import subprocess

import pytest

from tasks.git import patches, worktrees
from tasks.git.command import GitFailed, git
from tasks.git.patches import FileStat, PatchDoesNotApply, TakeLimits
from tasks.git.walk import blob_id, looks_like_git


@pytest.fixture
def take(worktree, base, commit):
    def take(**limits):
        return patches.take(worktree, base, commit, limits=TakeLimits(**limits))

    return take


def paths(taken):
    return [file.path for file in taken.files]


def test_an_untouched_worktree_gives_an_empty_patch(take, base, commit):
    taken = take()

    assert taken.patch == b""
    assert taken.files == ()
    assert taken.notes == ()
    assert taken.tree == git("rev-parse", f"{commit}^{{tree}}", git_dir=base).decode().strip()


def test_every_kind_of_change_is_taken(worktree, take):
    (worktree / "tide.py").write_text(
        "def height(hour):\n    return hour % 24\n\n\ndef name():\n    return 'tide'\n"
    )
    (worktree / "new.py").write_text("x = 1\n")
    (worktree / "empty").write_text("")
    (worktree / "docs" / "read me.txt").rename(worktree / "readme.txt")
    (worktree / "picture.bin").write_bytes(bytes(range(255, -1, -1)) * 4)
    (worktree / "run.sh").chmod(0o644)
    (worktree / "link").unlink()

    taken = take()

    assert taken.files == (
        FileStat("empty", None, "A", 0, 0, False, "000000", "100644"),
        FileStat("link", None, "D", 0, 1, False, "120000", "000000"),
        FileStat("new.py", None, "A", 1, 0, False, "000000", "100644"),
        FileStat("picture.bin", None, "M", 0, 0, True, "100644", "100644"),
        FileStat("readme.txt", "docs/read me.txt", "R", 0, 0, False, "100644", "100644"),
        FileStat("run.sh", None, "M", 0, 0, False, "100755", "100644"),
        FileStat("tide.py", None, "M", 1, 1, False, "100644", "100644"),
    )
    assert taken.notes == ()
    assert b"+    return hour % 24\n" in taken.patch
    assert b"GIT binary patch" in taken.patch


def test_files_links_and_directories_may_change_places(worktree, take, base, commit):
    (worktree / "link").unlink()
    (worktree / "link").write_text("a file now\n")
    (worktree / "run.sh").unlink()
    (worktree / "run.sh").mkdir()
    (worktree / "run.sh" / "inner").write_text("x\n")
    (worktree / "docs" / "read me.txt").unlink()
    (worktree / "docs").rmdir()
    (worktree / "docs").symlink_to("/etc")

    taken = take()

    assert [(file.path, file.status) for file in taken.files] == [
        ("docs", "A"),
        ("docs/read me.txt", "D"),
        ("link", "T"),
        ("run.sh", "D"),
        ("run.sh/inner", "A"),
    ]
    assert patches.apply(base, commit, taken.patch).tree == taken.tree


def test_a_patch_taken_twice_is_the_same_bytes(worktree, take):
    (worktree / "tide.py").write_text("changed\n")

    assert take() == take()


def test_names_of_any_bytes_are_taken(worktree, take):
    for name in (
        b"\xff\xfe",
        b'quote".py',
        b"line\nbreak",
        b"tab\there",
        b" leading",
        b"-option",
        b"a\\b",
        "ü".encode(),
    ):
        (worktree / os.fsdecode(name)).write_text("x\n")

    taken = take()

    assert set(paths(taken)) == {
        "\\xff\\xfe", 'quote".py', "line\nbreak", "tab\there", " leading", "-option", "a\\b", "ü",
    }  # fmt: skip
    assert taken.notes == ()


def test_the_bases_rules_say_what_is_ignored(worktree, take):
    (worktree / "build").mkdir()
    (worktree / "build" / "out").write_text("x")
    (worktree / "docs" / "a.log").write_text("x")
    (worktree / "kept.txt").write_text("x")

    assert paths(take()) == ["kept.txt"]


def test_settings_for_other_commands_run_nothing_either(worktree, take, reachable):
    """What no collector runs today, however naive; those that some do are in test_tricks.py."""
    marker, evil = reachable / "marker", reachable / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    evil.chmod(0o755)
    (worktree / ".git" / "config").write_text(
        f"[core]\n\tpager = {evil}\n\teditor = {evil}\n\taskPass = {evil}\n\talternateRefsCommand = {evil}\n"
        f'[merge "x"]\n\tdriver = {evil}\n[filter "x"]\n\tsmudge = {evil}\n\trequired = true\n'
        f"[credential]\n\thelper = !{evil}\n[uploadpack]\n\tpackObjectsHook = {evil}\n"
        f"[alias]\n\tadd = !{evil}\n\tdiff-tree = !{evil}\n"
    )
    (worktree / ".gitattributes").write_text("* filter=x merge=x\n")

    assert paths(take()) == [".gitattributes"]
    assert not marker.exists()


def test_an_unreadable_file_is_left_as_it_was(worktree, take):
    (worktree / "tide.py").chmod(0)
    (worktree / "secret").write_text("x")
    (worktree / "secret").chmod(0)
    (worktree / "new.py").write_text("x\n")

    taken = take()

    assert paths(taken) == ["new.py"]
    assert taken.notes == (
        "secret cannot be read, and was left as it was.",
        "tide.py cannot be read, and was left as it was.",
    )


def test_an_unreadable_directory_is_left_as_it_was(worktree, take):
    (worktree / "docs").chmod(0)

    taken = take()

    assert taken.patch == b""
    assert taken.notes == ("docs cannot be read, and was left as it was.",)


def test_an_enormous_sparse_file_is_left_out(worktree, take):
    with (worktree / "huge").open("wb") as file:
        file.truncate(2**40)
    with (worktree / "tide.py").open("wb") as file:
        file.truncate(2**40)

    taken = take()

    assert taken.patch == b""
    assert taken.notes == (
        "huge is larger than 8,388,608 bytes, and was left as it was.",
        "tide.py is larger than 8,388,608 bytes, and was left as it was.",
    )


def test_what_is_neither_file_nor_link_is_left_out(worktree, take):
    os.mkfifo(worktree / "fifo")
    (worktree / "tide.py").unlink()
    os.mkfifo(worktree / "tide.py")
    with socket.socket(socket.AF_UNIX) as listener:
        # A path may be longer than an address of a socket, so we bind it by a short one.
        here = os.open(worktree, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)

        taken = take()

    assert taken.patch == b""
    assert taken.notes == (
        "fifo is neither a file nor a link, and was left out.",
        "socket is neither a file nor a link, and was left out.",
        "tide.py is neither a file nor a link, and was left out.",
    )


def test_links_are_taken_as_links(worktree, take, reachable):
    (reachable / "secret").write_text("do not read me\n")
    (worktree / "out").symlink_to(reachable / "secret")
    (worktree / "up").symlink_to("..")
    (worktree / "docs" / "read me.txt").unlink()
    (worktree / "docs" / "read me.txt").symlink_to("/etc/passwd")

    taken = take()

    assert [(file.path, file.new_mode) for file in taken.files] == [
        ("docs/read me.txt", "120000"),
        ("out", "120000"),
        ("up", "120000"),
    ]
    assert b"do not read me" not in taken.patch
    assert b"root:" not in taken.patch


def test_a_directory_swapped_for_a_link_is_not_followed(worktree, take, reachable):
    (reachable / "outside").mkdir()
    (reachable / "outside" / "read me.txt").write_text("outside\n")
    worktrees.remove(worktree / "docs")
    (worktree / "docs").symlink_to(reachable / "outside")

    assert b"+outside\n" not in take().patch


def test_a_nested_repository_is_left_out(worktree, take):
    subprocess.run(["git", "init", "--quiet", worktree / "vendor"], check=True)
    (worktree / "vendor" / "file").write_text("x")

    taken = take()

    assert taken.patch == b""
    assert taken.notes == ("vendor is a Git repository of its own, and was left out.",)


def test_a_repository_made_inside_tracked_files_hides_no_change(worktree, take):
    subprocess.run(["git", "init", "--quiet", worktree / "docs"], check=True)
    (worktree / "docs" / "read me.txt").write_text("changed\n")

    taken = take()

    assert paths(taken) == ["docs/read me.txt"]
    assert taken.notes == ("docs/.git is named like a Git directory, and was left out.",)


@pytest.mark.parametrize(
    "name", [".GIT", ".git ", ".git.", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION", "a\\.git"]
)
def test_names_that_some_system_reads_as_git_are_left_out(worktree, take, name):
    (worktree / name).mkdir()
    (worktree / name / "config").write_text("x")

    taken = take()

    assert taken.patch == b""
    assert taken.notes == (f"{name} is named like a Git directory, and was left out.",)


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", ".gitx", "git~5", "x.git"])
def test_other_names_are_ordinary(name):
    assert not looks_like_git(name.encode())


def test_thirty_thousand_files_are_taken(worktree, take):
    (worktree / "many").mkdir()
    (worktree / "many" / "0").write_bytes(b"x")
    for number in range(1, 30_000):  # names of one file cost a fifth of as many files
        os.link(worktree / "many" / "0", f"{worktree}/many/{number}")

    taken = take()

    assert len(taken.files) == 30_000


def test_more_names_than_allowed_is_noted(worktree, take):
    for number in range(20):
        (worktree / f"a{number}").write_text("x")

    taken = take(entries=10)

    assert "The worktree was not read to the end: more than 10 files." in taken.notes
    assert {file.status for file in taken.files} <= {"A"}


def test_more_bytes_than_allowed_is_noted(worktree, take):
    (worktree / "a").write_bytes(b"a" * 600)
    (worktree / "b").write_bytes(b"b" * 600)

    taken = take(changed_bytes=1000)

    assert paths(taken) == ["a"]
    assert taken.notes == ("b was left as it was: the changes exceed 1,000 bytes.",)


def test_notes_are_bounded(worktree, take):
    for number in range(20):
        os.mkfifo(worktree / f"fifo{number:02}")

    taken = take(notes=3)

    assert len(taken.notes) == 4
    assert taken.notes[-1] == "More was left out than is listed here."


def test_a_very_deep_tree_is_cut(worktree, take):
    (worktree / "/".join(["d"] * 30)).mkdir(parents=True)
    (worktree / "/".join(["d"] * 30) / "file").write_text("x")

    taken = take(depth=10)

    assert taken.patch == b""
    assert taken.notes == ("/".join(["d"] * 10) + " lies too deep, and was left out.",)


def test_a_patch_that_is_too_large_is_told(worktree, take):
    (worktree / "a").write_text("line\n" * 1000)

    with pytest.raises(GitFailed, match="larger than 1,000 bytes as a patch"):
        take(patch_bytes=1000)


def test_an_emptied_worktree_deletes_everything(worktree, take):
    for path in list(worktree.iterdir()):
        worktrees.remove(path)

    taken = take()

    assert {file.status for file in taken.files} == {"D"}
    assert len(taken.files) == 7


def test_submodules_stay_as_they_are(origin, reachable):
    link = f"160000,{'1' * 40},vendor/library"
    origin.run("reset", "--quiet", "--hard")
    origin.run("update-index", "--add", "--cacheinfo", link)
    origin.run("commit", "--quiet", "-m", "Add a submodule")
    newest = origin.run("rev-parse", "HEAD")
    with worktrees.worktree(origin.path / ".git", newest, reachable / "with-submodule") as path:
        (path / "vendor" / "library").mkdir(parents=True, exist_ok=True)
        (path / "vendor" / "library" / "file").write_text("x")
        (path / "vendor" / "mine").write_text("x\n")

        taken = patches.take(path, origin.path / ".git", newest)

    assert paths(taken) == ["vendor/mine"]


PATCH = b"""\
diff --git a/tide.py b/tide.py
--- a/tide.py
+++ b/tide.py
@@ -1,3 +1,3 @@
 def height(hour):
-    return hour % 12
+    return hour % 24
 
"""  # noqa: W293


def test_a_foreign_patch_is_applied_and_made_canonical(base, commit):
    applied = patches.apply(base, commit, b"Some words of an e-mail.\n\n" + PATCH)

    assert applied.files == (FileStat("tide.py", None, "M", 1, 1, False, "100644", "100644"),)
    assert applied.patch.startswith(b"diff --git a/tide.py b/tide.py\nindex ")
    assert patches.apply(base, commit, applied.patch) == applied


@pytest.mark.parametrize("patch", [b"", b"\n", b"  \n\n"])
def test_an_empty_patch_changes_nothing(base, commit, patch):
    applied = patches.apply(base, commit, patch)

    assert applied.files == ()
    assert applied.patch == b""


def test_a_patch_for_something_else_says_where(base, commit):
    with pytest.raises(PatchDoesNotApply, match=r"The patch does not apply: patch failed: tide\.py:1\."):
        patches.apply(base, commit, PATCH.replace(b"def height", b"def depth"))


def new_file(path, mode=b"100644", content=b"x"):
    head = b"diff --git a/%s b/%s\nnew file mode %s\n--- /dev/null\n+++ b/%s\n" % (path, path, mode, path)
    return head + b"@@ -0,0 +1 @@\n+%s\n" % content


@pytest.mark.parametrize(
    "patch",
    [
        b"no patch at all",
        new_file(b"../escaped"),
        new_file(b"a/../../escaped"),
        new_file(b".git/hooks/post-checkout"),
        new_file(b"docs/.git/config"),
        new_file(b".GIT/config"),
        new_file(b"link/inner"),
        new_file(b"out", b"120000", b"/etc") + new_file(b"out/passwd"),
        new_file(b"tide.py"),
        PATCH.replace(b"a/tide.py", b"a/missing.py").replace(b"b/tide.py", b"b/missing.py"),
        PATCH[:-30],
        b"diff --git a/x b/x\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 5\nnonsense\n",
    ],
)
def test_a_patch_that_makes_no_sense_or_mischief_is_refused(base, commit, reachable, patch):
    with pytest.raises(PatchDoesNotApply, match=r"^The patch does not apply: .+\.$"):
        patches.apply(base, commit, patch)

    assert not list(reachable.rglob("escaped"))


def test_the_base_is_not_written_to(base, commit):
    before = sorted((path, path.stat().st_mtime_ns) for path in base.rglob("*"))

    patches.apply(base, commit, PATCH)

    assert sorted((path, path.stat().st_mtime_ns) for path in base.rglob("*")) == before


def test_changed_files_come_with_their_contents(base, commit, worktree, take):
    (worktree / "new.bin").write_bytes(b"\0\n\0" * 10)
    (worktree / "docs" / "read me.txt").rename(worktree / "readme.txt")
    (worktree / "link").unlink()
    (worktree / "tide.py").write_bytes(b"")

    found = {file.path: file for file in patches.changed_files(base, commit, take().patch)}

    assert (found["new.bin"].base, found["new.bin"].result) == (None, b"\0\n\0" * 10)
    assert (found["readme.txt"].base, found["readme.txt"].result) == (b"Tides\nrise\n", b"Tides\nrise\n")
    assert found["readme.txt"].old_path == "docs/read me.txt"
    assert (found["link"].base, found["link"].result) == (b"tide.py", None)
    assert found["tide.py"].result == b""
    assert not any(file.too_large for file in found.values())


def test_contents_that_are_too_large_are_left_out(base, commit, worktree, take):
    (worktree / "large").write_text("x" * 1000)

    (found,) = patches.changed_files(base, commit, take().patch, max_bytes_per_file=999)

    assert found.too_large
    assert found.result is None
    assert found.added == 1


def test_no_change_means_no_files(base, commit):
    assert patches.changed_files(base, commit, b"") == []


def test_a_patch_is_written_out_as_plain_files(base, commit, worktree, take, reachable):
    (worktree / "tool").write_text("#!/bin/sh\n")
    (worktree / "tool").chmod(0o755)
    (worktree / "out").symlink_to("/etc")
    (worktree / "docs" / "read me.txt").write_bytes(b"a\r\nb\n")
    taken = take()

    tree = patches.materialise(base, commit, taken.patch, reachable / "fresh")

    assert tree == taken.tree
    assert not (reachable / "fresh" / ".git").exists()
    assert os.readlink(reachable / "fresh" / "out") == "/etc"
    assert (reachable / "fresh" / "docs" / "read me.txt").read_bytes() == b"a\r\nb\n"
    assert os.access(reachable / "fresh" / "tool", os.X_OK)


def test_a_patch_that_does_not_apply_writes_nothing(base, commit, reachable):
    with pytest.raises(PatchDoesNotApply):
        patches.materialise(base, commit, b"nonsense", reachable / "fresh")

    assert not (reachable / "fresh").exists()


def test_scratch_is_left_empty(base, commit, worktree, reachable):
    (reachable / "scratch").mkdir()

    patches.take(worktree, base, commit, scratch=reachable / "scratch")
    patches.changed_files(base, commit, PATCH, scratch=reachable / "scratch")

    assert list((reachable / "scratch").iterdir()) == []


def test_content_is_named_as_git_names_it():
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
