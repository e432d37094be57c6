"""Which files of a pair a reader has read: rater and reviewer each for themselves, in every browser alike."""

from __future__ import annotations

from hashlib import sha256

from grading.models import BlindPair, ReadMark
from marlin.models import User


def read_by(reader: User, pair: BlindPair) -> set[str]:
    """The names, as `name_of` gives them, of what they have read."""
    return set(ReadMark.objects.filter(pair=pair, reader=reader).values_list("file", flat=True))


def mark(reader: User, pair: BlindPair, path: str, *, read: bool) -> None:
    """Doing it twice ends where doing it once does."""
    name = name_of(path)
    if read:
        ReadMark.objects.bulk_create([ReadMark(pair=pair, reader=reader, file=name)], ignore_conflicts=True)
    else:
        ReadMark.objects.filter(pair=pair, reader=reader, file=name).delete()


def name_of(path: str) -> str:
    return sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
