"""The command as a person starts it: patches in, text, JSON or a page out."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

from grading.diffs import bases, command, scratch
from tests.grading.diffs.test_compare import ATTRIBUTES, BASE, LEFT, RIGHT, TAGS, TIDE, read

PAGE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "strong", "nav", "ul", "li"),
    *("a", "bdi", "details", "summary", "input"),
}
PAGE_ATTRIBUTES = {"id", "lang", "charset", "http-equiv", "content", "name", "href", "open"}


class Desk:
    """A folder with a base, and the command's three answers."""

    def __init__(self, folder, repository, monkeypatch):
        self.folder = folder
        self.repository = repository
        self.monkeypatch = monkeypatch

    def base(self, files):
        for path, content in files.items():
            place = self.folder / "base" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return self.folder / "base"

    def archive(self, files, top=""):
        with zipfile.ZipFile(self.folder / "base.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(top + path, content)
        return self.folder / "base.zip"

    def patch(self, base, result, name="a.patch"):
        return self.file(name, self.repository.side(base, result).patch)

    def file(self, name, content):
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def run(self, *arguments):
        """Exit code, standard output, standard error."""
        output, complaint = io.BytesIO(), io.StringIO()
        self.monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=output))
        self.monkeypatch.setattr(sys, "stderr", complaint)
        code = command.main([str(argument) for argument in arguments])
        return code, output.getvalue().decode(), complaint.getvalue()

    def json(self, *arguments):
        code, printed, complaint = self.run(*arguments, "--json")
        assert (code, complaint) == (0, "")
        assert printed.isascii()
        return json.loads(printed)

    def refusal(self, *arguments):
        code, printed, complaint = self.run(*arguments)
        assert (code, printed) == (2, "")
        assert complaint.count("\n") == 1
        assert complaint.endswith("\n")
        return complaint


@pytest.fixture
def desk(tmp_path, repository, monkeypatch):
    return Desk(tmp_path, repository, monkeypatch)


def put_together(file, side):
    """The text of a side from the rows, byte for byte; side None gives the base."""
    written = []
    for row in file["rows"]:
        if side is None:
            cell = row["base"] and row["a"]
        else:
            cell = row[side] if row[side] and row[side]["kind"] != "del" else None
        if cell:
            encoding = {"UTF-8": "utf-8", "Latin-1": "latin-1"}[cell["encoding"]]
            written.append((cell["text"] + cell["ending"]).encode(encoding))
    return b"".join(written)


def test_two_patches_are_told_as_json(desk):
    told = desk.json(desk.patch(BASE, LEFT), desk.patch(BASE, RIGHT, "b.patch"), "--base", desk.base(BASE))

    assert told["totals"] == {
        "a": {"files": 2, "added": 4, "removed": 1},
        "b": {"files": 3, "added": 5, "removed": 1},
    }
    assert [(file["path"], file["relation"], file["group"], file["folded"]) for file in told["files"]] == [
        ("src/tide.py", "differ", "source", False),
        ("docs/usage.md", "same", "docs", False),
        ("poetry.lock", "right only", "generated", True),
    ]
    tide = told["files"][0]
    assert tide["a"] == {
        "path": "src/tide.py",
        "status": "modified",
        "old_path": None,
        "added": 1,
        "removed": 1,
        "binary": False,
    }
    assert put_together(tide, None) == TIDE
    assert put_together(tide, "a") == LEFT["src/tide.py"]
    assert put_together(tide, "b") == RIGHT["src/tide.py"]
    (new,) = [row["a"] for row in tide["rows"] if row["a"] and row["a"]["kind"] == "add"]
    assert [new["text"][low:high] for low, high in new["marks"]] == ["self", "_now"]
    assert {row["gap"] for row in tide["rows"]} == {0, 1}


def test_one_patch_is_side_a_alone(desk):
    told = desk.json(desk.patch(BASE, RIGHT), "--base", desk.base(BASE))

    assert told["totals"]["b"] is None
    assert [(f["path"], f["status"], f["added"], f["removed"], f["b"]) for f in told["files"]] == [
        ("src/tide.py", "modified", 1, 0, None),
        ("docs/usage.md", "added", 3, 0, None),
        ("poetry.lock", "modified", 1, 1, None),
    ]
    assert all(row["b"] is None for file in told["files"] for row in file["rows"])


