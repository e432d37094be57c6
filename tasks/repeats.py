"""Finds texts that may be near repeats of one another, by a few numbers each that alike texts share.

MinHash over runs of three words, in bands: Broder (1997), "On the resemblance and containment of documents"; the
banding as in Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4. With 20 bands of 2 two texts that
share half of their runs meet with probability 1 - (1 - 0.5²)²⁰ = 0.997, and those that share a tenth with 0.18.
Who meets is then compared in earnest.
"""

from __future__ import annotations

import re
from hashlib import blake2b

BANDS = 20
ROWS = 2  # values of a band
RUN = 3  # words
MOST_WORDS = 400

_WORD = re.compile(r"\w+")
#: A prime above every 61-bit number: values are (a·x + b) mod it, one pair (a, b) for each row.
_PRIME = (1 << 61) - 1


def bands(text: str) -> list[int]:
    """One signed 64-bit number a band, [] for a text of fewer than three words. Case and punctuation do not count."""
    words = _WORD.findall(text.lower())[:MOST_WORDS]
    runs = {_number(" ".join(words[i : i + RUN])) for i in range(len(words) - RUN + 1)}
    if not runs:
        return []
    least = [min((a * run + b) % _PRIME for run in runs) for a, b in _FUNCTIONS]
    return [_signed(_number(f"{band}:{least[band * ROWS : (band + 1) * ROWS]}")) for band in range(BANDS)]


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


_FUNCTIONS = [
    (_number(f"a{row}") % (_PRIME - 1) + 1, _number(f"b{row}") % _PRIME) for row in range(BANDS * ROWS)
]
