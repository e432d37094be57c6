"""Our engine, as a process that is asked one line of JSON at a time and answers with one."""

from __future__ import annotations

import signal

from grading.diffs import highlight
from grading.diffs.compare import Comparison, Side, compare, compare_both
from grading.diffs.highlight import Highlighter
from tests.benchmarks.contestants.asking import Answer, Asked, serve


def answer(asked: Asked) -> Answer:
    """`what`: one side alone, both orientations of the pair, or both with every text coloured before."""
    sides = [Side(patch, results) for patch, results in zip(asked.patches, asked.results, strict=True)]
    if asked.what == "side":
        nothing = Side(b"", {})
        return asked.timed(lambda: compare(sides[0], nothing, asked.base), told)
    if asked.what == "pair":
        return asked.timed(lambda: compare_both(sides[0], sides[1], asked.base), told_both)
    highlighter = Highlighter()
    compare(sides[0], sides[1], asked.base, highlighter=highlighter)
    return asked.timed(lambda: compare(sides[0], sides[1], asked.base, highlighter=highlighter), told)


def told(comparison: Comparison) -> Answer:
    """How much was drawn, and how many files gave in to a cap."""
    html = [file.html for file in comparison.files]
    return {
        "bytes": sum(len(text.encode()) for text in html),
        "rows": sum(text.count("<tr") for text in html),
        "degraded": sum(bool(file.degraded) for file in comparison.files),
    }


def told_both(comparisons: tuple[Comparison, Comparison]) -> Answer:
    return told(comparisons[0])


if __name__ == "__main__":
    # As the child of the rendering job does it: a lexer that does not come back is interrupted.
    signal.signal(signal.SIGVTALRM, highlight.ring)
    serve(answer)
