"""What a pair changed, file by file, for those who compare it. Read from git objects, never from a worktree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tasks.generation import apart, places
from tasks.git import patches, trees
from tasks.git.command import GitFailed
from tasks.git.trees import LINK, SUBMODULE, TreeFile
from tasks.models import Candidate, Repository, Run

__all__ = ["LINK", "SUBMODULE", "Contents", "GitFailed", "TreeFile", "contents_of", "files_of", "texts_of"]


@dataclass(frozen=True)
class Contents:
    """A canonical patch and the whole text of its files, before and after. None: absent or too large.

    What was set apart is in it too: it is no part of what is graded, and nobody is kept from seeing it.
    """

    patch: bytes
    base: dict[str, bytes | None]
    results: dict[str, bytes | None]
    #: False where there is no repository to read from: then the patch is all there is.
    has_base: bool = True
    #: Paths that are set apart -> the rule that says so.
    apart: dict[str, str] = field(default_factory=dict)


def contents_of(candidate: Candidate) -> Contents:
    """Raises GitFailed when the base repository is not to be had. Of patch-only work there are no texts."""
    patch = _whole_patch(candidate)
    repository, commit = candidate.turn.task.scenario.repository, candidate.turn.base_commit
    if not patch or repository.patch_only:
        return Contents(patch, {}, {}, has_base=not repository.patch_only)
    base = places.base_of(repository, commit)
    with tempfile.TemporaryDirectory(prefix="marlin-contents-") as scratch:
        changed = patches.changed_files(base, commit, patch, scratch=Path(scratch))
    return Contents(
        patch=patch,
        base={file.old_path or file.path: file.base for file in changed},
        results={file.path: file.result for file in changed},
        apart=_rules(candidate, [file.path for file in changed]),
    )


def _whole_patch(candidate: Candidate) -> bytes:
    """As the agent left it."""
    if candidate.set_apart:
        run = candidate.runs.filter(state=Run.State.SUCCEEDED).exclude(whole_patch=b"").order_by("pk").last()
        if run is not None:
            return bytes(run.whole_patch)
    return bytes(candidate.patch)


def _rules(candidate: Candidate, paths: Iterable[str]) -> dict[str, str]:
    graded = {file["path"] for file in candidate.files}
    return {path: apart.rule_of(path) for path in paths if path not in graded} if candidate.set_apart else {}


def files_of(repository: Repository, commit: str) -> list[TreeFile]:
    """Every file of the repository at this commit. Raises GitFailed."""
    if repository.patch_only:
        raise GitFailed("Of this repository there are patches alone.")
    return trees.files_of(places.base_of(repository, commit), commit)


def texts_of(
    repository: Repository, commit: str, names: Iterable[str], *, most: int
) -> dict[str, bytes | None]:
    """What these objects hold, by their names; None for more than `most` bytes. Raises GitFailed."""
    return trees.contents(places.base_of(repository, commit), names, most)
