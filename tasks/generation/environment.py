"""Copies a repository, and proves that its own tests pass at a base commit before any agent starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from django.conf import settings

from marlin.sources import source
from tasks.addresses import RefusedUrl
from tasks.generation import evidence, places
from tasks.git import mirrors, worktrees
from tasks.git.command import GitFailed
from tasks.git.history import history
from tasks.models import Commit, Environment, Repository
from tasks.sandbox.base import SandboxUnusable


class Broken(Exception):
    """The repository or its environment cannot be used; the sentence says what to do about it."""

    def __init__(self, sentence: str, *, log: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log


def clone(repository: Repository) -> str:
    """Mirror the repository, or refresh the mirror; returns the commit its HEAD names. Raises Broken."""
    mirror = places.mirror_of(repository)
    try:
        mirrors.mirror(repository.url, mirror, allow_local=settings.ALLOW_LOCAL_REPOSITORIES)
        return mirrors.resolve(mirror, "HEAD")
    except (RefusedUrl, GitFailed) as why:
        raise Broken(str(why)) from why


def commits(repository: Repository) -> list[Commit]:
    """The history of a mirror as rows that are not stored yet. Raises Broken."""
    try:
        return [
            Commit(repository=repository, position=position, **asdict(listed))
            for position, listed in enumerate(history(places.mirror_of(repository)))
        ]
    except GitFailed as why:
        raise Broken(str(why)) from why


def prove(environment: Environment, *, cancelled: Callable[[], bool]) -> evidence.Evidence:
    """Check out the base commit and run the repository's tests there. Raises Broken unless they pass."""
    repository, commit = environment.repository, environment.base_commit
    try:
        base = places.base_of(repository, mirrors.resolve(places.mirror_of(repository), commit))
        with places.run_directory(source().token("baseline")) as directory, places.sandbox() as sandbox:
            files, home = directory / "tested", directory / "home"
            files.mkdir()
            home.mkdir()
            worktrees.checkout(base, commit, files)
            tested = evidence.run_tests(repository, files, home, sandbox, cancelled=cancelled)
    except (GitFailed, SandboxUnusable) as why:
        raise Broken(str(why)) from why
    if tested.failed:
        raise Broken(
            f"{tested.failed} of the repository's own tests fail at this commit: "
            f"{', '.join(tested.failures[:3])}. Choose another commit, mend the recipe, or waive it.",
            log=tested.log,
        )
    if tested.sentence and repository.test_command.strip():
        raise Broken(f"{tested.sentence} Mend the recipe, or waive it.", log=tested.log)
    return tested
