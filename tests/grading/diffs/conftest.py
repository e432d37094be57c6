"""A small invented repository and what git says of two changes to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from grading.diffs.compare import Side
from grading.diffs.parse import shown

Files = Mapping[str | bytes, bytes | None]


class Repository:
    """Writes texts as trees and asks git for the difference, as the pipeline does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--bare")

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        finished = subprocess.run(
            ["git", "-c", "core.quotePath=false", *arguments],
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            check=True,
        )
        return finished.stdout

    def tree(self, files: Files, modes: Mapping[str | bytes, str] | None = None) -> str:
        """The name of a tree of these files; None leaves one out."""
        index = self.folder / "index"
        index.unlink(missing_ok=True)
        entries = b""
        for path, content in files.items():
            if content is not None:
                mode = (modes or {}).get(path, "100644")
                name = self.git("hash-object", "-w", "--stdin", stdin=content).strip()
                raw = path if isinstance(path, bytes) else path.encode()
                entries += mode.encode() + b" " + name + b"\t" + raw + b"\0"
        self.git("update-index", "-z", "--index-info", stdin=entries)
        return self.git("write-tree").decode().strip()

    def commit(self, tree: str) -> str:
        """The name of a commit of this tree, to which `main` leads."""
        who = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org")
        name = self.git(*who, "commit-tree", tree, "-m", "Begin").decode().strip()
        self.git("update-ref", "refs/heads/main", name)
        return name

    def patch(self, base: str, tip: str) -> bytes:
        return self.git("diff-tree", "-r", "-p", "--binary", "--full-index", "-M", base, tip)

    def numstat(self, base: str, tip: str) -> dict[str, tuple[int, int] | None]:
        """Added and removed lines by path; None for binary files."""
        found: dict[str, tuple[int, int] | None] = {}
        fields = iter(self.git("diff-tree", "-r", "-z", "--numstat", "-M", base, tip).split(b"\0")[:-1])
        for record in fields:
            added, removed, path = record.split(b"\t", 2)
            if not path:
                next(fields)
                path = next(fields)
            found[shown(path)] = None if added == b"-" else (int(added), int(removed))
        return found

    def side(self, base: Files, result: Files) -> Side:
        """What a candidate did that turned `base` into `result`."""
        patch = self.patch(self.tree(base), self.tree(result))
        return Side(patch, {_name(path): content for path, content in result.items()})


def _name(path: str | bytes) -> str:
    return path if isinstance(path, str) else shown(path)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))
