"""Reads a patch as somebody sent it: which files it names, and its hunks without the letter around them.

What a patch does is for git to say. This reader finds the paths whose texts git will need, takes the lines of each
hunk by the counts in its header as git-apply(1) does, and refuses what git would drop without a word: lines that no
header counts, files that are announced and never come, the diff of a merge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from grading.diffs.parse import unquoted

_HEADER = b"diff --git "
_HUNK = re.compile(rb"@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@")
_MERGE = (b"diff --cc ", b"diff --combined ", b"@@@ ")
_KEPT = (
    *(b"old mode ", b"new mode ", b"deleted file mode ", b"new file mode ", b"similarity index "),
    *(b"dissimilarity index ", b"rename from ", b"rename to ", b"copy from ", b"copy to ", b"index "),
    *(b"--- ", b"+++ "),
)
_NAMES = (b"rename from ", b"rename to ", b"copy from ", b"copy to ", b"--- ", b"+++ ")
_SIGNATURE = (b"--", b"-- ")  # what mail programs and git format-patch put under a patch
_BINARY = (b"GIT binary patch", b"Binary files ")
_NOWHERE = b"/dev/null"
#: git writes it above hunks alone; a file that was only moved is 100% alike.
_PARTLY_ALIKE = re.compile(rb"(?:dis)?similarity index (?!100%)[0-9]+%")


class Unreadable(Exception):
    """Nothing can be shown of this; the message is the sentence that says why."""


@dataclass(frozen=True)
class SentHunk:
    """A hunk whose lines are as many as its header says. `start` counts the base lines before it, as claimed."""

    start: int
    result_start: int
    before: int
    after: int
    lines: list[bytes]


@dataclass
class Section:
    """One file of a patch as it was sent."""

    #: Absent where the patch has nothing but `---` and `+++`.
    first: bytes | None = None
    header: list[bytes] = field(default_factory=list)
    binary: bytes | None = None
    hunks: list[SentHunk] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        return bool(self.header or self.hunks or self.binary)

    @property
    def counts(self) -> tuple[int, int] | None:
        """Added and removed lines; None for a binary file."""
        if self.binary is not None:
            return None
        lines = self._lines()
        return sum(line[:1] == b"+" for line in lines), sum(line[:1] == b"-" for line in lines)

    @property
    def holds_whole_file(self) -> bool:
        """Whether the hunk is all there is of a file that comes or goes."""
        words = (b"new file mode ", b"deleted file mode ")
        return len(self.hunks) == 1 and any(line.startswith(words) for line in self._kept(b""))

    @property
    def is_cut_off(self) -> bool:
        """Whether the header announces lines and there are none."""
        if self.hunks or self.binary is not None:
            return False
        return any(
            line.startswith((b"--- ", b"+++ ")) or _PARTLY_ALIKE.fullmatch(line) for line in self.header
        )

    def paths(self) -> set[bytes]:
        """Every path the header names, without the `a/` and `b/` that git strips."""
        found = {path for line in self.header for path in _named(line)}
        if self.first is not None:
            found |= _paths_of_both(self.first.removeprefix(_HEADER))
        return found - {b""}

    def submodule(self) -> str | None:
        """The commit at which a submodule stood before, for a patch that moves or removes one."""
        if not any(line.endswith(b" 160000") for line in self.header):
            return None
        found = (re.fullmatch(rb"-Subproject commit ([0-9a-f]{40})", line) for line in self._lines())
        return next((match.group(1).decode() for match in found if match), None)

    def contradicts_itself(self) -> bool:
        """Whether the numbers in the hunks' headers cannot all be true."""
        claimed = [(hunk.start, hunk.result_start) for hunk in self.hunks]
        return claimed != self._starts()

    def canonical(self, path: bytes) -> bytes:
        """The section as git would write it, with numbers that fit each other."""
        first = self.first or b"diff --git a/%b b/%b" % (path, path)
        kept = self._kept(path)
        names = [line for line in kept if line.startswith((b"--- ", b"+++ "))]
        others = [line for line in kept if not line.startswith((b"--- ", b"+++ ", b"index "))]
        lines = [first, *others, *self._index(), *names, *self._body()]
        return b"".join(line + b"\n" for line in lines)

    def _kept(self, path: bytes) -> list[bytes]:
        if self.first is not None:
            return self.header
        return [*_born_or_gone(self.header), b"--- a/" + path, b"+++ b/" + path]

    def _index(self) -> list[bytes]:
        given = next((line for line in self.header if line.startswith(b"index ")), None)
        if not self.hunks:
            return [] if given is None else [given]
        # The names of the results come abbreviated or not at all. What the hunks say has a name as well, by which
        # two sides that say the same are known.
        mode = (given or b"").removeprefix(b"index ").partition(b" ")[2]
        digest = sha256(b"\n".join(self._body())).hexdigest()[:40].encode()
        return [b"index %b..%b" % (b"0" * 40, digest) + (b" " + mode if mode else b"")]

    def _body(self) -> list[bytes]:
        body = [] if self.binary is None else [self.binary]
        for hunk, (start, result_start) in zip(self.hunks, self._starts(), strict=True):
            old = b"%d,%d" % (start + (hunk.before > 0), hunk.before)
            new = b"%d,%d" % (result_start + (hunk.after > 0), hunk.after)
            body += [b"@@ -%b +%b @@" % (old, new), *hunk.lines]
        return body

    def _starts(self) -> list[tuple[int, int]]:
        """Where hunks can stand at the earliest, in their order and one behind the other."""
        found = []
        end = shift = 0
        for hunk in self.hunks:
            start = max(hunk.start, end)
            found.append((start, start + shift))
            end = start + hunk.before
            shift += hunk.after - hunk.before
        return found

    def _lines(self) -> list[bytes]:
        return [line for hunk in self.hunks for line in hunk.lines]


