"""What is drawn of one file: its texts, their changes and the rows that put them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grading.diffs import intraline, markup
from grading.diffs.align import (
    Block,
    Lines,
    Row,
    align,
    blocks_of_contents,
    blocks_of_hunks,
    lines_of,
    reproduces,
)
from grading.diffs.caps import Caps
from grading.diffs.changes import NO_CHANGES, Changes, changes_of
from grading.diffs.highlight import Highlighter, Text, decoded
from grading.diffs.listing import Listed, Touch
from grading.diffs.markup import Version
from grading.diffs.parse import MOST_LINES
from grading.diffs.views import Three, direct, replaced

MOST_STEPS = 100_000  # of looking for lines of A and B that belong beside each other, in one view of one file


@dataclass(frozen=True)
class Column:
    """One side: its text as it is written, its bytes, and what it changed."""

    version: Version
    raw: Lines
    blocks: Sequence[Block] = ()
    changes: Changes = NO_CHANGES


@dataclass(frozen=True)
class Sheet:
    """What is drawn of one file."""

    base: Version
    raw: Lines
    left: Column
    right: Column
    #: Of A | B against the base, where nothing is left out.
    rows: list[Row]
    degraded: tuple[str, ...]
    sparse: bool
    read: tuple[Text, ...]

    def mirrored(self) -> Sheet:
        return replace(
            self,
            left=self.right,
            right=self.left,
            rows=[Row(row.base, row.right, row.left, row.alike) for row in self.rows],
            read=(*self.read[:1], *reversed(self.read[1:])),
        )

    def three(self) -> list[Row]:
        """The rows of base | A | B."""
        sides = [replaced(column.blocks, column.changes.paired) for column in (self.left, self.right)]
        return Three(self.left.raw, self.right.raw, _effort()).rows(self.rows, *sides)

    def direct(self) -> list[Row]:
        """The rows of A against B."""
        return direct(self.rows, self.left.raw, self.right.raw, _effort())


def _effort() -> intraline.Effort:
    return intraline.Effort(MOST_STEPS)


def sheet_of(file: Listed, caps: Caps, highlighter: Highlighter) -> Sheet:
    """What can be drawn of a file, from its texts if they are at hand, else from the hunks. Raises for no content."""
    if not caps.lines:
        return _nothing(("Too much to draw: this file is listed with its counts alone.",))
    touches = (file.left, file.right)
    if any(touch is not None and touch.diff.binary for touch in touches):
        return _nothing(())
    if any(touch is not None and touch.diff.added + touch.diff.removed > MOST_LINES for touch in touches):
        return _nothing(("Too many lines to draw: this file is listed with its counts alone.",))
    texts = _texts(file, caps)
    if texts is None:
        return _from_hunks(file, caps)
    return _from_texts(file, texts, caps, highlighter)


def _texts(file: Listed, caps: Caps) -> tuple[bytes, bytes, bytes] | None:
    """Base, A's and B's whole text; None when one is missing or too large."""
    is_new = all(touch is None or touch.diff.status == "added" for touch in (file.left, file.right))
    base = b"" if is_new else file.base
    texts = (base, _text_after(file.left, base), _text_after(file.right, base))
    if any(text is None or len(text) > caps.file_bytes or text.count(b"\n") > MOST_LINES for text in texts):
        return None
    return texts  # type: ignore[return-value]


def _from_texts(
    file: Listed, texts: tuple[bytes, bytes, bytes], caps: Caps, highlighter: Highlighter
) -> Sheet:
    base, left, right = texts
    raw = [lines_of(text) for text in (base, left, right)]
    read = [
        highlighter.text(base, file.base_path),
        highlighter.text(left, file.left.diff.path if file.left else file.base_path),
        highlighter.text(right, file.right.diff.path if file.right else file.base_path),
    ]
    plain_endings = len({line_end(lines) for lines in raw if lines} - {"mixed"}) <= 1 and not any(
        line_end(lines) == "mixed" for lines in raw
    )
    versions = [
        Version(text.lines, text.pieces, _endings(lines, returns=not plain_endings))
        for text, lines in zip(read, raw, strict=True)
    ]
    blocks, misfits = zip(
        *(_blocks(touch, raw[0], lines) for touch, lines in ((file.left, raw[1]), (file.right, raw[2]))),
        strict=True,
    )
    columns, unmarked = _columns(versions, blocks, raw, caps)
    uncoloured = _why_plain(read) if caps.colours else ["Shown without colours: they would take too long."]
    degraded = [*uncoloured, *unmarked]
    if any(misfits):
        degraded.append("The patch does not fit its texts here: the changes shown were found anew.")
    aligned = align(range(len(raw[0])), blocks[0], blocks[1], raw[1], raw[2], _effort())
    return Sheet(versions[0], raw[0], *columns, aligned, tuple(degraded), sparse=False, read=tuple(read))


def _from_hunks(file: Listed, caps: Caps) -> Sheet:
    why = "The whole text is not at hand: only the changed places are shown, without colours."
    touches = (file.left, file.right)
    if any(touch is not None and touch.diff.hunks is None for touch in touches):
        return _nothing(("The lines of this file could not be read; the counts are git's.",))
    before, *after = _lines_of_hunks(touches)
    blocks = [blocks_of_hunks(touch.diff.hunks or ()) if touch else [] for touch in touches]
    aligned = align(sorted(before), blocks[0], blocks[1], after[0], after[1], _effort())
    _fill(aligned, before, after)
    versions = [_sparse_version(lines) for lines in (before, *after)]
    columns, unmarked = _columns(versions, blocks, (before, *after), caps)
    is_submodule = any(touch is not None and touch.diff.status == "submodule" for touch in touches)
    # A file that is only called otherwise has no line to show, so that none is missing.
    is_whole = is_submodule or not any(touch.diff.hunks for touch in touches if touch is not None)
    degraded = () if is_whole else (why, *unmarked)
    return Sheet(versions[0], before, *columns, aligned, degraded, sparse=True, read=())


def _columns(
    versions: Sequence[Version], blocks: Sequence[Sequence[Block]], raw: Sequence[Lines], caps: Caps
) -> tuple[tuple[Column, Column], list[str]]:
    # Words are compared where lines were both removed and added; a new file has nothing to mark.
    replacing = [b for side in blocks for b in side if b.low < b.high and b.result_low < b.result_high]
    changed = sum(b.high - b.low + b.result_high - b.result_low for b in replacing)
    words = caps.words and changed <= caps.marked_lines
    efforts = (intraline.Effort(), intraline.Effort())  # one each: no side takes from the other
    one, other = (
        Column(
            versions[n], raw[n], blocks[n - 1], _changes(versions, n, blocks[n - 1], efforts[n - 1], words)
        )
        for n in (1, 2)
    )
    if changed and not words:
        return (one, other), ["Changed words are not marked."]
    if any(effort.ran_out for effort in efforts):
        return (one, other), ["Changed words are marked roughly: there are too many to compare."]
    return (one, other), []


def _changes(
    versions: Sequence[Version], side: int, blocks: Sequence[Block], effort: intraline.Effort, words: bool
) -> Changes:
    return changes_of(blocks, versions[0].lines, versions[side].lines, effort, words=words)


def _nothing(degraded: tuple[str, ...]) -> Sheet:
    empty = Version([], [], {})
    column = Column(empty, [])
    return Sheet(empty, [], column, column, [], degraded, sparse=True, read=())


def _text_after(touch: Touch | None, base: bytes | None) -> bytes | None:
    if touch is None:
        return base
    if touch.diff.status == "deleted":
        return b""
    return base if touch.result is None and touch.diff.hunks == () else touch.result


def _blocks(touch: Touch | None, base: list[bytes], result: list[bytes]) -> tuple[list[Block], bool]:
    """The changes of one side, and whether git's hunks did not fit."""
    if touch is None:
        # A file that only the other side adds: nothing here, and nothing changed.
        return ([], False) if base == result else (blocks_of_contents(base, result), False)
    blocks = blocks_of_hunks(touch.diff.hunks or ())
    if reproduces(blocks, base, result):
        return blocks, touch.diff.hunks is None
    return blocks_of_contents(base, result), True


