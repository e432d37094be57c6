"""Scales and their wording, as plain functions over a rubric's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: From the middle outwards.
STRENGTHS = {7: ("slightly", "better", "clearly"), 8: ("slightly", "better", "significantly", "clearly")}
NEUTRAL = "About the same"
#: The question of the overall rating, in every rubric.
OVERALL = "Which one would you rather merge?"
#: What the form sends for an axis that is not applicable, and what that is called.
NOT_APPLICABLE = "na"
NOT_APPLICABLE_WORDS = "Not applicable"

#: The fields of free text, in the order of the form. The side's letter is part of the name.
TEXTS = ("a_strengths", "b_strengths", "a_weaknesses", "b_weaknesses", "justification")


@dataclass(frozen=True)
class Step:
    """One position of the scale: 1 is "A clearly", `points` is "B clearly"."""

    value: int
    word: str
    side: str  # "a", "b", or "" in the middle


def steps(points: int) -> list[Step]:
    """The whole scale, left to right."""
    strengths = STRENGTHS[points]
    left = [f"A {strength}" for strength in reversed(strengths)]
    right = [f"B {strength}" for strength in strengths]
    middle = [NEUTRAL] if points % 2 else []
    words = [*left, *middle, *right]
    sides = ["a"] * len(left) + [""] * len(middle) + ["b"] * len(right)
    return [Step(value, word, side) for value, (word, side) in enumerate(zip(words, sides, strict=True), 1)]


def word(points: int, value: int | None) -> str:
    """What a rating says in words; "not rated" for none."""
    return steps(points)[value - 1].word if value else "not rated"


def canonical(points: int, value: int, *, a_is_first: bool) -> int:
    """The rating symmetric about zero, positive when the *first* candidate is preferred.

    Seven points give −3…3, eight give ±1…±4. Positions count from "A clearly" to "B clearly".
    """
    if not 1 <= value <= points:
        raise ValueError(f"{value} is not on a scale of {points} points")
    if points % 2:
        for_a = (points + 1) // 2 - value
    else:
        half = points // 2
        for_a = half + 1 - value if value <= half else half - value
    return for_a if a_is_first else -for_a


def is_strong(points: int, value: int) -> bool:
    """In the outer half of its side."""
    return abs(canonical(points, value, a_is_first=True)) > len(STRENGTHS[points]) / 2


def clean_ratings(points: int, keys: list[str], posted: Mapping[str, object]) -> dict[str, int]:
    """The ratings among what a form posted; what is not on the scale is left out."""
    ratings = {}
    for key in keys:
        value = str(posted.get(key, ""))
        if value.isascii() and value.isdigit() and 1 <= int(value[:3]) <= points:
            ratings[key] = int(value[:3])
    return ratings
