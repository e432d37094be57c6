"""TRL's preference and unpaired data sets, conversational. https://huggingface.co/docs/trl/dataset_formats"""

from __future__ import annotations

from collections.abc import Iterator

from grading.export.writers import conversation
from grading.export.writers.pieces import TRAIN, Block, Piece, decided, line

#: What the documentation asks for; `preference` besides leads back to the record and is ignored by trainers.
EXPLICIT = ("prompt", "chosen", "rejected", "margin")
IMPLICIT = ("chosen", "rejected", "margin")
UNPAIRED = ("prompt", "completion", "label")

UNANSWERED = "the absolute question was not answered"


def explicit(block: Block) -> Iterator[Piece]:
    """For DPO and its kin: the prompt stands alone."""
    for record, good, other, split in decided(block.records):
        row = {
            "preference": record["preference"],
            "prompt": conversation.context(record),
            "chosen": conversation.reply(record, good),
            "rejected": conversation.reply(record, other),
            "margin": conversation.margin(record),
        }
        yield Piece(split, line(row))


def implicit(block: Block) -> Iterator[Piece]:
    """For reward models: both sides hold the whole conversation."""
    for record, good, other, split in decided(block.records):
        context = conversation.context(record)
        row = {
            "preference": record["preference"],
            "chosen": [*context, *conversation.reply(record, good)],
            "rejected": [*context, *conversation.reply(record, other)],
            "margin": conversation.margin(record),
        }
        yield Piece(split, line(row))


def unpaired(block: Block) -> Iterator[Piece]:
    """For KTO: each side whose absolute question was answered. A comparison says nothing of the kind."""
    for record in block.records:
        for side in "ab":
            label = record[f"acceptable_{side}"]
            if label is None:
                yield Piece(UNANSWERED, b"")
                continue
            row = {
                "preference": record["preference"],
                "prompt": conversation.context(record),
                "completion": conversation.reply(record, side),
                "label": label,
            }
            yield Piece(TRAIN, line(row))
