"""Reads the canonical diff that git wrote, and nothing else: a patch as somebody sent it is never shown.

unidiff reads the hunks. Names, modes and kinds come from the header lines themselves, because unidiff leaves git's
quoted names quoted, splits names at " b/" and takes part of a damaged file without a word (measured, unidiff 1.0.1).
Each section's lines are counted a second time, and a hunk in which the two counts differ is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

Status = Literal["added", "deleted", "modified", "renamed", "mode", "binary", "submodule"]

MOST_LINES = 200_000  # changed lines of one file that are read; above, its counts are all there is

_HEADER = b"diff --git "
_SUBMODULE = "160000"
_FIELDS = (
    *(b"old mode ", b"new mode ", b"deleted file mode ", b"new file mode ", b"rename from "),
    *(b"rename to ", b"copy from ", b"copy to ", b"index ", b"--- ", b"+++ "),
)
_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


class Line(NamedTuple):
    """One line of a hunk with its terminator: kind is " ", "+" or "-"."""

    kind: str
    text: bytes


class Hunk(NamedTuple):
    """Starts are zero-based and count lines that stand before the hunk."""

    base_start: int
    result_start: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class FileDiff:
    """One file of a patch. `hunks` is None when its text could not be read; the counts hold all the same."""

    path: str
    old_path: str | None
    status: Status
    added: int
    removed: int
    binary: bool
    old_mode: str | None
    new_mode: str | None
    old_object: str | None
    new_object: str | None
    hunks: tuple[Hunk, ...] | None

    @property
    def base_path(self) -> str:
        return self.old_path or self.path


def parse(patch: bytes, *, hunks: bool = True) -> tuple[FileDiff, ...]:
    """The files of a diff in git's order. Lines before the first header are left out; never raises."""
    return tuple(_file(section, hunks=hunks) for section in _sections(patch))


def _sections(patch: bytes) -> Iterator[list[bytes]]:
    """Each begins at a header. Content cannot look like one: git puts a sign before each line of it."""
    section: list[bytes] = []
    for line in patch.split(b"\n"):
        if line.startswith(_HEADER):
            if section:
                yield section
            section = [line]
        elif section:
            section.append(line)
    if section:
        yield section


def _file(section: list[bytes], *, hunks: bool) -> FileDiff:
    length = _header_length(section)
    header, body = section[:length], section[length:]
    if body and body[-1] == b"":
        body = body[:-1]  # what split() leaves behind the last line feed
    fields = _fields(header)
    old_path, path = _paths(header[0], fields)
    old_mode, new_mode = _modes(fields)
    binary = any(line.startswith((b"GIT binary patch", b"Binary files ")) for line in body[:1])
    added, removed = (0, 0) if binary else _count(body)
    old_object, new_object = _objects(fields)
    return FileDiff(
        path=shown(path),
        old_path=shown(old_path) if old_path != path else None,
        status=_status(fields, old_mode, new_mode, binary=binary, changed=bool(added or removed)),
        added=added,
        removed=removed,
        binary=binary,
        old_mode=old_mode,
        new_mode=new_mode,
        old_object=old_object,
        new_object=new_object,
        hunks=_hunks(body, added, removed) if hunks and not binary else (),
    )


def _header_length(section: list[bytes]) -> int:
    for number, line in enumerate(section):
        if line.startswith((b"@@ ", b"GIT binary patch", b"Binary files ")):
            return number
    return len(section)


def _fields(header: list[bytes]) -> dict[bytes, bytes]:
    """What the extended header says; git-diff(1), "Generating patch text with -p"."""
    found: dict[bytes, bytes] = {}
    for line in header[1:]:
        for name in _FIELDS:
            if line.startswith(name):
                found.setdefault(name.strip(), line.removeprefix(name))
    return found


