"""TRL itself reads what we write for it. Not part of the gate: TRL brings gigabytes. `make test-formats` runs it.

No database and no model: a few records through our writers, `datasets`, and the functions with which TRL's trainers
recognise and take apart a data set.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import datasets
from trl import data_utils

from grading.export.writers import trl as ours
from grading.export.writers.pieces import Block


def main() -> int:
    block = Block.of(_record(number, rating) for number, rating in enumerate((3, -1, 4)))
    with tempfile.TemporaryDirectory() as folder:
        explicit = _loaded(Path(folder) / "explicit.jsonl", ours.explicit(block), folder)
        implicit = _loaded(Path(folder) / "implicit.jsonl", ours.implicit(block), folder)
        unpaired = _loaded(Path(folder) / "kto.jsonl", ours.unpaired(block), folder)
        checks = {
            "each is conversational": all(
                data_utils.is_conversational(data[0]) for data in (explicit, implicit, unpaired)
            ),
            "the prompt of the implicit form is found": [
                data_utils.extract_prompt({"chosen": row["chosen"], "rejected": row["rejected"]})
                for row in implicit
            ]
            == [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in explicit],
            "pairs can be taken apart": len(
                data_utils.unpair_preference_dataset(
                    explicit.select_columns(["prompt", "chosen", "rejected"])
                )
            )
            == 2 * len(explicit),
            "the label of the unpaired form is true or false": set(unpaired["label"]) == {True, False},
        }
    for check, holds in checks.items():
        print(f"{'ok' if holds else 'FAILED':<8}{check}")
    return 0 if all(checks.values()) else 1


def _loaded(path: Path, pieces: Any, folder: str) -> Any:
    path.write_bytes(b"".join(piece.data for piece in pieces))
    return datasets.load_dataset("json", data_files=str(path), cache_dir=f"{folder}/cache")["train"]


def _record(number: int, rating: int) -> dict[str, Any]:
    return {
        "preference": f"p-{number}",
        "prompt": "Entries must not come back when the clock is set back.",
        "rating": rating,
        "rubric": {"points": 8},
        "acceptable_a": True,
        "acceptable_b": False,
        "candidate_a": {"final_message": "Done.", "patch": "+a\n"},
        "candidate_b": {"final_message": "", "patch": "+```\n"},
    }


if __name__ == "__main__":
    sys.exit(main())
