"""`python -m grading.diffs`: reads patches as they were sent and tells what the page would show of them."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from grading.diffs import escape, sent, standing, telling
from grading.diffs.bases import is_inside, read_base
from grading.diffs.child import tell_in_child
from grading.diffs.compare import Comparison, Side
from grading.diffs.parse import FileDiff, parse
from grading.diffs.scratch import Counts, Entry, GitRefused, Scratch, scratch
from grading.diffs.sent import Section, Unreadable

MOST_PATCH = 64 * 1024 * 1024  # bytes
LETTERS = "AB"

WITHOUT_BASE = (
    "No base was given: nothing was applied. The changed places are shown as the patch tells of them, under the"
    " line numbers that it claims."
)


@dataclass(frozen=True)
class Patch:
    """A patch as it was sent: its letter on the page, its bytes and what stands in them."""

    letter: str
    content: bytes
    sections: list[Section]


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise Unreadable(f"{message[:1].upper()}{message[1:]}; --help tells how to ask.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 2 with one sentence on standard error for what cannot be read."""
    try:
        asked = _parser().parse_args(arguments)
        patches = [_patch(letter, place) for letter, place in zip(LETTERS, asked.patches, strict=False)]
        if len(asked.patches) > len(patches):
            raise Unreadable("More than two patches cannot be compared.")
        comparison, notes = _compared(patches, asked.base)
        _write(comparison, notes, len(patches), asked)
    except Unreadable as why:
        sys.stderr.write(escape.plain(str(why)) + "\n")
        return 2
    except BrokenPipeError:
        # Whoever read along has read enough. Python would complain once more on closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m grading.diffs",
        description="Show what the compare page would show of one or two patches.",
    )
    parser.add_argument(
        "patches", nargs="+", type=Path, metavar="PATCH", help="A.patch, and B.patch to compare"
    )
    parser.add_argument("--base", type=Path, help="folder or zip archive with the files before the patches")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of text")
    form.add_argument("--html", type=Path, metavar="FILE", help="write a page that opens from disk")
    parser.add_argument(
        "--view",
        choices=list(standing.SHOWN),
        default="pair",
        help="of the page: each against the base (pair), base, A and B (three), A against B (direct), a side, or cells",
    )
    return parser


def _patch(letter: str, place: Path) -> Patch:
    try:
        # A pipe without a writer would be waited for; a folder is no file.
        if not stat.S_ISREG(place.stat().st_mode):
            raise Unreadable(f"{place} is not a file.")
        with place.open("rb") as file:
            content = file.read(MOST_PATCH + 1)
    except (OSError, ValueError) as why:
        raise Unreadable(f"{place} cannot be read: {getattr(why, 'strerror', None) or why}.") from None
    if len(content) > MOST_PATCH:
        raise Unreadable(f"{place} is larger than {MOST_PATCH:,} bytes.")
    try:
        return Patch(letter, content, sent.read(content))
    except Unreadable as why:
        raise Unreadable(f"{place}: {why}") from None


def _compared(patches: Sequence[Patch], place: Path | None) -> tuple[Comparison, tuple[str, ...]]:
    with scratch() as repository:
        counts = [_counted(repository, patch) for patch in patches]
        if place is None:
            return _from_hunks(patches, counts)
        _write_base(repository, _base(place, patches, counts))
        sides: list[Side] = []
        base: dict[str, bytes | None] = {}
        for patch in patches:
            side, before = _applied(repository, patch)
            sides.append(side)
            base.update({path: text for path, text in before.items() if base.get(path) is None})
    left, right = [*sides, Side(b"", {})][:2]
    return tell_in_child(left, right, base), ()


def _counted(repository: Scratch, patch: Patch) -> Counts:
    """The files and lines that git reads, which must be those that we read."""
    if not patch.sections:
        return []
    try:
        counts = repository.counts_of(patch.content)
    except GitRefused as why:
        raise Unreadable(f"Patch {patch.letter} cannot be read: {why}.") from None
    if [section.counts for section in patch.sections] != [count for _, count in counts]:
        raise Unreadable(f"Patch {patch.letter} announces other files or lines than git reads in it.")
    return counts


def _base(place: Path, patches: Sequence[Patch], counts: Sequence[Counts]) -> dict[bytes, Entry]:
    paths = {path for patch in patches for section in patch.sections for path in section.paths()}
    paths |= {path for counted in counts for path, _ in counted}
    # A file that stands where a patch wants a folder is git's to refuse.
    parents = {
        b"/".join(path.split(b"/")[:depth]) for path in paths for depth in range(1, path.count(b"/") + 1)
    }
    submodules = {
        path: Entry("160000", commit.encode())
        for patch in patches
        for section in patch.sections
        if (commit := section.submodule()) is not None
        for path in section.paths()
        if is_inside(path)
    }
    # No base holds more of a submodule than a folder: where it stood is for the patch to say.
    return {**submodules, **read_base(place, paths | parents)}


def _write_base(repository: Scratch, entries: dict[bytes, Entry]) -> None:
    try:
        repository.write_base(entries)
    except GitRefused as why:
        raise Unreadable(f"The base cannot be read: {why}.") from None


def _applied(repository: Scratch, patch: Patch) -> tuple[Side, dict[str, bytes | None]]:
    try:
        return repository.side(patch.content)
    except GitRefused as why:
        raise Unreadable(f"Patch {patch.letter} does not apply to this base: {why}.") from None


def _from_hunks(patches: Sequence[Patch], counts: Sequence[Counts]) -> tuple[Comparison, tuple[str, ...]]:
    sides: list[Side] = []
    base: dict[str, bytes | None] = {}
    notes = [WITHOUT_BASE]
    for patch, counted in zip(patches, counts, strict=True):
        canonical = [
            section.canonical(path) for section, (path, _) in zip(patch.sections, counted, strict=True)
        ]
        results: dict[str, bytes | None] = {}
        for section, text in zip(patch.sections, canonical, strict=True):
            (file,) = parse(text)
            if section.holds_whole_file:
                place = results if file.status == "added" else base
                place[file.path] = _whole(file)
        sides.append(Side(b"".join(canonical), results))
        notes += _contradictions(patch)
    left, right = [*sides, Side(b"", {})][:2]
    return tell_in_child(left, right, base), tuple(notes)


def _whole(file: FileDiff) -> bytes | None:
    lines = [line for hunk in file.hunks or () for line in hunk.lines]
    return b"".join(line.text for line in lines) if len({line.kind for line in lines}) == 1 else None


def _contradictions(patch: Patch) -> list[str]:
    count = sum(section.contradicts_itself() for section in patch.sections)
    if not count:
        return []
    files = "one file" if count == 1 else f"{count:,} files"
    return [f"Line numbers of patch {patch.letter} contradict each other in {files}: its order was kept."]


def _write(comparison: Comparison, notes: Sequence[str], sides: int, asked: argparse.Namespace) -> None:
    if asked.html is None:
        parts = telling.as_json if asked.json else telling.as_text
        for part in parts(comparison, notes, sides=sides):
            sys.stdout.buffer.write(part.encode())
        sys.stdout.buffer.flush()
        return
    try:
        with asked.html.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(standing.page(comparison, notes, sides=sides, view=asked.view))
    except OSError as why:
        raise Unreadable(f"{asked.html} cannot be written: {why.strerror}.") from None
