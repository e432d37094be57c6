from __future__ import annotations

import pytest

from grading.diffs.parse import parse

BASE = {
    "kept.py": b"a\nb\nc\n",
    "old name.txt": b"one\ntwo\nthree\nfour\n",
    "data.bin": b"\0\1\2",
    "gone.py": b"x\n",
}


@pytest.mark.parametrize(
    "name",
    [
        "plain.py",
        "with blank.py",
        "x b/y b/z.py",
        'quo"ted.py',
        "back\\slash.py",
        "tab\there.py",
        "line\nfeed.py",
        "bell\a.py",
        "résumé.txt",
        "雪.md",
        "<img src=x onerror=alert(1)>.py",
        "-rf",
        "dev/null",
    ],
)
@pytest.mark.parametrize("content", [b"text\n", b"", b"\0binary"])
def test_names_are_read_as_git_means_them(repository, name, content):
    base, tip = repository.tree({}), repository.tree({name: content})

    added, deleted = parse(repository.patch(base, tip)), parse(repository.patch(tip, base))

    assert [(file.path, file.status) for file in added] == [(name, "added")]
    assert [(file.path, file.status) for file in deleted] == [(name, "deleted")]


def test_a_name_that_is_no_utf8_is_written_out(repository):
    patch = repository.patch(repository.tree({}), repository.tree({b"caf\xe9.txt": b"x\n"}))

    assert parse(patch)[0].path == "caf\\xe9.txt"


def test_statuses_and_counts_are_gits(repository):
    result = BASE | {
        "kept.py": b"a\nB\nc\nd\n",
        "gone.py": None,
        "old name.txt": None,
        "new name.txt": b"one\ntwo\nthree\nfour\nfive\n",
        "data.bin": b"\0\1\3",
        "more.py": b"y\n",
    }
    base, tip = repository.tree(BASE), repository.tree(result)

    files = {file.path: file for file in parse(repository.patch(base, tip))}

    assert {path: file.status for path, file in files.items()} == {
        "data.bin": "binary",
        "gone.py": "deleted",
        "kept.py": "modified",
        "more.py": "added",
        "new name.txt": "renamed",
    }
    assert files["new name.txt"].old_path == "old name.txt"
    counts = {path: None if file.binary else (file.added, file.removed) for path, file in files.items()}
    assert counts == repository.numstat(base, tip)


def test_a_mode_alone_and_a_submodule_are_told_apart(repository):
    before = repository.tree({"run.sh": b"x\n"})
    after = repository.tree({"run.sh": b"x\n"}, {"run.sh": "100755"})

    (file,) = parse(repository.patch(before, after))

    assert (file.status, file.old_mode, file.new_mode) == ("mode", "100644", "100755")
    submodule = (
        b"diff --git a/lib b/lib\nnew file mode 160000\nindex "
        + b"0" * 40
        + b".."
        + b"1" * 40
        + b"\n--- /dev/null\n+++ b/lib\n@@ -0,0 +1 @@\n+Subproject commit "
        + b"1" * 40
        + b"\n"
    )
    assert parse(submodule)[0].status == "submodule"


def test_lines_that_look_like_headers_stay_lines(repository):
    base = {"a": b"-- a/x\n++ b/x\ndiff --git a/q b/q\n@@ -1 +1 @@\n"}
    result = {"a": b"-- a/y\n++ b/y\ndiff --git a/r b/r\n@@ -2 +2 @@\nrename to z\n"}

    files = parse(repository.patch(repository.tree(base), repository.tree(result)))

    assert [(file.path, file.added, file.removed) for file in files] == [("a", 5, 4)]


def test_a_missing_line_feed_is_kept(repository):
    (file,) = parse(repository.patch(repository.tree({"a": b"x"}), repository.tree({"a": b"x\ny"})))

    assert [line.text for line in file.hunks[0].lines] == [b"x", b"x\n", b"y"]


@pytest.mark.parametrize(
    "hunk",
    [
        b"@@ -1,5 +1 @@\n-a\n+b\n",
        b"@@ -1 +1,9 @@\n-a\n+b\n",
        b"@@ -x +y @@\n-a\n+b\n",
        b"@@ -1 +1 @@\n-a\n+b\n+c\n",
        b"@@@ -1 -1 +1 @@@\n--a\n++b\n",
        b"@@ -1 +1 @@\n",
    ],
)
def test_a_damaged_hunk_is_never_read_in_part(hunk):
    (file,) = parse(b"diff --git a/f b/f\n--- a/f\n+++ b/f\n" + hunk)

    whole = sum(len(h.lines) for h in file.hunks or ())
    assert file.path == "f"
    assert file.hunks is None or whole == file.added + file.removed


@pytest.mark.parametrize(
    "patch", [b"", b"\n", b"prose\n", b"\0" * 50, b"diff --git ", b"diff --git \n", b"diff --git a"]
)
def test_what_is_no_diff_gives_no_error(patch):
    assert len(parse(patch)) <= 1
