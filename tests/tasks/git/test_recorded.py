"""A patch whose base nobody has: cleaned of who sent it, counted as git counts."""

from __future__ import annotations

import pytest

from tasks.git.patches import PatchDoesNotApply
from tasks.git.recorded import describe

CHANGE = b"""diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,3 @@
 one
-two
+2
+3
"""
RENAME = b"""diff --git a/old name.py b/new.py
similarity index 90%
rename from old name.py
rename to new.py
--- a/old name.py
+++ b/new.py
@@ -1 +1 @@
-a
+b
\\ No newline at end of file
"""
NEW = b"""diff --git a/n.sh b/n.sh
new file mode 100755
--- /dev/null
+++ b/n.sh
@@ -0,0 +1 @@
+--\x20
"""
BINARY = b"""diff --git a/i.png b/i.png
index eaf36c1daccfdf325514461cd1a2ffbc139b5464..f75c32acfbf126176c30bf9bda9a5f2bb8f78d06 100644
GIT binary patch
literal 4
LcmZQzWMTmT01p5N

literal 4
LcmZQzWMT#Y01f~L

"""
GONE = b"""diff --git a/g.py b/g.py
deleted file mode 100644
--- a/g.py
+++ /dev/null
@@ -1 +0,0 @@
-x
"""


def test_files_and_counts_are_those_of_git():
    found = describe(CHANGE + RENAME + NEW + GONE)

    assert [(file.path, file.old_path, file.status, file.added, file.removed) for file in found.files] == [
        ("a.py", None, "M", 2, 1),
        ("new.py", "old name.py", "R", 1, 1),
        ("n.sh", None, "A", 1, 0),
        ("g.py", None, "D", 0, 1),
    ]
    assert found.files[2].new_mode == "100755"
    assert found.patch == CHANGE + RENAME + NEW + GONE


def test_mail_headers_remarks_and_signatures_are_left_out():
    sent = b"From: Kestrel <k@example.org>\nSubject: x\n\n a.py | 3 +-\n\n" + CHANGE + b"-- \nKestrel 2.0\n"

    assert describe(sent).patch == CHANGE


def test_a_plain_diff_gets_the_header_git_would_write():
    plain = CHANGE.split(b"\n", 2)[2]

    found = describe(b"Index: a.py\n=====\n" + plain)

    assert found.patch == b"diff --git a/a.py b/a.py\n" + plain
    assert found.files[0].path == "a.py"


def test_lines_of_a_hunk_that_look_like_headers_stay():
    tricky = b"diff --git a/q.sql b/q.sql\n--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- a\n+++ b\n x\n"

    found = describe(tricky)

    assert (found.patch, found.files[0].added, found.files[0].removed) == (tricky, 1, 1)


def test_a_binary_change_is_counted_as_one():
    found = describe(BINARY)

    assert (found.files[0].binary, found.files[0].added) == (True, 0)


def test_nothing_is_no_change():
    assert describe(b" \n").files == ()


@pytest.mark.parametrize(
    "patch",
    [b"I could not do it.", CHANGE.replace(b"-1,2", b"-1,9"), b"diff --git a/x b/x\n"],
    ids=["prose", "a lying hunk", "a header alone"],
)
def test_what_git_cannot_read_is_refused_with_a_sentence(patch):
    with pytest.raises(PatchDoesNotApply, match="patch"):
        describe(patch)
