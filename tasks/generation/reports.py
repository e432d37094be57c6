"""JUnit XML, as most runners can write it: found in a tree that strangers' tests wrote into, and counted."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

MOST_REPORTS = 500
#: Bytes of one report.
LARGEST = 32 * 1024 * 1024
LONGEST_NAME = 300
DEEPEST = 40
#: A report has no use for either, and an entity may grow without end.
DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Counted:
    """What reports say together."""

    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...]


def forget(root: Path, pattern: str) -> None:
    """Remove what is there already: a report that came with a patch is no evidence. Before the tests run."""
    for handle, name in _matching(root, pattern):
        with suppress(OSError):
            os.unlink(name, dir_fd=handle)


def collect(root: Path, pattern: str) -> list[bytes]:
    """The reports that the tests wrote, plain files alone and no link followed."""
    found = []
    for handle, name in _matching(root, pattern):
        content = _read(handle, name)
        if content is not None:
            found.append(content)
        if len(found) >= MOST_REPORTS:
            break
    return found


def count(reports: list[bytes]) -> Counted | None:
    """By test case, since the totals of runners differ in what they count. None where nothing can be read."""
    passed = failed = skipped = 0
    failures: dict[str, None] = {}
    for report in reports:
        for case in _cases(report):
            kinds = {_local(child.tag) for child in case}
            if kinds & {"failure", "error"}:
                failed += 1
                failures[_name(case)] = None
            elif "skipped" in kinds:
                skipped += 1
            else:
                passed += 1
    if not passed + failed + skipped:
        return None
    return Counted(passed, failed, skipped, tuple(sorted(failures)))


def _cases(report: bytes) -> list[ElementTree.Element]:
    if DECLARED.search(report):
        return []
    try:
        root = ElementTree.fromstring(report)  # noqa: S314  no entity is declared in it
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return []
    return [element for element in root.iter() if _local(element.tag) == "testcase"]


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _name(case: ElementTree.Element) -> str:
    parts = [case.get("classname") or case.get("file") or "", case.get("name") or "a test without a name"]
    return "::".join(filter(None, parts)).replace("\0", "")[:LONGEST_NAME]


def _matching(root: Path, pattern: str) -> Iterator[tuple[int, str]]:
    """(descriptor of its directory, name) of each entry below `root` whose path matches."""
    wanted = _expression(pattern)
    walk = os.fwalk(root, follow_symlinks=False, onerror=None)
    for folder, folders, files, handle in walk:
        inside = os.path.relpath(folder, root)
        if inside.count("/") >= DEEPEST:
            folders.clear()
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(files):
            if wanted.fullmatch(name if inside == "." else f"{inside}/{name}"):
                yield handle, name


def _expression(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**/` means any number of folders."""
    parts = re.split(r"(\*\*/|\*|\?)", pattern.strip().removeprefix("./"))
    meaning = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


def _read(handle: int, name: str) -> bytes | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.open(name, flags, dir_fd=handle)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None
        content = file.read(LARGEST + 1)
    return content if len(content) <= LARGEST else None
