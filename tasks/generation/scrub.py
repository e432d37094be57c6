"""Masks the names of agents, harnesses, models and providers in what an agent said of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tasks.models import AgentVersion

MASK = "[name]"
#: Names shorter than this are words of the language.
SHORTEST = 3


def known_names() -> frozenset[str]:
    """Every name by which an agent version of this installation could be recognised."""
    rows = AgentVersion.objects.values_list("name", "harness", "model", "provider")
    return frozenset(name for row in rows for name in row if len(name) >= SHORTEST)


def masked(text: str, names: Iterable[str]) -> str:
    """The text without those names, whole words, in any case."""
    chosen = tuple(sorted(names, key=lambda name: (-len(name), name)))
    return _pattern(chosen).sub(MASK, text) if chosen else text


@lru_cache(maxsize=32)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
