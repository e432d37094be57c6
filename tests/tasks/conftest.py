"""Places and repositories for tests that run strangers' code for real."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.git import mirrors, worktrees
from tasks.models import Commit, Repository
from tasks.sandbox.bubblewrap import Bubblewrap
from tests import factories

STRANGER = 61_000  # a user without a name, under whom the sandbox runs when the tests run as root


@pytest.fixture
def reachable():
    """A directory that another user can reach; pytest's own are closed to all but us."""
    folder = Path(tempfile.mkdtemp(prefix="marlin-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    worktrees.remove(folder)


@pytest.fixture
def sandbox():
    return Bubblewrap(uid=STRANGER if os.getuid() == 0 else None)


class Origin:
    """A repository of a stranger with a small history, on local disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.mkdir()
            self.run("init", "--quiet", "--initial-branch=main")

    def run(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Sam", "-c", "user.email=sam@example.org", "-c", "commit.gpgsign=false"]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
        command = [shutil.which("git"), "-C", str(self.path), *identity, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout.strip()

    def commit(self, message: str) -> str:
        self.run("add", "--all")
        self.run("commit", "--quiet", "--allow-empty", "-m", message)
        return self.run("rev-parse", "HEAD")

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """An origin, its mirror and a base, made once; the tests work on copies."""
    folder = tmp_path_factory.mktemp("prepared")
    origin = Origin(folder / "origin")
    origin.write(
        {
            "tide.py": "def height(hour):\n    return hour % 12\n\n\ndef name():\n    return 'tide'\n",
            "docs/read me.txt": "Tides\r\nrise\r\n",
            "run.sh": "#!/bin/sh\nexit 0\n",
            "picture.bin": bytes(range(256)) * 4,
            ".gitignore": "build/\n*.log\n",
            ".gitattributes": "*.txt text eol=crlf\n",
        }
    )
    (origin.path / "run.sh").chmod(0o755)
    (origin.path / "link").symlink_to("tide.py")
    origin.commit("Begin")
    commit = origin.commit("Describe the tides")
    origin.write({"tide.py": "ANSWER = 'the merged pull request'\n"})
    future = origin.commit("Fix the tides")
    mirrors.mirror(str(origin.path), folder / "mirror.git", allow_local=True)
    mirrors.base_only(folder / "mirror.git", commit, folder / "base.git")
    return Prepared(folder, commit, future)


@dataclass(frozen=True)
class Prepared:
    folder: Path
    commit: str
    future: str

    def copy(self, name: str, into: Path) -> Path:
        return Path(shutil.copytree(self.folder / name, into / name, symlinks=True))


@pytest.fixture
def commit(prepared):
    return prepared.commit


@pytest.fixture
def future(prepared):
    """A commit that comes after `commit`, which nobody who works on that may see."""
    return prepared.future


@pytest.fixture
def origin(prepared, reachable):
    return Origin(prepared.copy("origin", reachable))


@pytest.fixture
def mirror(prepared, reachable):
    return prepared.copy("mirror.git", reachable)


@pytest.fixture
def base(prepared, reachable):
    return prepared.copy("base.git", reachable)


@pytest.fixture
def worktree(base, commit, reachable):
    with worktrees.worktree(base, commit, reachable / "worktree") as path:
        yield path


@pytest.fixture
def listed(db: None) -> Repository:
    """A repository whose history is listed: one commit, that merged #77."""
    repository = factories.make_repository(name="tides")
    Commit.objects.create(
        repository=repository,
        name=factories.BASE_COMMIT,
        parent="b" * 40,
        position=0,
        subject="Tell the tide (#77)",
        author="Sam",
        committed_at=datetime(2026, 1, 1, tzinfo=UTC),
        merged=77,
    )
    return repository
