"""Our engine, as a process that is asked one line of JSON at a time and answers with one."""

from __future__ import annotations

import signal
from dataclasses import replace

from grading.diffs import highlight
from grading.diffs.caps import CAPS
from grading.diffs.compare import Comparison, Side, compare_both
from grading.diffs.drawing import FileView
from tests.benchmarks.contestants.asking import Answer, Asked, serve


def answer(asked: Asked) -> Answer:
    """One patch is a pair whose other side changed nothing. Every view is drawn, in both orientations."""
    sides = [Side(patch, results) for patch, results in zip(asked.patches, asked.results, strict=True)]
    left, right = [*sides, Side(b"", {})][:2]
    caps = replace(CAPS, colours=asked.what != "without colours")
    return asked.timed(lambda: compare_both(left, right, asked.base, caps=caps), lambda both: told(both[0]))


def told(comparison: Comparison) -> Answer:
    """How much was drawn, and how many files gave in to a cap."""
    views = comparison.files[0].views if comparison.files else ()
    return {
        "bytes": sum(len(file.views["pair"].html.encode()) for file in comparison.files),
        "rows": sum(file.views["pair"].rows for file in comparison.files),
        "a row": {view: _a_row(comparison.files, view) for view in views},
        "degraded": sum(bool(file.degraded) for file in comparison.files),
    }


def _a_row(files: tuple[FileView, ...], view: str) -> float:
    drawn = [file.views[view] for file in files]
    return sum(len(each.html.encode()) for each in drawn) / max(1, sum(each.rows for each in drawn))


if __name__ == "__main__":
    # As the child of the rendering job does it: a lexer that does not come back is interrupted.
    signal.signal(signal.SIGVTALRM, highlight.ring)
    serve(answer)