def _paths(first: bytes, fields: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    if b"rename from" in fields and b"rename to" in fields:
        return unquoted(fields[b"rename from"]), unquoted(fields[b"rename to"])
    if b"copy to" in fields:
        path = unquoted(fields[b"copy to"])
        return path, path
    for side in (b"+++", b"---"):
        # Git ends a name that holds a blank with a tab here, so that other tools see where it stops.
        name = unquoted(fields.get(side, b"/dev/null").removesuffix(b"\t"))
        if name != b"/dev/null":
            return name[2:], name[2:]
    path = _path_of_both(first.removeprefix(_HEADER))
    return path, path


def _path_of_both(names: bytes) -> bytes:
    """Without `---` and `+++` both names are the same, so the header is one name twice, around a blank."""
    half = names[: len(names) // 2]
    return unquoted(half)[2:]


def unquoted(name: bytes) -> bytes:
    if len(name) < 2 or not (name.startswith(b'"') and name.endswith(b'"')):
        return name
    return _ESCAPED.sub(_unescaped, name[1:-1])


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found.group(1)
    if code.isdigit():
        return bytes([int(code, 8) & 255])
    return bytes([_ESCAPES[code]]) if code in _ESCAPES else code


def shown(path: bytes) -> str:
    """A path as text that can be stored anywhere; bytes that are no UTF-8 are written out."""
    return path.decode("utf-8", "backslashreplace")


def _modes(fields: dict[bytes, bytes]) -> tuple[str | None, str | None]:
    kept = fields.get(b"index", b"").partition(b" ")[2] or None
    added, deleted = fields.get(b"new file mode"), fields.get(b"deleted file mode")
    old = fields.get(b"old mode") or deleted or (None if added else kept)
    new = fields.get(b"new mode") or added or (None if deleted else kept)
    return _ascii(old), _ascii(new)


def _objects(fields: dict[bytes, bytes]) -> tuple[str | None, str | None]:
    old, dots, new = fields.get(b"index", b"").partition(b" ")[0].partition(b"..")
    return (_ascii(old), _ascii(new)) if dots else (None, None)


def _ascii(value: bytes | None) -> str | None:
    return None if value is None else value.decode("ascii", "replace")


def _status(
    fields: dict[bytes, bytes], old_mode: str | None, new_mode: str | None, *, binary: bool, changed: bool
) -> Status:
    if _SUBMODULE in (old_mode, new_mode):
        return "submodule"
    if b"new file mode" in fields or b"copy to" in fields:
        return "added"
    if b"deleted file mode" in fields:
        return "deleted"
    if b"rename to" in fields:
        return "renamed"
    if binary:
        return "binary"
    return "mode" if old_mode != new_mode and not changed else "modified"


def _count(body: list[bytes]) -> tuple[int, int]:
    added = sum(line.startswith(b"+") for line in body)
    removed = sum(line.startswith(b"-") for line in body)
    return added, removed


def _hunks(body: list[bytes], added: int, removed: int) -> tuple[Hunk, ...] | None:
    if not body:
        return ()
    if added + removed > MOST_LINES:
        return None
    # Names of ours: those of the patch are read above, and are what unidiff would stumble over.
    text = "--- a/file\n+++ b/file\n" + b"\n".join(body).decode("utf-8", "surrogateescape") + "\n"
    try:
        files = PatchSet(text)
    except (UnidiffParseError, ValueError, AssertionError):
        return None
    if len(files) != 1 or (files[0].added, files[0].removed) != (added, removed):
        return None
    return tuple(_hunk(hunk) for hunk in files[0])


def _hunk(hunk: Any) -> Hunk:
    lines: list[Line] = []
    for line in hunk:
        if line.line_type == "\\":
            last = lines[-1]
            lines[-1] = Line(last.kind, last.text.removesuffix(b"\n"))
        else:
            lines.append(Line(line.line_type, line.value.encode("utf-8", "surrogateescape")))
    return Hunk(
        _before(hunk.source_start, hunk.source_length),
        _before(hunk.target_start, hunk.target_length),
        tuple(lines),
    )


def _before(start: int, length: int) -> int:
    # An empty range names the line before it, any other its first line.
    return start - 1 if length else start