def line_end(lines: Sequence[bytes]) -> str:
    """How the lines of a text end: LF, CRLF or mixed."""
    returns = sum(line.endswith(b"\r\n") for line in lines)
    if not returns:
        return "LF"
    return "CRLF" if returns >= len(lines) - (not lines[-1].endswith(b"\n")) else "mixed"


def _endings(lines: Sequence[bytes], *, returns: bool) -> dict[int, str]:
    """What is seen at the end of lines: carriage returns where not every line has one, a missing line feed."""
    found = {}
    if returns:
        found = {n: markup.CARRIAGE_RETURN for n, line in enumerate(lines) if line.endswith(b"\r\n")}
    if lines and not lines[-1].endswith(b"\n"):
        found[len(lines) - 1] = (
            markup.CARRIAGE_RETURN if lines[-1].endswith(b"\r") else ""
        ) + markup.NO_LINE_FEED
    return found


def _why_plain(read: Iterable[Text]) -> list[str]:
    reasons = dict.fromkeys(text.plain for text in read if text.plain)
    return [f"This file {reason}: shown without colours." for reason in reasons]


def _lines_of_hunks(touches: Iterable[Touch | None]) -> list[dict[int, bytes]]:
    """What the hunks tell of the base, by number, and of each result."""
    base: dict[int, bytes] = {}
    found = [base]
    for touch in touches:
        result: dict[int, bytes] = {}
        for hunk in (touch.diff.hunks or ()) if touch else ():
            before, after = hunk.base_start, hunk.result_start
            for line in hunk.lines:
                if line.kind != "+":
                    base[before] = line.text
                    before += 1
                if line.kind != "-":
                    result[after] = line.text
                    after += 1
        found.append(result)
    return found


def _fill(aligned: Sequence[Row], base: Mapping[int, bytes], after: Sequence[dict[int, bytes]]) -> None:
    """Unchanged lines that only the other side's hunks tell of."""
    for row in aligned:
        for cell, lines in zip((row.left, row.right), after, strict=True):
            if cell is not None and cell.kind == "same" and row.base is not None:
                lines.setdefault(cell.number - 1, base[row.base - 1])


def _sparse_version(lines: Mapping[int, bytes]) -> Version:
    shown = {number: "".join(decoded(line)[0]) for number, line in lines.items()}
    return Version(shown, dict.fromkeys(lines, ()), {})
