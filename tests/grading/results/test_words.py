"""Columns of whole numbers in words of 63 bits, whatever the database numbers its rows by."""

from __future__ import annotations

import numpy as np
import pytest

from grading.results import words as packing


@pytest.mark.parametrize(
    ("most", "words"),
    [([5, 1], 1), ([2**31 - 1, 2**32 - 1], 1), ([2**32 - 1, 2**32 - 1], 2), ([2**62, 7, 2**58 - 1, 1], 2)],
)
def test_numbers_come_out_of_their_words_as_they_went_in(most, words):
    parts = {
        str(at): packing.Part(None, each.bit_length(), lambda numbers: numbers)
        for at, each in enumerate(most)
    }
    packed = list(packing.words(parts))
    found = {}

    for word in packed:
        rows = []
        for lower in (0, 1):  # the largest of each, and the one below it
            number = 0
            for name, part in word.parts.items():
                number = number << part.bits | (most[int(name)] - lower)
            rows.append(number)
        found |= dict(word.read(np.array(rows, dtype=">i8").tobytes()))

    assert len(packed) == words
    assert {name: each.tolist() for name, each in found.items()} == {
        str(at): [each, each - 1] for at, each in enumerate(most)
    }
