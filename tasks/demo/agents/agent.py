"""A scripted coding agent: knows three pieces of work by heart, and really does them in the current folder.

It stands alone (Python 3.9, standard library): a sandbox sees this folder and nothing else of Marlin.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

RECIPES = Path(__file__).resolve().parent / "recipes"
HANDS = ("kestrel", "heron")

# A phrase of the opening prompt tells which work is asked for.
PHRASES = {
    "clock": "clock is set back",
    "load": "load a missing value",
    "policies": "adding an eviction policy",
}


class Stuck(Exception):
    """The work cannot go on as planned; the sentence says why."""


class Desk:
    """Where an agent works: each method does one thing in the worktree and writes it into the transcript."""

    def __init__(self, worktree: Path, transcript: TextIO) -> None:
        self._worktree = worktree
        self._transcript = transcript

    def say(self, text: str) -> None:
        """Tell the reader something; the last one is the final message."""
        self._step("say", text.strip())

    def note(self, text: str) -> None:
        self._step("note", text)

    def error(self, text: str) -> None:
        self._step("error", text)

    def read(self, path: str) -> str:
        """Open a file and return what it holds."""
        content = self._content(path)
        self._step("read", f"{len(content.splitlines())} lines", path=path)
        return content

    def search(self, words: str) -> None:
        """Look for exact words in every text file that is not hidden."""
        self._step("search", words)
        found = list(self._places(words))
        self._step("result", "\n".join(found) or "nothing found")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the one place where `old` stands; Stuck when there is none, or more than one."""
        before = self._content(path)
        places = before.count(old)
        if places != 1:
            raise Stuck(
                f"{path} holds the text to replace {places} times, expected once: {old.strip()[:60]!r}"
            )
        after = before.replace(old, new)
        self._file(path).write_text(after, encoding="utf-8")
        self._step("edit", changed_lines(before, after), path=path)

    def write(self, path: str, content: str) -> None:
        """Write a file that is not there yet."""
        if self._file(path).exists():
            raise Stuck(f"{path} is there already")
        self._file(path).parent.mkdir(parents=True, exist_ok=True)
        self._file(path).write_text(content, encoding="utf-8")
        self._step("write", content, path=path)

    def run(self, command: str, expect: int = 0) -> None:
        """Run a command, without a shell; Stuck when it ends otherwise than the plan says."""
        finished = subprocess.run(
            shlex.split(command),
            cwd=self._worktree,
            # Bytecode is not part of the work, whatever the repository ignores.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        self._step("run", command, code=finished.returncode)
        output = timeless(finished.stdout).replace(f"{self._worktree}/", "").strip()
        self._step("result", output or "no output", code=finished.returncode)
        if finished.returncode != expect:
            raise Stuck(f"`{command}` ended with {finished.returncode}, expected {expect}")

    def _places(self, words: str) -> Iterator[str]:
        for file in sorted(self._worktree.rglob("*")):
            path = file.relative_to(self._worktree)
            if (
                any(part.startswith(".") or part == "__pycache__" for part in path.parts)
                or not file.is_file()
            ):
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if words in line:
                    yield f"{path}:{number}: {line.strip()}"

    def _content(self, path: str) -> str:
        try:
            return self._file(path).read_text(encoding="utf-8")
        except OSError as error:
            raise Stuck(f"{path} cannot be read: {error.strerror}") from error

    def _file(self, path: str) -> Path:
        return self._worktree / path

    def _step(self, kind: str, text: str, path: str | None = None, code: int | None = None) -> None:
        step: dict[str, str | int] = {"kind": kind, "text": text}
        if path is not None:
            step["path"] = path
        if code is not None:
            step["exit"] = code
        # Flushed line by line, so that a run that is killed leaves the steps it made.
        print(json.dumps(step, ensure_ascii=False), file=self._transcript, flush=True)
        print(f"{kind}: {path or text.splitlines()[0]}", flush=True)


def changed_lines(before: str, after: str) -> str:
    """The difference as unified diff lines, without the header."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "\n".join(list(lines)[2:])


def timeless(output: str) -> str:
    """Output of a test run without how long it took: speed would tell the sides apart."""
    return re.sub(r" in \d+\.\d+s", "", output)


def recognise(prompt: str) -> str:
    """The work a prompt asks for; Stuck when it is none that is known."""
    words = " ".join(prompt.lower().split())
    for name, phrase in PHRASES.items():
        if phrase in words:
            return name
    raise Stuck("I do not know how to do what this prompt asks for, so I have changed nothing.")


def main() -> int:
    options = parser().parse_args()
    prompt = options.prompt_file.read_text(encoding="utf-8")
    with options.transcript.open("w", encoding="utf-8") as transcript:
        desk = Desk(Path.cwd(), transcript)
        try:
            recipe = RECIPES / f"{recognise(prompt)}_{options.hand}.py"
            runpy.run_path(str(recipe))["work"](desk)
        except Stuck as why:
            desk.error(str(why))
            print(why, file=sys.stderr)
            return 1
    return 0


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hand", choices=HANDS, required=True, help="whose way of working")
    options.add_argument("--prompt-file", type=Path, required=True)
    options.add_argument(
        "--transcript", type=Path, required=True, help="where the steps go, one JSON object a line"
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
