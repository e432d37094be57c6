from __future__ import annotations

import pytest

from grading.diffs.parse import parse
from grading.diffs.sent import Unreadable, read

HUNK = b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
PATCH = b"diff --git a/x b/x\nindex 1234567..89abcde 100644\n--- a/x\n+++ b/x\n" + HUNK


def counts(patch: bytes) -> list[tuple[int, int] | None]:
    return [section.counts for section in read(patch)]


@pytest.mark.parametrize("blank", [b"", b"\n", b" \n\t\n"])
def test_a_blank_patch_has_no_files(blank):
    assert read(blank) == []


@pytest.mark.parametrize(
    "patch",
    [
        b"From 1 Mon Sep 17\nSubject: x\n\n---\n x | 2 +-\n\n" + PATCH + b"-- \n2.39.5\n\n",
        PATCH.replace(b"index 1234567..89abcde 100644\n", b""),
        b"--- a/x\t2020-01-01\n+++ b/x\n" + HUNK,
        PATCH.replace(b"\n a\n", b"\n a\r\n"),
        PATCH.replace(b" @@\n", b" @@ def f():\n"),
        PATCH.replace(b"@@ -1,2 +1,2", b"@@ -901,2 +4711,2"),
    ],
    ids=["mail", "no index", "no git", "crlf", "heading", "other numbers"],
)
def test_a_patch_is_read_as_it_was_sent(patch):
    (section,) = read(patch)

    assert section.counts == (1, 1)
    assert section.paths() == {b"x"}


def test_two_commits_in_one_mail_are_two_times_the_file():
    assert counts(PATCH + b"-- \n2\n\nFrom 2\n\n" + PATCH) == [(1, 1), (1, 1)]


def test_plain_files_follow_each_other():
    plain = b"--- a/%b\n+++ b/%b\n" + HUNK

    assert [section.paths() for section in read(plain % (b"x", b"x") + plain % (b"y", b"y"))] == [
        {b"x"},
        {b"y"},
    ]


def test_names_are_found_wherever_git_writes_them():
    assert read(b"diff --git a/o b/n\nrename from o\nrename to n\n")[0].paths() == {b"o", b"n"}
    assert read(b'diff --git "a/\\303\\251" "b/\\303\\251"\nold mode 1\n')[0].paths() == {"é".encode()}
    assert read(b"diff --git a/x b/ b/x b/\nold mode 1\n")[0].paths() == {b"x b/"}


def test_a_removed_line_that_looks_like_a_header_is_a_line():
    patch = b"--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n-- a/y\n--- a/z\n+++ b/z\n"

    assert counts(patch) == [(1, 2)]


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (b"Hello.\n", "no file in it"),
        (PATCH[:-4], "cut off or damaged at line 7"),
        (PATCH[:-3], "cut off or damaged"),
        (PATCH.partition(b"@@")[0], "cut off: it announces changed lines"),
        (
            b"diff --git a/x b/y\nsimilarity index 83%\nrename from x\nrename to y\ni",
            "cut off: it announces changed lines",
        ),
        (PATCH + b"+d\n", "line 9: no header of a hunk counts this line"),
        (PATCH + b"-d\n", "line 9: no header of a hunk counts this line"),
        (PATCH.replace(b"@@ -1,2 +1,2", b"@@ -1,1 +1,2"), "other lines than it counts"),
        (PATCH.replace(b"@@ -1,2", b"@@ -x,2"), "no header of a hunk"),
        (PATCH.replace(b"@@ -1,2", "@@ -١,٢".encode()), "no header of a hunk"),
        (b"diff --git a/x b/x\n" + PATCH, "announces a file and says nothing of it: diff --git a/x b/x"),
        (b"diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n", "combined diff"),
    ],
)
def test_what_would_be_read_in_part_is_refused(patch, said):
    with pytest.raises(Unreadable, match=said):
        read(patch)


def test_numbers_that_cannot_be_true_are_put_in_order():
    second = HUNK.replace(b"@@ -1,2 +1,2", b"@@ -1,2 +77,2")
    (section,) = read(PATCH + second)

    (file,) = parse(section.canonical(b"x"))

    assert section.contradicts_itself()
    assert [(hunk.base_start, hunk.result_start) for hunk in file.hunks] == [(0, 0), (2, 2)]
    assert not read(PATCH)[0].contradicts_itself()


def test_sides_that_say_the_same_have_one_name_for_it():
    other = PATCH.replace(b"1234567..89abcde", b"123..89a")

    names = [parse(read(patch)[0].canonical(b"x"))[0].new_object for patch in (PATCH, other)]

    assert names[0] == names[1] != parse(read(PATCH.replace(b"+c", b"+d"))[0].canonical(b"x"))[0].new_object


def test_a_number_of_any_length_is_read_in_no_time():
    (section,) = read(PATCH.replace(b"@@ -1,2", b"@@ -" + b"9" * 100_000 + b",2"))

    assert section.hunks[0].start == 999_999_999_999_998
