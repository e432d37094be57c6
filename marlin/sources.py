"""The one source of ids, randomness and time, so that two equal worlds can be built on purpose."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Iterator, MutableSequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol


class Source(Protocol):
    """`purpose` names what a number is for: a seeded source keeps one sequence for each purpose."""

    def now(self) -> datetime: ...

    def uuid(self, purpose: str) -> uuid.UUID: ...

    def token(self, purpose: str) -> str: ...

    def coin(self, purpose: str) -> float: ...

    def shuffle(self, purpose: str, items: MutableSequence[Any]) -> None: ...


class Real:
    """The operating system's entropy and clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def uuid(self, purpose: str) -> uuid.UUID:
        return uuid.uuid4()

    def token(self, purpose: str) -> str:
        return secrets.token_hex(16)

    def coin(self, purpose: str) -> float:
        return secrets.SystemRandom().random()

    def shuffle(self, purpose: str, items: MutableSequence[Any]) -> None:
        secrets.SystemRandom().shuffle(items)


class Seeded:
    """The same numbers in each world that asks for the same things; time stands until it is moved."""

    def __init__(self, seed: str, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.seed = seed
        self.time = start
        self.asked: Counter[str] = Counter()

    def now(self) -> datetime:
        return self.time

    def advance(self, step: timedelta) -> None:
        self.time += step

    def uuid(self, purpose: str) -> uuid.UUID:
        return uuid.UUID(bytes=self._digest("uuid", purpose)[:16], version=4)

    def token(self, purpose: str) -> str:
        return self._digest("token", purpose)[:16].hex()

    def coin(self, purpose: str) -> float:
        return int.from_bytes(self._digest("coin", purpose)[:6]) / 2**48

    def shuffle(self, purpose: str, items: MutableSequence[Any]) -> None:
        Random(self._digest("shuffle", purpose)).shuffle(items)  # noqa: S311

    def _digest(self, *what: str) -> bytes:
        key = "\0".join((self.seed, *what))
        self.asked[key] += 1
        return hashlib.sha256(f"{key}\0{self.asked[key]}".encode()).digest()


_current: Source = Real()


def source() -> Source:
    return _current


def now() -> datetime:
    return _current.now()


@contextlib.contextmanager
def using(replacement: Source) -> Iterator[Source]:
    """Take everything from `replacement` meanwhile. For tests; not thread-safe."""
    global _current
    before, _current = _current, replacement
    try:
        yield replacement
    finally:
        _current = before


def new_public_id() -> uuid.UUID:
    """Random, never ordered by time: a public id tells nothing about what came first."""
    return _current.uuid("public id")
