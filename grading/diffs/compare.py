"""Two patches on one base, file by file, as finished HTML and an index of it. Plain values in, plain values out."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from grading.diffs import escape, intraline, kinds, markup, rows
from grading.diffs.align import (
    Block,
    Row,
    align,
    blocks_of_contents,
    blocks_of_hunks,
    lines_of,
    reproduces,
)
from grading.diffs.highlight import Highlighter, Text, decoded
from grading.diffs.markup import Column, Pen, Table, Version
from grading.diffs.parse import FileDiff, Status, parse
from grading.diffs.version import VERSION

Relation = Literal["left only", "right only", "same", "differ"]
Contents = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Caps:
    """Where detail ends. What is left out is said in `FileView.degraded`; a file is never left out."""

    colours: bool = True
    words: bool = True
    #: False lists the files with their counts and draws no line.
    lines: bool = True
    file_bytes: int = 2_000_000  # of one text; above, the hunks alone are shown
    marked_lines: int = 10_000  # changed lines of a file in which words are compared
    file_rows: int = 40_000  # drawn for one file
    all_rows: int = 400_000  # drawn for all files together


CAPS = Caps()
PLAIN = Caps(colours=False, words=False, file_rows=10_000, all_rows=100_000)
LISTING = Caps(colours=False, words=False, lines=False)


@dataclass(frozen=True)
class Side:
    """What one candidate did: git's canonical diff, and the whole text of its files by path."""

    patch: bytes
    #: None: the file is gone, or its text is not to be had.
    results: Contents


@dataclass(frozen=True)
class SideFile:
    """What one side did to a file."""

    path: str
    status: Status
    old_path: str | None
    added: int
    removed: int
    binary: bool


class Totals(NamedTuple):
    """Counts over a whole patch, as `git diff --shortstat` gives them."""

    files: int
    added: int
    removed: int


@dataclass(frozen=True)
class FileView:
    """One file that at least one side touched. `html` is its table, `gaps` the rows that the table hides."""

    path: str
    left: SideFile | None
    right: SideFile | None
    relation: Relation
    group: kinds.Group
    warnings: tuple[str, ...]
    degraded: tuple[str, ...]
    folded: bool
    html: str
    gaps: tuple[str, ...]

    def as_entry(self) -> dict[str, Any]:
        return {
            "path": escape.plain(self.path),
            "left": _entry(self.left),
            "right": _entry(self.right),
            "relation": self.relation,
            "group": self.group,
            "warnings": list(self.warnings),
            "degraded": list(self.degraded),
            "folded": self.folded,
            "gaps": len(self.gaps),
            "size": len(gzip.compress(self.html.encode(), compresslevel=6, mtime=0)),
        }


@dataclass(frozen=True)
class Comparison:
    """Both patches as a page shows them: left is A, right is B."""

    files: tuple[FileView, ...]
    left_totals: Totals
    right_totals: Totals

    def as_index(self) -> dict[str, Any]:
        """All but the HTML, fit for JSON and for a database that knows neither NUL nor lone surrogates.

        `size` of a file is its compressed HTML in bytes.
        """
        return {
            "version": VERSION,
            "files": [file.as_entry() for file in self.files],
            "left_totals": self.left_totals._asdict(),
            "right_totals": self.right_totals._asdict(),
        }


class Touch(NamedTuple):
    """A side's part in one file: its diff and, where it is known, the whole result."""

    diff: FileDiff
    result: bytes | None


def compare_both(
    first: Side, second: Side, base: Contents, *, caps: Caps = CAPS
) -> tuple[Comparison, Comparison]:
    """(first as A, second as B) and the mirror image; what they share is worked out once."""
    highlighter, pen = Highlighter(colours=caps.colours), Pen()
    return (
        compare(first, second, base, caps=caps, highlighter=highlighter, pen=pen),
        compare(second, first, base, caps=caps, highlighter=highlighter, pen=pen),
    )


