"""Tokens and what they cost, by our own table: agents and providers are not asked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.00000001")
CHARACTERS_PER_TOKEN = 4


@dataclass
class Tokens:
    """What one request used. `input` counts neither what the cache gave nor what it took."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class Rates:
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal


def cost(tokens: Tokens, rates: Rates) -> Decimal:
    """Rounded half to even, once, to eight decimals."""
    total = (
        tokens.input * rates.input
        + tokens.output * rates.output
        + tokens.cache_read * rates.cache_read
        + tokens.cache_write * rates.cache_write
    )
    return (total / MILLION).quantize(SMALLEST, rounding=ROUND_HALF_EVEN)


def roughly(characters: int) -> int:
    """Tokens in a text nobody counted for us."""
    return -(-characters // CHARACTERS_PER_TOKEN)
