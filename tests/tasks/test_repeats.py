"""Alike texts meet, others do not."""

from __future__ import annotations

import random

from tasks.repeats import BANDS, bands

TEXT = (
    "Callers ask for the height every minute to see when the tide turns. They should be able to ask for the hour of "
    "the next turn, also when it lies after midnight, with a test for each case."
)


def meet(one: str, other: str) -> bool:
    return bool(set(bands(one)) & set(bands(other)))


def test_case_and_punctuation_do_not_count():
    assert bands(TEXT) == bands(TEXT.upper().replace(".", "!"))
    assert len(bands(TEXT)) == BANDS


def test_an_edited_text_meets_the_original():
    assert meet(TEXT, TEXT.replace("minute", "second").replace("tide", "sea"))


def test_a_few_words_have_no_bands():
    assert bands("two words") == []


def test_strangers_do_not_meet():
    chance = random.Random(1)
    words = [f"word{number}" for number in range(400)]
    texts = [" ".join(chance.choices(words, k=80)) for _ in range(30)]

    found = [number for text in texts for number in bands(text)]

    assert len(set(found)) == len(found)
