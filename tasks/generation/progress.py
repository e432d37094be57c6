"""What a long command prints, kept in its row about once a second, so that a page can show it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.generation.evidence import plain
from tasks.models import Environment, Repository

#: Characters that are kept, from the end.
LONGEST = 20_000
EVERY = 1.0  # seconds between two writes


class Log:
    """The end of what was printed. A line that overwrites itself, as a progress bar does, counts as it stands last."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._bytes = bytearray()
        self._due = time.monotonic() + EVERY
        self._is_kept = True

    def add(self, chunk: bytes) -> None:
        self._bytes += chunk
        del self._bytes[: -4 * LONGEST]
        self._is_kept = False
        if time.monotonic() >= self._due:
            self.keep()

    def keep(self) -> None:
        if self._is_kept:
            return
        self._write(self.text())
        self._due, self._is_kept = time.monotonic() + EVERY, True

    def text(self) -> str:
        lines = bytes(self._bytes).replace(b"\r\n", b"\n").split(b"\n")
        last = (line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines)
        return plain(b"\n".join(last))[-LONGEST:].strip()


@contextmanager
def keeping(model: type[Repository | Environment], pk: int, token: str) -> Iterator[Log]:
    """A log of this row, written while the token holds; whatever ends the work, its end is kept."""

    def write(text: str) -> None:
        model.objects.filter(pk=pk, token=token).update(log=text)

    write("")
    log = Log(write)
    try:
        yield log
    finally:
        log.keep()