def compare(
    left: Side,
    right: Side,
    base: Contents,
    *,
    caps: Caps = CAPS,
    highlighter: Highlighter | None = None,
    pen: Pen | None = None,
) -> Comparison:
    """Left is drawn as A, right as B. Contents decide what is shown; they are compared with git's hunks first.

    `base` holds the texts before either patch, by the path they had then. Does not raise for any content.
    """
    lefts, rights = parse(left.patch, hunks=caps.lines), parse(right.patch, hunks=caps.lines)
    drawing = _Drawing(base, caps, highlighter or Highlighter(colours=caps.colours), pen or Pen())
    pairs = [
        (_touch(one, left.results), _touch(other, right.results)) for one, other in _paired(lefts, rights)
    ]
    files = sorted((_listed(one, other, base) for one, other in pairs), key=_place)
    return Comparison(
        files=tuple(drawing.draw(number, file) for number, file in enumerate(files)),
        left_totals=_totals(lefts),
        right_totals=_totals(rights),
    )


def _touch(diff: FileDiff | None, results: Contents) -> Touch | None:
    return None if diff is None else Touch(diff, results.get(diff.path))


def _totals(files: Sequence[FileDiff]) -> Totals:
    return Totals(len(files), sum(file.added for file in files), sum(file.removed for file in files))


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


class _Listed(NamedTuple):
    """A file of the union, before anything is drawn."""

    path: str
    base: bytes | None
    left: Touch | None
    right: Touch | None
    group: kinds.Group


def _listed(left: Touch | None, right: Touch | None, base: Contents) -> _Listed:
    touches = [touch for touch in (left, right) if touch is not None]
    before = next((base.get(touch.diff.base_path) for touch in touches), None)
    paths = {touch.diff.path for touch in touches}
    path = paths.pop() if len(paths) == 1 else touches[0].diff.base_path
    group = kinds.group_of(path, before, *(touch.result for touch in touches))
    return _Listed(path, before, left, right, group)


def _place(file: _Listed) -> tuple[int, str, str]:
    folder, _, name = file.path.rpartition("/")
    return kinds.ORDER[file.group], folder, name


