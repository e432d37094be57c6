"""Writes down the lines for which a candidate is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from tasks.generation.traces import Hit
from tasks.models import Candidate, ScrubHit


def keep(candidate: Candidate, hits: Sequence[Hit]) -> None:
    ScrubHit.objects.bulk_create([ScrubHit(candidate=candidate, **_storable(hit)) for hit in hits])


def _storable(hit: Hit) -> dict[str, object]:
    """PostgreSQL stores no NUL."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in asdict(hit).items()
    }