def read(patch: bytes) -> list[Section]:
    """The files of a patch in its order; [] for a patch that is blank. Raises Unreadable."""
    if not patch.strip():
        return []
    sections = list(_sections(patch.split(b"\n")))
    silent = next((section for section in sections if not section.says_something), None)
    if silent is not None:
        name = (silent.first or b"").decode("utf-8", "backslashreplace")
        raise Unreadable(f"The patch announces a file and says nothing of it: {name}")
    if any(section.is_cut_off for section in sections):
        raise Unreadable("The patch is cut off: it announces changed lines, and there are none.")
    if not sections:
        raise Unreadable("This is not a patch: there is no file in it.")
    return sections


def _sections(lines: Sequence[bytes]) -> Iterator[Section]:
    section: Section | None = None
    number = 0
    while number < len(lines):
        line = lines[number].removesuffix(b"\r")
        if line.startswith(_MERGE):
            raise Unreadable("This is the combined diff of a merge, which cannot be applied to one base.")
        if line.startswith(_HEADER):
            if section is not None:
                yield section
            section = Section(first=line)
        elif _begins_plain(lines, number, section):
            if section is not None:
                yield section
            section = Section(header=[line, lines[number + 1].removesuffix(b"\r")])
            number += 1
        elif section is not None and line.startswith(b"@@ -"):
            hunk, number = _hunk(lines, number)
            section.hunks.append(hunk)
            continue
        elif section is not None and not section.hunks and section.binary is None:
            if line.startswith(_BINARY):
                section.binary = line
            elif line.startswith(_KEPT):
                section.header.append(line)
        number += 1
    if section is not None:
        yield section


def _begins_plain(lines: Sequence[bytes], number: int, section: Section | None) -> bool:
    """Whether a file begins that has no `diff --git`: names, and a hunk below them."""
    if not lines[number].startswith(b"--- ") or number + 2 >= len(lines):
        return False
    in_header = section is not None and not section.hunks and section.first is not None
    return not in_header and lines[number + 1].startswith(b"+++ ") and lines[number + 2].startswith(b"@@ -")


def _hunk(lines: Sequence[bytes], number: int) -> tuple[SentHunk, int]:
    """The hunk whose header is line `number`, and the number of the line behind it."""
    found = _HUNK.match(lines[number])
    if found is None:
        raise Unreadable(f"The patch is damaged at line {number + 1}: this is no header of a hunk.")
    start, before, result_start, after = (_number(text) for text in found.groups())
    taken: list[bytes] = []
    old, new = before, after
    number += 1
    while old > 0 or new > 0:
        line = lines[number] if number < len(lines) else b"?"
        sign = line[:1]
        if sign not in (b" ", b"+", b"-", b"\\", b"") or (sign == b"" and number == len(lines) - 1):
            raise Unreadable(f"The patch is cut off or damaged at line {min(number + 1, len(lines))}.")
        old -= sign in (b" ", b"-", b"")
        new -= sign in (b" ", b"+", b"")
        # Some programs drop the blank of an empty context line; git reads it all the same.
        taken.append(line or b" ")
        number += 1
    if old or new:
        raise Unreadable(f"The patch is damaged at line {number}: a hunk holds other lines than it counts.")
    if number < len(lines) and lines[number].startswith(b"\\ "):
        taken.append(lines[number])
        number += 1
    _refuse_leftovers(lines, number)
    # An empty range names the line before it, any other its first line.
    starts = (start - (before > 0), result_start - (after > 0))
    return SentHunk(max(0, starts[0]), max(0, starts[1]), before, after, taken), number


def _refuse_leftovers(lines: Sequence[bytes], number: int) -> None:
    line = lines[number] if number < len(lines) else b""
    is_more = line.startswith((b"+", b"-")) and line.removesuffix(b"\r") not in _SIGNATURE
    if is_more and not line.startswith(b"--- "):
        raise Unreadable(f"The patch is damaged at line {number + 1}: no header of a hunk counts this line.")


def _number(text: bytes | None) -> int:
    # The longest that can be meant: int() refuses thousands of digits, and a hunk ends long before.
    return 1 if text is None else int(text[:15])


def _named(line: bytes) -> Iterator[bytes]:
    for word in _NAMES:
        if line.startswith(word):
            name = unquoted(line.removeprefix(word).partition(b"\t")[0])
            if word not in (b"--- ", b"+++ "):
                yield name
            elif name != _NOWHERE:
                yield name.partition(b"/")[2]


def _paths_of_both(names: bytes) -> set[bytes]:
    """`a/x b/x`: with no other header line both names are one, around a blank."""
    half = names[: len(names) // 2]
    return {unquoted(half)[2:]} if names[len(half) : len(half) + 1] == b" " else set()


def _born_or_gone(header: Sequence[bytes]) -> list[bytes]:
    old, new = (line.partition(b"\t")[0][4:] == _NOWHERE for line in header[:2])
    if old:
        return [b"new file mode 100644"]
    return [b"deleted file mode 100644"] if new else []
