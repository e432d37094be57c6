"""Keeps who made it out of what a rater reads: texts are masked, code that names somebody is held for an admin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tasks.generation import traces
from tasks.generation.traces import Hit
from tasks.git.command import GitFailed, git
from tasks.models import AgentVersion, Price

#: The end of a model's id: a date with or without dashes, or the word for the newest.
DATED = re.compile(r"[-@:](?:20\d{2}-?\d{2}-?\d{2}|latest)$")
#: Names shorter than this are words of the language.
SHORTEST = 3


def known_names() -> frozenset[str]:
    """Every name by which an agent version of this installation could be recognised, and every model with a price."""
    rows = AgentVersion.objects.values_list("name", "harness", "model", "provider")
    told = AgentVersion.objects.values_list("settings__known_as", flat=True)
    models = {*Price.objects.values_list("model", flat=True), *(row[2] for row in rows)}
    names = {name for row in rows for name in row}
    names |= {str(name) for listed in told if isinstance(listed, list) for name in listed}
    names |= {alias for model in models for alias in aliases(model)}
    return frozenset(name for name in names if len(name) >= SHORTEST)


def aliases(model: str) -> set[str]:
    """A model's id as people write it: without what routes to it, without the day it was released."""
    bare = model.rpartition("/")[2]
    return {model, bare, DATED.sub("", bare)}


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