class _Drawing:
    """Draws the files of one comparison, within its caps."""

    def __init__(self, base: Contents, caps: Caps, highlighter: Highlighter, pen: Pen) -> None:
        self.base = base
        self.caps = caps
        self.highlighter = highlighter
        self.pen = pen
        self.rows = 0

    def draw(self, number: int, file: _Listed) -> FileView:
        sheet = self._sheet(file)
        table = Table(number, file.path, sheet.base, sheet.left, sheet.right, self.pen)
        shown, gaps, cut = self._body(table, sheet)
        left, right = _side_file(file.left), _side_file(file.right)
        return FileView(
            path=file.path,
            left=left,
            right=right,
            relation=_relation(file.left, file.right),
            group=file.group,
            warnings=tuple(_warnings(file, sheet)),
            degraded=(*sheet.degraded, *cut),
            folded=file.group == "generated",
            html=table.html(_facts(file), shown),
            gaps=tuple(gaps),
        )

    def _body(self, table: Table, sheet: _Sheet) -> tuple[list[str], list[str], list[str]]:
        """Visible HTML, that of each gap, and what had to be cut."""
        if sheet.sparse:
            parts: list[rows.Shown | rows.Gap] = [rows.Shown(0, len(sheet.rows))]
        else:
            parts = rows.fold(sheet.rows, rows.Headings(sheet.base.lines))  # type: ignore[arg-type]
        most = max(0, min(self.caps.file_rows, self.caps.all_rows - self.rows))
        kept, left_out = _bounded(parts, sheet.rows, most)
        self.rows += sum(part.high - part.low for part in kept)
        cut = [f"{left_out:,} more changed lines of this file are not drawn."] if left_out else []
        if sheet.sparse:
            return table.sparse(sheet.rows[: kept[-1].high] if kept else []), [], cut
        gaps = [table.rows(sheet.rows[part.low : part.high]) for part in kept if isinstance(part, rows.Gap)]
        return table.folded(sheet.rows, kept), gaps, cut

    def _sheet(self, file: _Listed) -> _Sheet:
        if not self.caps.lines:
            return _nothing(("Too much to draw: this file is listed with its counts alone.",))
        if any(touch is not None and touch.diff.binary for touch in (file.left, file.right)):
            return _nothing(())
        texts = self._texts(file)
        if texts is None:
            return self._from_hunks(file)
        return self._from_texts(file, *texts)

    def _texts(self, file: _Listed) -> tuple[bytes, bytes, bytes] | None:
        """Base, A's and B's whole text; None when one is missing or too large."""
        is_new = all(touch is None or touch.diff.status == "added" for touch in (file.left, file.right))
        base = b"" if is_new else file.base
        texts = (base, _text_after(file.left, base), _text_after(file.right, base))
        if any(text is None or len(text) > self.caps.file_bytes for text in texts):
            return None
        return texts  # type: ignore[return-value]

    def _from_texts(self, file: _Listed, base: bytes, left: bytes, right: bytes) -> _Sheet:
        raw = [lines_of(text) for text in (base, left, right)]
        read = [
            self.highlighter.text(base, _base_path(file)),
            self.highlighter.text(left, file.left.diff.path if file.left else _base_path(file)),
            self.highlighter.text(right, file.right.diff.path if file.right else _base_path(file)),
        ]
        plain_endings = len({_line_end(lines) for lines in raw if lines} - {"mixed"}) <= 1 and not any(
            _line_end(lines) == "mixed" for lines in raw
        )
        versions = [
            Version(text.lines, text.pieces, _endings(lines, returns=not plain_endings))
            for text, lines in zip(read, raw, strict=True)
        ]
        blocks, misfits = zip(
            *(_blocks(touch, raw[0], lines) for touch, lines in ((file.left, raw[1]), (file.right, raw[2]))),
            strict=True,
        )
        columns, unmarked = self._columns(versions, blocks)
        uncoloured = _why_plain(read) if self.caps.colours else ["Shown without colours: they took too long."]
        degraded = [*uncoloured, *unmarked]
        if any(misfits):
            degraded.append("The patch does not fit its texts here: the changes shown were found anew.")
        aligned = align(range(len(raw[0])), blocks[0], blocks[1], raw[1], raw[2])
        return _Sheet(
            versions[0], *columns, aligned, tuple(degraded), sparse=False, read=tuple(read), raw=tuple(raw)
        )

    def _from_hunks(self, file: _Listed) -> _Sheet:
        why = "The whole text is not at hand: only the changed places are shown, without colours."
        touches = (file.left, file.right)
        if any(touch is not None and touch.diff.hunks is None for touch in touches):
            return _nothing(("The lines of this file could not be read; the counts are git's.",))
        before, *after = _lines_of_hunks(touches)
        blocks = [blocks_of_hunks(touch.diff.hunks or ()) if touch else [] for touch in touches]
        aligned = align(sorted(before), blocks[0], blocks[1], after[0], after[1])
        _fill(aligned, before, after)
        versions = [_sparse_version(lines) for lines in (before, *after)]
        columns, unmarked = self._columns(versions, blocks)
        is_submodule = any(touch is not None and touch.diff.status == "submodule" for touch in touches)
        degraded = () if is_submodule else (why, *unmarked)
        return _Sheet(versions[0], *columns, aligned, degraded, sparse=True, read=(), raw=())

    def _columns(
        self, versions: Sequence[Version], blocks: Sequence[Sequence[Block]]
    ) -> tuple[tuple[Column, Column], list[str]]:
        # Words are compared where lines were both removed and added; a new file has nothing to mark.
        replaced = [b for side in blocks for b in side if b.low < b.high and b.result_low < b.result_high]
        changed = sum(b.high - b.low + b.result_high - b.result_low for b in replaced)
        words = self.caps.words and changed <= self.caps.marked_lines
        base, left, right = versions
        columns = (
            _column("A", base, left, blocks[0], words=words),
            _column("B", base, right, blocks[1], words=words),
        )
        return columns, [] if words or not changed else ["Changed words are not marked."]


