"""The repository behind the factories: a few files, with the same commit in every run and on every machine."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tasks.generation import places
from tasks.git import mirrors
from tasks.models import Repository

FILES = {
    "tide.py": "def height(hour):\n    return hour % 12\n",
    "test_tide.py": (
        "import unittest\n\nfrom tide import height\n\n\n"
        "class Tide(unittest.TestCase):\n"
        "    def test_rises(self):\n        self.assertEqual(height(13), 1)\n"
    ),
}
TEST_COMMAND = "python3 -m unittest"
COMMIT = "8ffe9d068b50d2706fce190b593c9560bb33343a"
#: Nothing of the machine or the moment goes into the commit.
FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_NAME": "Sam" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "sam@example.org" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}


def provide_mirror(repository: Repository) -> None:
    """Put the mirror where a job would have put it. A seeded world may have the id of an earlier one."""
    if not places.mirror_of(repository).exists():
        shutil.copytree(_mirror(), places.mirror_of(repository))


def provide_bare(path: Path) -> None:
    """A bare copy as somebody may have it on their disk."""
    shutil.copytree(_mirror(), path)


def write_origin(path: Path, files: dict[str, str]) -> str:
    """A repository of a stranger with one commit; returns its name."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    _git(path, "init", "--quiet", "--initial-branch=main", "--object-format=sha1")
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--allow-empty", "--message", "Tell the height of the tide")
    return _git(path, "rev-parse", "HEAD")


@cache
def _mirror() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="marlin-origin-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    commit = write_origin(folder / "origin", FILES)
    assert commit == COMMIT, f"The repository behind the factories has become {commit}."
    mirrors.mirror(str(folder / "origin"), folder / "mirror.git", allow_local=True)
    return folder / "mirror.git"


def _git(path: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **FIXED}
    command = ["git", "-C", str(path), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()
