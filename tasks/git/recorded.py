"""Patches whose base nobody has: cleaned to what git itself would write, and counted without any file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.git.command import GitFailed, empty_repository, git
from tasks.git.patches import Applied, FileStat, PatchDoesNotApply
from tasks.git.walk import shown

HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
HEADER = (
    *(b"index ", b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode ", b"similarity index "),
    *(b"dissimilarity index ", b"rename ", b"copy ", b"--- ", b"+++ ", b"Binary files "),
)


def describe(patch: bytes, *, scratch: Path | None = None) -> Applied:
    """The patch without mail headers, signatures and remarks, and its files with git's own counts; `tree` is empty.

    Raises PatchDoesNotApply when git cannot read it.
    """
    cleaned = b"".join(_diffs(patch.splitlines(keepends=True)))
    if not cleaned:
        if patch.strip():
            raise PatchDoesNotApply("The patch holds no change that git can read.")
        return Applied(b"", "", ())
    with tempfile.TemporaryDirectory(prefix="marlin-git-", dir=scratch) as folder:
        repository = empty_repository(Path(folder) / "git")
        try:
            printed = git("apply", "--numstat", "-z", "-p1", "-", git_dir=repository, stdin=cleaned)
        except GitFailed as why:
            reason = str(why).removeprefix("git apply failed: ").rstrip(".")
            raise PatchDoesNotApply(f"The patch cannot be read: {reason}.") from None
    headers = [section.split(b"\n@@ ", 1)[0] for section in re.split(rb"(?m)^(?=diff --git )", cleaned)[1:]]
    counts = list(_counts(printed))
    if len(headers) != len(counts):
        raise PatchDoesNotApply("The patch cannot be read: git finds other files in it than it names.")
    return Applied(cleaned, "", tuple(_stat(*both) for both in zip(headers, counts, strict=True)))


def _diffs(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The lines that belong to a file's change; a header in git's form where a plain diff has none."""
    number, in_header = 0, False
    while number < len(lines):
        line = lines[number]
        if line.startswith(b"diff --git "):
            in_header = True
            yield line
        elif found := HUNK.match(line):
            end = _end_of_hunk(lines, number, found)
            yield from lines[number:end]
            number, in_header = end, False
            continue
        elif line.startswith(b"GIT binary patch"):
            end = _end_of_binary(lines, number)
            yield from lines[number:end]
            number, in_header = end, False
            continue
        elif in_header and line.startswith(HEADER):
            yield line
        elif _opens_plain_diff(lines, number):
            in_header = True
            yield _header_for(line, lines[number + 1])
            yield line
        number += 1


def _end_of_hunk(lines: Sequence[bytes], number: int, found: re.Match[bytes]) -> int:
    """One past the last line that the hunk's header counts."""
    old, new = (1 if count is None else int(count[:15]) for count in found.groups())
    number += 1
    while number < len(lines) and (old > 0 or new > 0 or lines[number].startswith(b"\\")):
        sign = lines[number][:1]
        old -= sign in (b" ", b"-", b"\n", b"\r")
        new -= sign in (b" ", b"+", b"\n", b"\r")
        number += 1
    return number


def _end_of_binary(lines: Sequence[bytes], number: int) -> int:
    while number < len(lines) and not lines[number].startswith(b"diff --git "):
        number += 1
    return number


def _opens_plain_diff(lines: Sequence[bytes], number: int) -> bool:
    return (
        number + 2 < len(lines)
        and lines[number].startswith(b"--- ")
        and lines[number + 1].startswith(b"+++ ")
        and HUNK.match(lines[number + 2]) is not None
    )


def _header_for(old: bytes, new: bytes) -> bytes:
    names = [line[4:].split(b"\t")[0].strip() for line in (old, new)]
    known = next((name.partition(b"/")[2] for name in reversed(names) if name != b"/dev/null"), b"")
    header = b"diff --git a/%s b/%s\n" % (known, known)
    if names[0] == b"/dev/null":
        return header + b"new file mode 100644\n"
    return header + b"deleted file mode 100644\n" if names[1] == b"/dev/null" else header


def _counts(printed: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(added, removed, path) of each file, as `git apply --numstat -z` prints them: under its newest name."""
    for record in printed.split(b"\0")[:-1]:
        added, removed, path = record.split(b"\t", 2)
        yield added, removed, path


def _stat(header: bytes, counted: tuple[bytes, bytes, bytes]) -> FileStat:
    added, removed, path = counted
    binary = (added, removed) == (b"-", b"-")
    renamed = _value(header, b"rename from ")
    old_mode = _value(header, b"old mode ") or _value(header, b"deleted file mode ")
    new_mode = _value(header, b"new mode ") or _value(header, b"new file mode ")
    is_new, is_gone = b"\nnew file mode " in header, b"\ndeleted file mode " in header
    return FileStat(
        path=shown(path),
        old_path=shown(renamed) if renamed else None,
        status="A" if is_new else "D" if is_gone else "R" if renamed else "M",
        added=0 if binary else int(added),
        removed=0 if binary else int(removed),
        binary=binary,
        old_mode="000000" if is_new else (old_mode or b"100644").decode("ascii", "replace"),
        new_mode="000000" if is_gone else (new_mode or b"100644").decode("ascii", "replace"),
    )


def _value(header: bytes, name: bytes) -> bytes:
    found = re.search(rb"(?m)^" + re.escape(name) + rb"(.+?)\r?$", header)
    return found[1] if found else b""