@dataclass(frozen=True)
class _Sheet:
    """What is drawn of one file."""

    base: Version
    left: Column
    right: Column
    rows: list[Row]
    degraded: tuple[str, ...]
    sparse: bool
    read: tuple[Text, ...]
    raw: tuple[list[bytes], ...]


def _nothing(degraded: tuple[str, ...]) -> _Sheet:
    empty = Version([], [], {})
    return _Sheet(empty, Column("A", empty), Column("B", empty), [], degraded, sparse=True, read=(), raw=())


def _text_after(touch: Touch | None, base: bytes | None) -> bytes | None:
    if touch is None:
        return base
    if touch.diff.status == "deleted":
        return b""
    return base if touch.result is None and touch.diff.hunks == () else touch.result


def _base_path(file: _Listed) -> str:
    return next(touch.diff.base_path for touch in (file.left, file.right) if touch is not None)


def _blocks(touch: Touch | None, base: list[bytes], result: list[bytes]) -> tuple[list[Block], bool]:
    """The changes of one side, and whether git's hunks did not fit."""
    if touch is None:
        # A file that only the other side adds: nothing here, and nothing changed.
        return ([], False) if base == result else (blocks_of_contents(base, result), False)
    blocks = blocks_of_hunks(touch.diff.hunks or ())
    if reproduces(blocks, base, result):
        return blocks, touch.diff.hunks is None
    return blocks_of_contents(base, result), True


def _column(letter: str, base: Version, version: Version, blocks: Sequence[Block], *, words: bool) -> Column:
    column = Column(letter, version, removed := {}, added := {})
    for block in blocks if words else ():
        old = [base.lines[number] for number in range(block.low, block.high)]
        new = [version.lines[number] for number in range(block.result_low, block.result_high)]
        for i, j in intraline.pairs(old, new):
            marks = intraline.marks(old[i], new[j])
            removed[block.low + i], added[block.result_low + j] = marks
    return column


def _line_end(lines: Sequence[bytes]) -> str:
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


def _bounded(
    parts: Sequence[rows.Shown | rows.Gap], aligned: Sequence[Row], most: int
) -> tuple[list[rows.Shown | rows.Gap], int]:
    """The parts that fit, and how many changed rows do not."""
    kept: list[rows.Shown | rows.Gap] = []
    used = 0
    for part in parts:
        length = part.high - part.low
        if used + length > most:
            end = part.low
            if isinstance(part, rows.Shown) and used < most:
                end = part.low + most - used
                kept.append(part._replace(high=end))
            return kept, sum(not rows.is_unchanged(row) for row in aligned[end:])
        used += length
        kept.append(part)
    return kept, 0


def _side_file(touch: Touch | None) -> SideFile | None:
    if touch is None:
        return None
    diff = touch.diff
    return SideFile(diff.path, diff.status, diff.old_path, diff.added, diff.removed, diff.binary)


def _entry(side: SideFile | None) -> dict[str, Any] | None:
    if side is None:
        return None
    old_path = None if side.old_path is None else escape.plain(side.old_path)
    return asdict(replace(side, path=escape.plain(side.path), old_path=old_path))


def _relation(left: Touch | None, right: Touch | None) -> Relation:
    if left is None or right is None:
        return "right only" if left is None else "left only"
    return "same" if _outcome(left.diff) == _outcome(right.diff) else "differ"


def _outcome(diff: FileDiff) -> tuple[Any, ...]:
    """Git's name of the result says all about its content, once the header has it in full."""
    return diff.path, diff.old_path, diff.status, diff.new_mode, diff.new_object, diff.added, diff.removed


