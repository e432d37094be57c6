"""Compares in a child process that can be killed: a lexer that never comes back costs a page its colours, no more.

`python -m grading.diffs.child` reads one request from standard input and writes one answer to standard output, both
JSON, bytes as Latin-1 text.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

from grading.diffs import highlight, process
from grading.diffs.align import Kind
from grading.diffs.caps import CAPS, LISTING, PLAIN, Caps
from grading.diffs.compare import Comparison, Side, Work, compare, compare_both, prepared
from grading.diffs.drawing import Drawn, FileView
from grading.diffs.listing import Contents, SideFile, Totals
from grading.diffs.process import Answer
from grading.diffs.rows import ToldCell, ToldRow
from grading.diffs.tally import Tally

SECONDS = 120.0
MEMORY = 1024 * 1024 * 1024  # bytes of address space


def compare_in_child(
    first: Side,
    second: Side,
    base: Contents,
    *,
    caps: Caps = CAPS,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> tuple[Comparison, Comparison]:
    """`compare_both` in a child with at most `seconds` of CPU time and `memory` bytes.

    A child that dies or overruns is followed by one without colours and marks, then by a listing with counts, then
    by a listing made here. Raises for no content.
    """
    for step in dict.fromkeys((caps, PLAIN, LISTING)):
        answer = _asked(_request(first, second, base, step, seconds, memory), seconds, _read_answer)
        if answer is not None:
            return answer
    return compare_both(_bare(first), _bare(second), {}, caps=LISTING)


def tell_in_child(
    left: Side,
    right: Side,
    base: Contents,
    *,
    caps: Caps = CAPS,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Comparison:
    """`compare` with the rows as values, in a child as above: one orientation, for a person or a check."""
    for step in dict.fromkeys((caps, PLAIN, LISTING)):
        request = _request(left, right, base, step, seconds, memory)
        answer = _asked({**request, "tell": True}, seconds, _read_told)
        if answer is not None:
            return answer
    return compare(_bare(left), _bare(right), {}, caps=LISTING)


def _bare(side: Side) -> Side:
    return Side(side.patch, {}, side.apart)


def _request(
    first: Side, second: Side, base: Contents, caps: Caps, seconds: float, memory: int
) -> dict[str, Any]:
    whole = caps.lines
    return {
        "sides": [
            {
                "patch": _text(side.patch),
                "results": _texts(side.results) if whole else {},
                "apart": dict(side.apart),
            }
            for side in (first, second)
        ],
        "base": _texts(base) if whole else {},
        "caps": asdict(caps),
        "seconds": seconds,
        "memory": memory,
        "tell": False,
    }


def _texts(contents: Contents) -> dict[str, str | None]:
    return {path: None if content is None else _text(content) for path, content in contents.items()}


def _text(content: bytes) -> str:
    return content.decode("latin-1")


def _asked(request: dict[str, Any], seconds: float, read: Callable[[bytes], Answer]) -> Answer | None:
    return process.ask("grading.diffs.child", request, seconds, read)


def _read_answer(answer: bytes) -> tuple[Comparison, Comparison]:
    """A line for the counts, then two for each file: the child keeps none of them in memory."""
    lines = BytesIO(answer)  # which copies no more than a line at a time
    head = json.loads(next(lines))
    left, right = Totals(*head["left_totals"]), Totals(*head["right_totals"])
    pairs = [(_file(next(lines)), _file(next(lines))) for _ in range(head["files"])]
    forward, backward = zip(*pairs, strict=True) if pairs else ((), ())
    return Comparison(forward, left, right), Comparison(backward, right, left)


def _read_told(answer: bytes) -> Comparison:
    lines = iter(answer.splitlines())
    head = json.loads(next(lines))
    files = tuple(_file(next(lines)) for _ in range(head["files"]))
    return Comparison(files, Totals(*head["left_totals"]), Totals(*head["right_totals"]))


def _file(line: bytes) -> FileView:
    stored = json.loads(line)
    sides = {name: stored[name] and SideFile(**stored[name]) for name in ("left", "right")}
    lists = {name: tuple(stored[name]) for name in ("warnings", "degraded")}
    views = {name: _drawn(**drawn) for name, drawn in stored["views"].items()}
    told = tuple(_told_row(*row) for row in stored["told"])
    values = {**stored, **sides, **lists, "views": views, "tally": Tally(**stored["tally"]), "told": told}
    return FileView(**values)


def _drawn(body: str, pieces: list[str], rows: int) -> Drawn:
    return Drawn(b64decode(body), tuple(map(b64decode, pieces)), rows)


def _told_row(
    base: int | None, alike: bool, gap: int, left: list[Any] | None, right: list[Any] | None
) -> ToldRow:
    one, other = (None if cell is None else _told_cell(*cell) for cell in (left, right))
    return ToldRow(base, alike, gap, one, other)


def _told_cell(
    kind: Kind, number: int, text: str, ending: str, encoding: str, marks: list[list[int]]
) -> ToldCell:
    return ToldCell(kind, number, text, ending, encoding, tuple((low, high) for low, high in marks))


def main() -> None:
    """The child: one request in, one answer out. It makes millions of small values, none of which is in a circle."""
    gc.disable()
    request = json.loads(sys.stdin.buffer.read())
    process.limit(request["seconds"], request["memory"])
    signal.signal(signal.SIGVTALRM, highlight.ring)
    sides = [
        Side(_bytes(side["patch"]), _contents(side["results"]), side["apart"]) for side in request["sides"]
    ]
    base, caps = _contents(request["base"]), Caps(**request["caps"])
    work = prepared(sides[0], sides[1], base, caps=caps)
    if request["tell"]:
        _write(work, ((file,) for file in work.files_as_values()))
    else:
        _write(work, work.files())


def _write(work: Work, drawn: Iterator[tuple[FileView, ...]]) -> None:
    totals = {"left_totals": work.left_totals, "right_totals": work.right_totals}
    _write_line({**totals, "files": len(work.listed)})
    for files in drawn:
        for file in files:
            _write_line(_written(file))


def _write_line(value: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode("ascii") + b"\n")


def _written(file: FileView) -> dict[str, Any]:
    # Rows are plain tuples and may be many: asdict() would copy each of their values.
    views = {
        name: {
            "body": b64encode(drawn.body).decode("ascii"),
            "pieces": [b64encode(piece).decode("ascii") for piece in drawn.pieces],
            "rows": drawn.rows,
        }
        for name, drawn in file.views.items()
    }
    return {**asdict(replace(file, told=(), views={})), "views": views, "told": file.told}


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _contents(stored: Mapping[str, str | None]) -> dict[str, bytes | None]:
    return {path: None if text is None else _bytes(text) for path, text in stored.items()}


if __name__ == "__main__":
    main()
