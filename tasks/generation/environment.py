"""Copies a repository, and proves that its own tests pass at a base commit before any agent starts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from marlin.sources import source
from tasks.addresses import RefusedUrl
from tasks.gateway.access import NoAccess
from tasks.generation import evidence, places, prepared
from tasks.git import archives, mirrors, trees
from tasks.git.command import GitFailed
from tasks.git.history import history
from tasks.git.languages import languages as written_in
from tasks.models import Commit, Environment, Repository
from tasks.sandbox.base import SandboxUnusable


class Broken(Exception):
    """The repository or its environment cannot be used; the sentence says what to do about it."""

    def __init__(self, sentence: str, *, log: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log


def clone(repository: Repository, said: Callable[[bytes], None] | None = None, *, token: str = "") -> str:
    """Mirror the repository, or refresh the mirror; returns the commit its HEAD names. Raises Broken."""
    mirror = places.mirror_of(repository)
    try:
        if repository.upload:
            _unpack(repository, mirror, said)
        elif repository.url:
            mirrors.mirror(
                repository.url, mirror, allow_local=settings.ALLOW_LOCAL_REPOSITORIES, token=token, said=said
            )
        return mirrors.resolve(mirror, "HEAD")
    except (RefusedUrl, archives.Refused, GitFailed) as why:
        raise Broken(str(why)) from why


def _unpack(repository: Repository, mirror: Path, said: Callable[[bytes], None] | None) -> None:
    """By way of a file on this machine: the storage may be elsewhere."""
    try:
        with repository.upload.open("rb") as sent, places.run_directory(source().token("unpack")) as folder:
            local = folder / "sent"
            local.touch(mode=0o600)
            with local.open("wb") as file:
                shutil.copyfileobj(sent, file)
            archives.unpack(local, mirror, said=said)
    except FileNotFoundError as why:
        raise Broken("The file that was sent is gone. Send it again.") from why


def commits(repository: Repository) -> list[Commit]:
    """The history of a mirror as rows that are not stored yet. Raises Broken."""
    try:
        return [
            Commit(repository=repository, position=position, **asdict(listed))
            for position, listed in enumerate(history(places.mirror_of(repository)))
        ]
    except GitFailed as why:
        raise Broken(str(why)) from why


def languages(repository: Repository) -> list[tuple[str, int]]:
    """What its newest commit is written in. Raises Broken."""
    try:
        return written_in(trees.files_of(places.mirror_of(repository), "HEAD"))
    except GitFailed as why:
        raise Broken(str(why)) from why


def prove(
    environment: Environment,
    *,
    cancelled: Callable[[], bool],
    said: Callable[[bytes], None] | None = None,
) -> evidence.Evidence:
    """Set the base commit up, and run the repository's tests on a copy. Raises Broken unless they pass."""
    repository = environment.repository
    try:
        commit = mirrors.resolve(places.mirror_of(repository), environment.base_commit)
        with places.run_directory(source().token("baseline")) as directory, places.sandbox() as sandbox:
            # Anew: whoever tries again expects that what went wrong with the last set-up is mended.
            ready = prepared.prepare(repository, commit, sandbox, anew=True, cancelled=cancelled, said=said)
            files, home = directory / "tested", ready.home(directory / "home")
            files.mkdir()
            ready.materialise(b"", files, scratch=directory)
            tested = evidence.run_tests(repository, files, home, sandbox, cancelled=cancelled, said=said)
    except prepared.SetUpFailed as why:
        raise Broken(f"{why.sentence} Mend the recipe, or waive it.", log=why.log) from why
    except prepared.Stopped:
        raise Broken("It was stopped before it was set up.") from None
    except (GitFailed, SandboxUnusable, NoAccess) as why:
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