def test_rows_read_as_text(desk):
    base = {"a.py": b"one\ntwo\nthree\n"}
    left = desk.patch(base, {"a.py": b"one\n2\nthree\nfour\n"})
    right = desk.patch(base, {"a.py": b"one\nzwei\nthree\nfour\n"}, "b.patch")

    code, printed, _ = desk.run(left, right, "--base", desk.base(base))

    assert code == 0
    assert printed.splitlines() == [
        "A: 1 file, 2 added, 1 removed",
        "B: 1 file, 2 added, 1 removed",
        "",
        "=== a.py (A modified, +2 −1; B modified, +2 −1; A and B differ)",
        "  base     A     B",
        "     1     1     1     one",
        "     2     ·     · AB− two",
        "     ·     2     ·  A+ 2",
        "     ·     ·     2  B+ zwei",
        "     3     3     3     three",
        "     ·     4     4 AB+ four",
    ]


def test_hidden_lines_are_counted_in_the_text(desk):
    base = {"a.txt": b"".join(b"%d\n" % number for number in range(30))}
    patch = desk.patch(base, {"a.txt": base["a.txt"].replace(b"15\n", b"x\n")})

    for arguments in ((patch, "--base", desk.base(base)), (patch,)):
        printed = desk.run(*arguments)[1]
        assert "     … 12 unchanged lines\n" in printed
        assert "    16    16  A+ x\n" in printed.replace("     ·    16", "    16    16")


def test_nothing_in_the_text_moves_a_terminal(desk):
    base = {"a\x1b[2J.py": b"x\n"}
    patch = desk.patch(base, {"a\x1b[2J.py": "y\x1b[31m\u202e\r\nz".encode() + b"\x00"})

    code, printed, _ = desk.run(patch, "--base", desk.base(base))

    assert code == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", printed)
    assert "a[U+001B][2J.py" in printed


def test_a_page_opens_from_disk_and_holds_the_hidden_lines(desk):
    page = desk.folder / "page.html"
    base = {"a.py": b"".join(b"line = %d\n" % number for number in range(60))}
    patch = desk.patch(base, {"a.py": base["a.py"].replace(b"30\n", b"'<script>alert(1)</script>'\n")})

    assert desk.run(patch, "--base", desk.base(base), "--html", page) == (0, "", "")

    html = page.read_text()
    reader = read(html)
    assert reader.tags <= TAGS | PAGE_TAGS
    assert reader.attributes <= ATTRIBUTES | PAGE_ATTRIBUTES
    assert len(reader.ids) == len(set(reader.ids))
    assert html.count("<input type=checkbox") == 2
    assert "<button" not in html
    assert html.count("<th data-n=") == 60
    assert "default-src 'none'; style-src 'sha256-" in html


@pytest.mark.parametrize("top", ["", "project-1.0/"])
def test_a_base_can_be_an_archive(desk, top):
    patch = desk.patch(BASE, LEFT)

    told = desk.json(patch, "--base", desk.archive(BASE, top))

    assert put_together(told["files"][0], "a") == LEFT["src/tide.py"]


@pytest.mark.parametrize("change", ["offset", "mail", "no index", "plain"])
def test_git_places_what_was_sent(desk, change):
    base = {"a.py": b"".join(b"%d\n" % number for number in range(50))}
    result = base["a.py"].replace(b"40\n", b"x\n")
    patch = desk.repository.side(base, {"a.py": result}).patch
    patch = {
        "offset": patch.replace(b"@@ -38,7 +38,7", b"@@ -8,7 +9,7"),
        "mail": b"From 1\nSubject: x\n\n---\n a.py | 1 +\n\n" + patch + b"-- \n2.39.5\n",
        "no index": re.sub(rb"index .*\n", b"", patch),
        "plain": re.sub(rb"(index|diff) .*\n", b"", patch),
    }[change]

    told = desk.json(desk.file("a.patch", patch), "--base", desk.base(base))

    (file,) = told["files"]
    assert put_together(file, "a") == result
    assert [row["base"] for row in file["rows"] if row["a"] and row["a"]["kind"] == "del"] == [41]


def test_without_a_base_the_hunks_are_shown_with_a_sentence(desk):
    told = desk.json(desk.patch(BASE, LEFT), desk.patch(BASE, RIGHT, "b.patch"))

    assert told["notes"] == [command.WITHOUT_BASE]
    assert [(file["path"], file["relation"]) for file in told["files"]] == [
        ("src/tide.py", "differ"),
        ("docs/usage.md", "same"),
        ("poetry.lock", "right only"),
    ]
    # A new file stands in its patch as a whole.
    assert [bool(file["degraded"]) for file in told["files"]] == [True, False, True]
    assert put_together(told["files"][1], "b") == RIGHT["docs/usage.md"]


