"""The shapes of other people's preference data, thin and faithful to their own conventions."""

from __future__ import annotations

from collections.abc import Iterator

from grading.export.writers import conversation
from grading.export.writers.pieces import TRAIN, Block, Piece, Record, decided, line


def openai(block: Block) -> Iterator[Piece]:
    """OpenAI's fine-tuning by preference; also taken by Together and Fireworks. No other key is allowed."""
    for record, good, other, split in decided(block.records):
        row = {
            "input": {"messages": conversation.context(record), "tools": [], "parallel_tool_calls": True},
            "preferred_output": conversation.reply(record, good),
            "non_preferred_output": conversation.reply(record, other),
        }
        yield Piece(split, line(row))


def hh(block: Block) -> Iterator[Piece]:
    """Anthropic's hh-rlhf: two conversations, each one text."""
    for record, good, other, split in decided(block.records):
        row = {"chosen": _dialogue(record, good), "rejected": _dialogue(record, other)}
        yield Piece(split, line(row))


def rewardbench(block: Block) -> Iterator[Piece]:
    """Plain texts, one subset for each category of work. allenai/reward-bench"""
    for record, good, other, split in decided(block.records):
        row = {
            "id": record["preference"],
            "prompt": record["prompt"],
            "chosen": conversation.answer(record, good),
            "chosen_model": record[f"model_{good}"],
            "rejected": conversation.answer(record, other),
            "rejected_model": record[f"model_{other}"],
            "subset": record["scenario"]["category"],
        }
        yield Piece(split, line(row))


def arena(block: Block) -> Iterator[Piece]:
    """LMArena's battles. As there, `model_a` is the one that was shown on the left; ties stay among them."""
    for record in block.records:
        left, right = _shown(record)
        row = {
            "id": record["preference"],
            "model_a": record[f"model_{left}"],
            "model_b": record[f"model_{right}"],
            "winner": _winner(_for_left(record)),
            "evaluation_session_id": record["task"],
            "evaluation_order": record["turn"],
            "judge": record["rater"],
            "conversation_a": [*conversation.context(record), *conversation.reply(record, left)],
            "conversation_b": [*conversation.context(record), *conversation.reply(record, right)],
            "category_tag": record["scenario"]["category"],
            "language": record["scenario"]["language"],
            "is_code": True,
        }
        yield Piece(TRAIN, line(row))


def helpsteer(block: Block) -> Iterator[Piece]:
    """HelpSteer3's preferences: −3 to 3, and positive when the *second* response is better."""
    for record in block.records:
        left, right = _shown(record)
        score = -_to_three(_for_left(record), record["rubric"]["points"])
        texts = record["texts"]
        row = {
            "domain": "code",
            "language": record["scenario"]["language"],
            "context": conversation.context(record),
            "response1": conversation.answer(record, left),
            "response2": conversation.answer(record, right),
            "overall_preference": score,
            "individual_preference": [
                {
                    "score": score,
                    "reasoning": texts["justification"],
                    "feedback1": _feedback(record, left),
                    "feedback2": _feedback(record, right),
                }
            ],
        }
        yield Piece(TRAIN, line(row))


def _dialogue(record: Record, side: str) -> str:
    return f"\n\nHuman: {record['prompt']}\n\nAssistant: {conversation.answer(record, side)}"


def _shown(record: Record) -> tuple[str, str]:
    """Which of ours, a or b, stood on the left, and which on the right."""
    return ("a", "b") if record["side"] == "L" else ("b", "a")


def _for_left(record: Record) -> int:
    rating: int = record["rating"]
    return rating if record["side"] == "L" else -rating


def _winner(for_left: int) -> str:
    if not for_left:
        return "tie"
    return "model_a" if for_left > 0 else "model_b"


def _to_three(rating: int, points: int) -> int:
    """Seven points are theirs; of eight, the two middle strengths fall together, and no side is lost."""
    return rating if points == 7 else {0: 0, 1: 1, 2: 2, 3: 2, 4: 3}[abs(rating)] * (1 if rating > 0 else -1)


def _feedback(record: Record, side: str) -> str:
    texts = record["texts"]
    return "\n\n".join(filter(None, (texts[f"strengths_{side}"], texts[f"weaknesses_{side}"])))
