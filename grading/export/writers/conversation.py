"""The one way in which a prompt and a candidate become messages, for every format that has them."""

from __future__ import annotations

import re

from grading.export.writers.pieces import Record

#: Counts up when the same record would give another text.
RENDERER = 1

Message = dict[str, str]


def context(record: Record) -> list[Message]:
    return [{"role": "user", "content": record["prompt"]}]


def reply(record: Record, side: str) -> list[Message]:
    return [{"role": "assistant", "content": answer(record, side)}]


def answer(record: Record, side: str) -> str:
    """What the candidate of `side`, a or b, said at its end, then its patch as a fenced block."""
    candidate = record[f"candidate_{side}"]
    said, patch = candidate["final_message"].strip(), candidate["patch"]
    if not patch:
        return str(said)
    # Longer than any run of backticks in the patch, as CommonMark asks.
    longest = max((len(run) for run in re.findall("`+", patch)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if patch.endswith("\n") else "\n"
    block = f"{fence}diff\n{patch}{end}{fence}"
    return f"{said}\n\n{block}" if said else block


def margin(record: Record) -> float:
    """How clear the preference is: 0 for a tie, 1 for the end of the scale, whatever its length."""
    return float(abs(record["rating"]) / (record["rubric"]["points"] // 2))
