"""Which files a page lists: the union of both patches, every file with what each side did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from grading.diffs import kinds
from grading.diffs.parse import FileDiff, Status

Relation = Literal["left only", "right only", "same", "differ"]
Contents = Mapping[str, bytes | None]
#: Paths that are set apart -> the rule that says so.
Rules = Mapping[str, str]


@dataclass(frozen=True)
class SideFile:
    """What one side did to a file."""

    path: str
    status: Status
    old_path: str | None
    added: int
    removed: int
    binary: bool
    #: The rule that took it out of what is graded; "" for all else.
    apart: str = ""


class Totals(NamedTuple):
    """Counts over a whole patch, as `git diff --shortstat` gives them."""

    files: int
    added: int
    removed: int


class Touch(NamedTuple):
    """A side's part in one file: its diff and, where it is known, the whole result."""

    diff: FileDiff
    result: bytes | None
    apart: str = ""


class Listed(NamedTuple):
    """A file of the union, before anything is drawn."""

    path: str
    base: bytes | None
    left: Touch | None
    right: Touch | None
    group: kinds.Group

    @property
    def base_path(self) -> str:
        return next(touch.diff.base_path for touch in (self.left, self.right) if touch is not None)


def union(
    lefts: Sequence[FileDiff],
    rights: Sequence[FileDiff],
    results: tuple[Contents, Contents],
    base: Contents,
    rules: tuple[Rules, Rules] = ({}, {}),
) -> list[Listed]:
    """The files that at least one side touched, in the order of the page. `results` are the sides' texts by path."""
    pairs = [
        (_touch(one, results[0], rules[0]), _touch(other, results[1], rules[1]))
        for one, other in _paired(lefts, rights)
    ]
    return sorted((_listed(one, other, base) for one, other in pairs), key=_place)


def _touch(diff: FileDiff | None, results: Contents, rules: Rules) -> Touch | None:
    return None if diff is None else Touch(diff, results.get(diff.path), rules.get(diff.path, ""))


def _paired(
    left: Sequence[FileDiff], right: Sequence[FileDiff]
) -> list[tuple[FileDiff | None, FileDiff | None]]:
    """Files of both sides by the path they have in the base, so that a rename meets a change."""
    lefts, rights = _by_base(left), _by_base(right)
    return [(lefts.get(key), rights.get(key)) for key in dict.fromkeys([*lefts, *rights])]


def _by_base(files: Sequence[FileDiff]) -> dict[tuple[str, int], FileDiff]:
    found: dict[tuple[str, int], FileDiff] = {}
    for file in files:
        times = 0
        while (file.base_path, times) in found:
            times += 1  # one file became two: both stay in the list
        found[file.base_path, times] = file
    return found


def _listed(left: Touch | None, right: Touch | None, base: Contents) -> Listed:
    touches = [touch for touch in (left, right) if touch is not None]
    before = next((base.get(touch.diff.base_path) for touch in touches), None)
    paths = {touch.diff.path for touch in touches}
    path = paths.pop() if len(paths) == 1 else touches[0].diff.base_path
    group: kinds.Group = "apart"
    if not all(touch.apart for touch in touches):  # what one side made part of its work is read as work
        group = kinds.group_of(path, before, *(touch.result for touch in touches))
    return Listed(path, before, left, right, group)


def _place(file: Listed) -> tuple[int, str, str, str, str]:
    """Nothing in it depends on which side is called left: both orientations have one order."""
    folder, _, name = file.path.rpartition("/")
    return kinds.ORDER[file.group], _rule(file), folder, name, file.base_path


def _rule(file: Listed) -> str:
    """The smaller where the sides have different ones."""
    rules = [touch.apart for touch in (file.left, file.right) if touch is not None]
    return min(rules) if file.group == "apart" else ""


def mirrored(file: Listed) -> Listed:
    """The same file on the page that calls the other side A."""
    return file._replace(left=file.right, right=file.left)


def totals(files: Sequence[FileDiff], rules: Rules) -> Totals:
    """Of what is graded: what is set apart has its counts in the list alone."""
    graded = [file for file in files if file.path not in rules]
    return Totals(len(graded), sum(file.added for file in graded), sum(file.removed for file in graded))


def side_file(touch: Touch | None) -> SideFile | None:
    """What the page's list tells of one side."""
    if touch is None:
        return None
    diff = touch.diff
    return SideFile(diff.path, diff.status, diff.old_path, diff.added, diff.removed, diff.binary, touch.apart)


def relation(left: Touch | None, right: Touch | None) -> Relation:
    """How the two sides of a file stand to each other."""
    if left is None or right is None:
        return "right only" if left is None else "left only"
    if left.diff.binary and left.diff.new_object is None and left.diff.status != "deleted":
        return "differ"  # nothing tells what they hold
    return "same" if _outcome(left.diff) == _outcome(right.diff) else "differ"


def _outcome(diff: FileDiff) -> tuple[Any, ...]:
    """Git's name of the result says all about its content, once the header has it in full."""
    return diff.path, diff.old_path, diff.status, diff.new_mode, diff.new_object, diff.added, diff.removed
