"""Keeps who made it out of what a rater reads: texts are masked, code that names somebody is held for an admin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tasks.generation import traces
from tasks.generation.traces import Hit
from tasks.git.command import GitFailed, git
from tasks.models import AgentVersion

#: Names shorter than this are words of the language.
SHORTEST = 3


def known_names() -> frozenset[str]:
    """Every name by which an agent version of this installation could be recognised."""
    rows = AgentVersion.objects.values_list("name", "harness", "model", "provider")
    return frozenset(name for row in rows for name in row if len(name) >= SHORTEST)


def masked(text: str, names: Iterable[str]) -> str:
    """The text without those names, whole words, in any case, and without what gives any agent away."""
    chosen = tuple(sorted(names, key=lambda name: (-len(name), name)))
    return traces.masked(_pattern(chosen).sub(traces.MASK, text) if chosen else text)


def hits(patch: bytes, names: Iterable[str], base: Path | None, commit: str) -> list[Hit]:
    """Added lines and paths that name somebody, but for words that the base itself holds: those tell nothing new."""
    chosen = tuple(sorted(names, key=lambda name: (-len(name), name)))
    found = list(traces.hits(patch, _pattern(chosen) if chosen else None))
    known = {word for word in {hit.word for hit in found} if base is not None and _is_in(base, commit, word)}
    return [hit for hit in found if hit.word not in known]


def _is_in(base: Path, commit: str, word: str) -> bool:
    """In the files of the base, or in their names."""
    try:
        git("grep", "--quiet", "--ignore-case", "--fixed-strings", "-e", word, commit, git_dir=base)
    except GitFailed:
        listed = git("ls-tree", "-r", "--name-only", "-z", "--full-tree", commit, git_dir=base)
        return word.lower().encode() in listed.lower()
    return True


@lru_cache(maxsize=32)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