def _facts(file: _Listed) -> list[str]:
    sides = [_facts_of(touch, file.base) for touch in (file.left, file.right)]
    most = max(map(len, sides))
    padded = [facts + [""] * (most - len(facts)) for facts in sides]
    return [markup.fact(left, right) for left, right in zip(*padded, strict=True)]


def _facts_of(touch: Touch | None, base: bytes | None) -> list[str]:
    if touch is None:
        return []
    diff, facts = touch.diff, []
    if diff.old_path:
        facts.append(f"Renamed from {diff.old_path} to {diff.path}")
    if diff.old_mode and diff.new_mode and diff.old_mode != diff.new_mode:
        facts.append(f"Mode changed from {diff.old_mode} to {diff.new_mode}")
    elif diff.new_mode not in (None, "100644") and diff.status == "added":
        facts.append(f"Mode {diff.new_mode}")
    if diff.binary:
        facts += [f"Binary file: {_described(diff, touch.result)}", *_before(diff, base)]
    elif not diff.added and not diff.removed and diff.status in ("added", "deleted"):
        facts.append("Empty file added" if diff.status == "added" else "Empty file removed")
    return facts


def _before(diff: FileDiff, base: bytes | None) -> list[str]:
    if diff.status == "added":
        return []
    return [f"Before: {_sized(base, diff.old_object)}"]


def _described(diff: FileDiff, result: bytes | None) -> str:
    return "removed" if diff.status == "deleted" else _sized(result, diff.new_object)


def _sized(content: bytes | None, name: str | None) -> str:
    if content is None:
        return f"size unknown, git object {name}" if name else "size unknown"
    return f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"


def _warnings(file: _Listed, sheet: _Sheet) -> Iterable[str]:
    if found := escape.ODD.search(file.path):
        yield f"The file's name holds an odd character, {_named(found.group())}."
    for letter, touch, column in (("A", file.left, sheet.left), ("B", file.right, sheet.right)):
        if touch is not None:
            added = [cell for row in sheet.rows if (cell := row.left if letter == "A" else row.right)]
            yield from _odd_lines(letter, [c.number for c in added if c.kind == "add"], column.version)
    if sheet.read:
        yield from _encodings(sheet.read)
        yield from _line_ends(sheet.raw, file)


def _odd_lines(letter: str, added: Sequence[int], version: Version) -> Iterable[str]:
    found = [(number, odd) for number in added if (odd := escape.ODD.search(version.lines[number - 1]))]
    if found:
        number, odd = found[0]
        where = f"in line {number}" if len(found) == 1 else f"in {len(found):,} lines, first in line {number}"
        yield f"{letter} adds an odd character {where}: {_named(odd.group())}."


def _named(character: str) -> str:
    return f"{escape.name(character)}, shown as {escape.codepoint(character)}"


def _encodings(read: Sequence[Text]) -> Iterable[str]:
    names = ("The base", "A", "B")
    other = [name for name, text in zip(names, read, strict=True) if text.encoding != "UTF-8"]
    if other:
        yield f"Not UTF-8, read as Latin-1: {', '.join(other)}."


def _line_ends(raw: Sequence[Sequence[bytes]], file: _Listed) -> Iterable[str]:
    ends = [_line_end(lines) if lines else "" for lines in raw]
    if {"CRLF"} == set(ends) - {""}:
        yield "Every line of this file ends in CR LF."
    for letter, end, touch in (("A", ends[1], file.left), ("B", ends[2], file.right)):
        if touch is not None and end and ends[0] and end != ends[0]:
            yield f"{letter} changes how lines end: {_end_words(ends[0])} before, {_end_words(end)} after."


def _end_words(end: str) -> str:
    return {"LF": "LF", "CRLF": "CR LF", "mixed": "LF and CR LF"}[end]
