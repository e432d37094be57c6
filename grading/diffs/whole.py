"""Writes whole files as coloured rows, in a child process that can be killed.

`python -m grading.diffs.whole` reads one request from standard input and writes one answer to standard output, both
JSON, bytes as Latin-1 text.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from grading.diffs import highlight, process
from grading.diffs.highlight import Highlighter
from grading.diffs.markup import Version, cell, inside

SECONDS = 40.0
MEMORY = 1024 * 1024 * 1024  # bytes of address space
MOST_LINES = 40_000


class Written(NamedTuple):
    """The rows of a file, how many lines it has, and a sentence on what is missing, or ""."""

    html: str
    lines: int
    note: str


def write_in_child(
    texts: Mapping[str, tuple[str, bytes]], *, seconds: float = SECONDS, memory: int = MEMORY
) -> dict[str, Written]:
    """The rows of each text, by the key it was given with: (path, content). Raises for no content.

    A child that dies or overruns is followed by one without colours, and that by words alone.
    """
    for colours in (True, False):
        request = {
            "texts": [[key, path, content.decode("latin-1")] for key, (path, content) in texts.items()],
            "colours": colours,
            "seconds": seconds,
            "memory": memory,
        }
        answer = process.ask("grading.diffs.whole", request, seconds, _read)
        if answer is not None:
            return answer
    return {key: Written("", 0, "This file takes too long to be shown.") for key in texts}


def _read(answer: bytes) -> dict[str, Written]:
    return {key: Written(*written) for key, *written in json.loads(answer)}


def written(content: bytes, path: str, highlighter: Highlighter) -> Written:
    """A file of any content. One that is no text is said to be none."""
    if b"\0" in content[:8000]:  # git's own rule
        return Written("", 0, "This is a binary file.")
    text = highlighter.text(content, path)
    version = Version(text.lines, text.pieces, {})
    rows = [
        f"<tr id=L{index + 1}>{cell('', index + 1, line, inside(version, index))}"
        for index, line in enumerate(text.lines[:MOST_LINES])
    ]
    return Written("".join(rows), len(text.lines), _note(text.plain, len(text.lines)))


def _note(plain: str, lines: int) -> str:
    if lines > MOST_LINES:
        return f"The first {MOST_LINES:,} of {lines:,} lines."
    return f"Shown without colours: the file {plain}." if plain else ""


def main() -> None:
    """The child: one request in, one answer out."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    process.limit(request["seconds"], request["memory"])
    signal.signal(signal.SIGVTALRM, highlight.ring)
    highlighter = Highlighter(colours=request["colours"])
    answer = [
        (key, *written(content.encode("latin-1"), path, highlighter))
        for key, path, content in request["texts"]
    ]
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii"))


if __name__ == "__main__":
    main()