def test_numbers_that_contradict_each_other_are_told(desk):
    hunk = b"@@ -%d,2 +%d,2 @@\n a\n-b\n+%b\n"
    patch = desk.file("a.patch", b"--- a/x\n+++ b/x\n" + hunk % (50, 1, b"c") + hunk % (3, 900, b"d"))

    told = desk.json(patch)

    assert "contradict each other in one file" in told["notes"][1]
    assert [row["a"]["text"] for row in told["files"][0]["rows"]] == ["a", "b", "c", "a", "b", "d"]


def test_every_kind_of_file_is_listed_with_gits_counts(desk):
    base = {"mode.sh": b"x\n", "gone.txt": b"1\n2\n", "logo.png": b"\0\1", "old.txt": b"a\nb\nc\nd\ne\n"}
    result = base | {"gone.txt": None, "logo.png": b"\0\2", "old.txt": None, "new.txt": b"a\nb\nc\nd\n"}
    before, after = desk.repository.tree(base), desk.repository.tree(result, {"mode.sh": "100755"})
    patch = desk.file("a.patch", desk.repository.patch(before, after))

    for arguments in ((patch, "--base", desk.base(base)), (patch,)):
        files = {file["path"]: file for file in desk.json(*arguments)["files"]}
        assert {path: file["status"] for path, file in files.items()} == {
            "mode.sh": "mode",
            "gone.txt": "deleted",
            "logo.png": "binary",
            "new.txt": "renamed",
        }
        assert {
            path: None if file["binary"] else (file["added"], file["removed"]) for path, file in files.items()
        } == desk.repository.numstat(before, after)


def test_a_submodule_and_a_link_are_shown(desk):
    old, new = b"1" * 40, b"2" * 40
    patch = b"diff --git a/sub b/sub\nindex %b..%b 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n" % (old, new)
    patch += b"-Subproject commit %b\n+Subproject commit %b\n" % (old, new)
    patch += b"diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-here\n\\ No newline at end of file\n"
    patch += b"+/etc/passwd\n\\ No newline at end of file\n"
    base = desk.base({"sub/inner": b"x"})
    (base / "link").symlink_to("here")

    told = desk.json(desk.file("a.patch", patch), "--base", base)

    assert [(file["path"], file["status"]) for file in told["files"]] == [
        ("link", "modified"),
        ("sub", "submodule"),
    ]
    assert put_together(told["files"][0], "a") == b"/etc/passwd"


def test_a_patch_that_changes_nothing_has_no_files(desk):
    told = desk.json(desk.file("a.patch", b"\n"), "--base", desk.base(BASE))

    assert told["files"] == []


def test_a_patchs_own_attributes_hide_nothing(desk):
    base = {"a.py": b"x\n"}
    patch = desk.patch(base, {"a.py": b"y\n", ".gitattributes": b"* -diff\n"})

    files = {file["path"]: file for file in desk.json(patch, "--base", desk.base(base))["files"]}

    assert (files["a.py"]["added"], files["a.py"]["binary"]) == (1, False)


