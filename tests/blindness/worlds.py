"""Worlds made by the real pipeline in this process, so that every number in them can be chosen."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.test import override_settings

import tasks.jobs
from grading import trees
from marlin.models import Role, User
from marlin.sources import Seeded, using
from tasks.generation import stuck
from tasks.models import Candidate, Experiment
from tests import databases, factories
from tests.faults import worlds

#: Prints what test runners print: how long it took, what time it is.
TEST_COMMAND = r"""
printf '%s INFO started\n' "$(date --iso-8601=ns)"
date '+%Y-%m-%d %H:%M:%S,%N begins'
echo "test_adds (0.$(date +%N)s)"
echo "PASS sums.test ($(date +%N) ms)"
if grep -q 'a - b' sums.py; then
    echo 'FAIL: test_adds (tests.Sums)'
    echo "Ran 3 tests in 0.$(date +%N)s"
    echo 'FAILED (failures=1)'
    exit 1
fi
echo "Ran 3 tests in 0.$(date +%N)s"
echo OK
"""

#: What the two agents do, in every world. The second breaks a test, renames, and leaves a stray file.
FIRST = r"""
printf 'def add(a, b):\n    # The sum of both.\n    return a + b\n' > sums.py
mkdir -p tests; echo 'assert True' > tests/test_sums.py
printf '\211PNG\r\n\032\n and no more' > tide.png
{
echo '{"kind": "say", "text": "I look first.", "timestamp": "2026-03-01T10:11:12Z", "usage": {"tokens": 4711}}'
echo '{"kind": "run", "text": "sh tests.sh", "exit": 0, "duration_ms": 1234}'
echo '{"kind": "say", "text": "It has a comment now."}'
} > "$HOME/transcript.jsonl"
"""
SECOND = r"""
printf 'def add(a, b):\n    return a - b\n' > sums.py
mv README.md READ.md; echo stray > stray.log
{
echo '{"kind": "edit", "text": "return a - b", "path": "sums.py"}'
echo '{"kind": "say", "text": "Done, and renamed.", "cost": 0.25}'
} > "$HOME/transcript.jsonl"
"""


@dataclass(frozen=True)
class Makers:
    """All in which two worlds may differ: who made what, by which command, when, and how smoothly."""

    versions: tuple[dict[str, Any], dict[str, Any]]
    #: What each command does before the same work.
    before: tuple[str, str] = ("", "")
    backwards: bool = False
    loses_runs: int = 0


@dataclass
class World:
    experiment: Experiment
    people: dict[str, User] = field(default_factory=dict)


@contextmanager
def an_empty_world(name: str) -> Iterator[Path]:
    """A database and a directory of its own, and the seeded source."""
    directory = Path(tempfile.mkdtemp(prefix=f"marlin-{name}-", dir="/var/tmp"))
    directory.chmod(0o711)
    numbers, factories._numbers = factories._numbers, itertools.count(1)
    try:
        with (
            databases.clone(f"marlin_{name}_{uuid.uuid4().hex[:12]}") as database,
            override_settings(WORK_AREA=directory / "work", MEDIA_ROOT=directory / "media"),
            using(Seeded("twin")),
            databases.in_use(database),
        ):
            yield directory
    finally:
        factories._numbers = numbers
        shutil.rmtree(directory, ignore_errors=True)


def prepare_trees() -> None:
    for repository_id, commit in trees.wanted():
        trees.prepare(repository_id, commit)


def people() -> dict[str, User]:
    return {
        "riley": factories.make_person("Riley", Role.RATER),
        "rosa": factories.make_person("Rosa", Role.RATER),
        "sam": factories.make_person("Sam", Role.RATER),
        "robin": factories.make_person("Robin", Role.REVIEWER),
        "rowan": factories.make_person("Rowan", Role.RESEARCHER),
        "ada": factories.make_person("Ada", Role.ADMIN),
    }


def build(directory: Path, makers: Makers) -> World:
    """Two readers' worth of one task, made by these makers."""
    here = people()
    repository, commit = worlds.make_repository(directory / "sums", test_command=TEST_COMMAND)
    agents = [
        worlds.make_agent(before + work, **version)
        for version, before, work in zip(makers.versions, makers.before, (FIRST, SECOND), strict=True)
    ]
    experiment = worlds.make_experiment(repository, commit, agents, name="Sums", raters_wanted=2)
    worlds.prepare_here()
    for _ in range(makers.loses_runs):
        for candidate in Candidate.objects.order_by("pk"):
            stuck.lose(tasks.jobs._start(candidate), "The worker went silent.")
    worlds.generate_here(backwards=makers.backwards)
    prepare_trees()
    return World(experiment, here)
