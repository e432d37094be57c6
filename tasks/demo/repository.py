"""The demo's Git repository: a small cache library with a history, the same ids on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

SOURCE = Path(__file__).parent / "tidecache"
BRANCH = "main"


@dataclass(frozen=True)
class DemoRepository:
    """A checkout of `main`; `commits` gives the id of each commit by its key, oldest first."""

    path: Path
    commits: dict[str, str]


@dataclass(frozen=True)
class Step:
    """One commit of the history, and the folder with the files it adds or changes."""

    key: str
    author: str
    date: str
    message: str

    @property
    def folder(self) -> Path:
        return SOURCE / self.key


def history() -> list[Step]:
    """The commits to make, oldest first."""
    content = tomllib.loads((SOURCE / "history.toml").read_text(encoding="utf-8"))
    return [Step(**commit) for commit in content["commits"]]


def build(into: Path) -> DemoRepository:
    """Make the repository in `into`, a folder that is empty or not there yet; FileExistsError otherwise."""
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty")

    # An empty template leaves out the hooks that a machine may give to every new repository.
    git(into, "init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
    # The mode of a file must not depend on the umask or on how Marlin was unpacked.
    git(into, "config", "core.fileMode", "false")
    return DemoRepository(path=into, commits={step.key: commit(into, step) for step in history()})


def commit(repository: Path, step: Step) -> str:
    """Add what `step` changes and return the id of the commit."""
    # Bytecode may lie about where somebody has run the suite in place.
    shutil.copytree(
        step.folder,
        repository,
        dirs_exist_ok=True,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    name, address = parseaddr(step.author)
    people = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", name), ("EMAIL", address), ("DATE", step.date))
    }
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", f"--message={step.message.strip()}", environment=people)
    return git(repository, "rev-parse", "HEAD").strip()


def git(repository: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What git prints, run with nothing of this machine's configuration; CalledProcessError when it fails."""
    isolated = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(repository.parent),
        **(environment or {}),
    }
    finished = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        env=isolated,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return finished.stdout