PATCH = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n"


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (b"Dear all,\n", "a.patch: This is not a patch"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a.patch: This is not a patch"),
        (PATCH[:-3], "cut off"),
        (PATCH + b"+z\n", "no header of a hunk counts this line"),
        (PATCH.replace(b"-x", b"-w"), "does not apply to this base: patch failed: a.py:1"),
        (PATCH.replace(b"a.py", b"b.py"), "does not apply to this base: b.py: does not exist in index"),
        (PATCH.replace(b"a.py", b"../a.py"), "does not apply to this base: ../a.py: does not exist in index"),
        (PATCH.replace(b"a.py", b".git/config"), "does not apply to this base: "),
        (
            b"--- /dev/null\n+++ b/../n.py\n@@ -0,0 +1 @@\n+x\n",
            "does not apply to this base: invalid path '../n.py'",
        ),
        (b"diff --cc a.py\n@@@ -1 -1 +1 @@@\n--x\n++y\n", "combined diff"),
        (
            b"diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n"
            b"diff --git a/l/x b/l/x\nnew file mode 100644\n--- /dev/null\n+++ b/l/x\n@@ -0,0 +1 @@\n+x\n",
            "does not apply to this base: ",
        ),
        (
            b"diff --git a/n b/n\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\nliteral 5\nMc$!!\n\n",
            "cannot be read: ",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(desk, patch, said):
    complaint = desk.refusal(desk.file("a.patch", patch), "--base", desk.base({"a.py": b"x\n"}))

    assert said in complaint
    assert "\x1b" not in complaint


def test_files_that_are_not_there_are_said(desk):
    patch = desk.file("a.patch", PATCH)
    os.mkfifo(desk.folder / "pipe")

    assert "nowhere.patch cannot be read: No such file" in desk.refusal(desk.folder / "nowhere.patch")
    assert "is not a file" in desk.refusal(desk.folder)
    assert "is not a file" in desk.refusal(desk.folder / "pipe")
    assert "neither a folder nor a zip" in desk.refusal(patch, "--base", desk.folder / "nowhere")
    assert "cannot be read as a zip" in desk.refusal(patch, "--base", patch)
    assert "cannot be written" in desk.refusal(patch, "--html", desk.folder / "no" / "page.html")
    assert "More than two" in desk.refusal(patch, patch, patch)
    assert "--help" in desk.refusal()
    assert "--help" in desk.refusal(patch, "--json", "--html", "x")


def test_a_base_is_read_within_its_bounds(desk, monkeypatch):
    monkeypatch.setattr(bases, "MOST_BYTES", 1_000_000)
    files = {"a.py": b"x\n" * 1_000_000}
    patch = desk.file("a.patch", PATCH)

    assert "larger than 1,000,000 bytes together" in desk.refusal(patch, "--base", desk.archive(files))
    assert "larger than 1,000,000 bytes together" in desk.refusal(patch, "--base", desk.base(files))


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "x/../../evil.py"])
def test_an_archive_that_leads_out_is_refused(desk, name):
    patch = desk.file("a.patch", PATCH)

    assert "leads out of it" in desk.refusal(patch, "--base", desk.archive({"a.py": b"x\n", name: b"x\n"}))


def test_a_damaged_archive_is_said(desk):
    archive = desk.archive({"a.py": b"x\n" * 1_000})
    content = bytearray(archive.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    archive.write_bytes(content)

    assert "cannot be read as a zip" in desk.refusal(desk.file("a.patch", PATCH), "--base", archive)


def test_a_base_is_not_left_through_a_link(desk):
    (desk.folder / "outside").mkdir()
    (desk.folder / "outside" / "a.py").write_bytes(b"x\n")
    base = desk.base({"b.py": b"x\n"})
    (base / "link").symlink_to(desk.folder / "outside")
    (base / "a.py").symlink_to(desk.folder / "outside" / "a.py")

    through = desk.file("a.patch", PATCH.replace(b"a.py", b"link/a.py"))
    assert "does not exist in index" in desk.refusal(through, "--base", base)
    assert "does not apply" in desk.refusal(desk.file("a.patch", PATCH), "--base", base)


def test_nothing_of_this_machine_reaches_git(desk, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_TRACE", "1")

    told = desk.json(desk.file("a.patch", PATCH), "--base", desk.base({"a.py": b"x\n"}))

    assert told["totals"]["a"] == {"files": 1, "added": 1, "removed": 1}


def test_git_that_prints_too_much_is_stopped(desk, monkeypatch):
    monkeypatch.setattr(scratch, "MOST_OUTPUT", 10)

    complaint = desk.refusal(desk.file("a.patch", PATCH), "--base", desk.base({"a.py": b"x\n"}))

    assert "git printed too much" in complaint


def test_many_copies_of_one_text_are_not_all_read(desk, monkeypatch):
    monkeypatch.setattr(scratch, "MOST_TEXTS", 50)
    copies = b"".join(
        b"diff --git a/a.py b/c%d.py\nsimilarity index 100%%\ncopy from a.py\ncopy to c%d.py\n" % (n, n)
        for n in range(10)
    )

    told = desk.json(desk.file("a.patch", copies), "--base", desk.base({"a.py": b"0123456789\n"}))

    assert [file["added"] for file in told["files"]] == [1] * 10
    assert all(put_together(file, "a") == b"0123456789\n" for file in told["files"])


def test_the_command_starts_as_a_program(desk):
    patch = desk.file("a.patch", PATCH)

    finished = subprocess.run(
        [sys.executable, "-m", "grading.diffs", str(patch)], capture_output=True, timeout=60, check=True
    )

    assert b"A: 1 file, 1 added, 1 removed" in finished.stdout
