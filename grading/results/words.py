"""Whole columns out of PostgreSQL: it strings the numbers of many rows together, several of them in each word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from django.db.models import Aggregate, BigIntegerField, BinaryField, Expression, F, Func
from django.db.models.functions import Cast
from numpy.typing import NDArray

from grading.analysis.votes import Ints

#: Of a number that PostgreSQL computes with, without its sign.
BITS = 63


class _Strung(Aggregate):
    """A column as one string of bytes, every number in the same width and in network order.

    One row of PostgreSQL's protocol for each vote costs more than all the counting. The columns of one answer
    have their rows in the same order, whatever it is.
    """

    template = "string_agg(%(sent)s(%(expressions)s), ''::bytea)"
    output_field = BinaryField()
    allow_distinct = False


@dataclass(frozen=True)
class Part:
    """A number of each row that is never below zero, and how many bits it has; what we keep of those that came."""

    asked: Expression | F
    bits: int
    held: Callable[[Ints], NDArray[Any]]


class _Beside(Func):
    """The high number moved up by so many bits, and the low one in their place."""

    template = "(%(expressions)s)"
    output_field = BigIntegerField()

    def __init__(self, high: Expression | F, low: Expression | F, bits: int) -> None:
        super().__init__(high, low, arg_joiner=f" << {bits} | ")


@dataclass(frozen=True)
class Word:
    """Several parts in one number: stringing a column together costs as much for one bit as for all."""

    parts: Mapping[str, Part]

    @property
    def strung(self) -> _Strung:
        first, *others = self.parts.values()
        word: Expression = Cast(first.asked, BigIntegerField())
        for part in others:
            word = _Beside(word, part.asked, part.bits)
        return _Strung(word, sent="int8send")

    def read(self, body: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
        """Block by block, so that the wide numbers of the wire are never held all at once."""
        left = np.frombuffer(body, dtype=">i8").astype(np.int64)
        for name, part in reversed([*self.parts.items()]):
            yield name, part.held(left & ((1 << part.bits) - 1))
            left >>= part.bits


def words(parts: Mapping[str, Part]) -> Iterator[Word]:
    """In their order, as many in each word as it has bits beside its sign."""
    word: dict[str, Part] = {}
    for name, part in parts.items():
        if sum(each.bits for each in word.values()) + part.bits > BITS:
            yield Word(word)
            word = {}
        word = word | {name: part}
    yield Word(word)


@dataclass(frozen=True)
class Real:
    """Numbers with a fraction, each eight bytes."""

    name: str
    asked: Expression

    @property
    def strung(self) -> _Strung:
        return _Strung(self.asked, sent="float8send")

    def read(self, body: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
        yield self.name, np.frombuffer(body, dtype=">f8").astype(np.float64)


Column: TypeAlias = Word | Real
