"""One file from its first row to its last: in batches that stand for themselves, or all rows or none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.db import transaction

from marlin.models import User
from tasks.importing.rows import Refused, rows_of
from tasks.models import ImportSource

BATCH = 500
#: Refused rows that are kept with their reasons; the rest is counted.
MOST_REFUSED = 1_000

Parsed = TypeVar("Parsed")


@dataclass
class Tally:
    """What became of the rows of one file."""

    rows: int = 0
    added: int = 0
    known: int = 0
    refused_rows: int = 0
    #: (line, reason)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        self.refused_rows += 1
        if len(self.refused) < MOST_REFUSED:
            self.refused.append((line, why))


class NothingStored(Exception):
    """Some rows were refused, and all or nothing was asked for."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(f"{tally.refused_rows} of {tally.rows} rows were refused, so none was stored.")
        self.tally = tally


@dataclass(frozen=True)
class Reader(Generic[Parsed]):
    """`parse` makes a value of a row or raises Refused; `store` keeps a batch and counts what it did."""

    parse: Callable[[Mapping[str, Any]], Parsed]
    store: Callable[[list[tuple[int, Parsed]], ImportSource, Tally], None]

    def read(
        self,
        path: Path,
        *,
        whole: bool = False,
        by: User | None = None,
        progress: Callable[[Tally], None] = lambda tally: None,
    ) -> Tally:
        """Needs a worker's rights. A repeated file adds nothing. Raises Refused, and NothingStored with `whole`."""
        tally = Tally()
        outer: AbstractContextManager[Any] = transaction.atomic() if whole else nullcontext()
        with outer:
            source = ImportSource.objects.create(name=path.name[:255], digest=_digest(path), by=by)
            for batch in _batches(path, self.parse, tally):
                with transaction.atomic():
                    self.store(batch, source, tally)
                    self._count(source, tally)
                progress(tally)
            self._count(source, tally)
            if whole and tally.refused_rows:
                raise NothingStored(tally)
        return tally

    def _count(self, source: ImportSource, tally: Tally) -> None:
        source.rows, source.added, source.known = tally.rows, tally.added, tally.known
        source.refused = [list(one) for one in tally.refused]
        source.save(update_fields=["rows", "added", "known", "refused"])


def _batches(
    path: Path, parse: Callable[[Mapping[str, Any]], Parsed], tally: Tally
) -> Iterator[list[tuple[int, Parsed]]]:
    batch: list[tuple[int, Parsed]] = []
    for line, row in rows_of(path):
        tally.rows += 1
        try:
            if isinstance(row, Refused):
                raise row
            batch.append((line, parse(row)))
        except Refused as why:
            tally.refuse(line, str(why))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _digest(path: Path) -> str:
    if not path.is_file():
        raise Refused(f"{path.name}: there is no such file.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
