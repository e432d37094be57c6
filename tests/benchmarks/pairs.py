"""Pairs of patches to measure with: made by a seed from real source text, of three releases, or of the corpus."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import django

from tasks.git import patches
from tests import repositories
from tests.benchmarks.report import PLACE, ROOT

#: (files, lines) to ask the maker for so that git counts about 10 files with 400 changed lines a side, 100 with
#: 10,000, 800 with 100,000: some files only one side touches, and some lines come out as they were.
MADE = {"typical": (11, 620), "large": (106, 16_000), "huge": (850, 172_000)}
SEED = 20_260_101
#: Three releases of one package: base, A, B. MARLIN_BENCH_RELEASES names others.
RELEASES = "celery 5.0.5 5.2.7 5.4.0"

ENDINGS = (".py", ".js", ".css", ".html", ".txt")
WORD = re.compile(r"[A-Za-z_]\w{2,}")
Lines = list[str]


@dataclass(frozen=True)
class Files:
    """The texts of a pair as the engine takes them."""

    patch: bytes
    base: dict[str, bytes | None]
    results: dict[str, bytes | None]


@dataclass(frozen=True)
class Pair:
    """Three trees in one repository on disk. `sides` are the canonical patches against `commit`."""

    name: str
    origin: Path
    commit: str
    sides: tuple[bytes, bytes]

    def files(self, side: int) -> Files:
        """What a job reads of one side, by the same code."""
        patch = self.sides[side]
        changed = patches.changed_files(self.origin / ".git", self.commit, patch)
        return Files(
            patch,
            {file.old_path or file.path: file.base for file in changed},
            {file.path: file.result for file in changed},
        )

    def told(self) -> str:
        """Size and fingerprint: figures can be compared between runs whose fingerprints are the same."""
        counts = [_numstat(self.origin, patch) for patch in self.sides]
        sizes = "; ".join(
            f"{letter}: {files} files, +{added:,} −{removed:,}"
            for letter, (files, added, removed) in zip("AB", counts, strict=True)
        )
        return f"{self.name} ({sizes}; {hashlib.sha256(b''.join(self.sides)).hexdigest()[:8]})"


def made(name: str, folder: Path) -> Pair:
    """One of MADE, below a folder of its own. The same for the same release of Python and Django."""
    files, lines = MADE[name]
    return store(name, Maker(random.Random(f"{SEED} {name}"), files, lines).trees(), folder)


def store(name: str, trees: Sequence[dict[str, bytes]], folder: Path) -> Pair:
    """Base, A and B as a repository with one commit, and the patches as git writes them."""
    base, *results = trees
    folder.mkdir(parents=True)
    for path, content in base.items():
        _write(folder / path, content)
    commit = repositories.write_origin(folder, {})
    sides = []
    for result in results:
        for path in {*base, *result}:
            if base.get(path) != result.get(path):
                _write(folder / path, result.get(path))
        _git(folder, "add", "--all")
        options = ("--cached", "--binary", "--full-index", *patches.CANONICAL)
        sides.append(_git(folder, "diff", *options, commit))
        _git(folder, "reset", "--quiet", "--hard", commit)
    return Pair(name, folder, commit, (sides[0], sides[1]))


# --- Made from real text -----------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """One file in the making: the base, and what each side makes of it; None where the file is not."""

    base: Lines | None
    sides: list[Lines | None] = field(default_factory=list)


class Maker:
    """Edits real files as programmers do: words renamed, blocks added, taken away, moved, now alike and now not."""

    def __init__(self, chance: random.Random, files: int, lines: int) -> None:
        self.chance = chance
        self.files = files
        self.lines = lines
        self.texts = list(_texts())
        chance.shuffle(self.texts)
        self._donors = count()

    def trees(self) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
        """Base, A, B: the touched files and as many again that nobody touches."""
        weights = [self.chance.lognormvariate(0, 1.0) for _ in range(self.files)]
        scale = self.lines / sum(weights)
        drafts: dict[str, _Draft] = {}
        for number, weight in enumerate(weights):
            path, text = self._source(number)
            drafts[path] = self._draft(text, max(1, round(weight * scale)))
        for number in range(self.files, 2 * self.files):
            path, text = self._source(number)
            drafts[path] = _Draft(text, [text, text])
        trees = [{path: draft.base for path, draft in drafts.items()}]
        trees += [{path: draft.sides[side] for path, draft in drafts.items()} for side in (0, 1)]
        base, left, right = (
            {path: "".join(text).encode() for path, text in tree.items() if text is not None}
            for tree in trees
        )
        return base, left, right

    def _source(self, number: int) -> tuple[str, Lines]:
        path, text = self.texts[number % len(self.texts)]
        again = number // len(self.texts)
        return (f"copies{again}/{path}" if again else path), text

    def _draft(self, text: Lines, budget: int) -> _Draft:
        fate = self.chance.random()
        if fate < 0.12:  # a new file, much the same on both sides
            new = self._borrowed(budget)
            return _Draft(None, [new, self._renamed(new, 0.1)])
        if fate < 0.16 and len(text) <= 3 * budget:
            return _Draft(text, [None, None if self.chance.random() < 0.6 else text])
        left, right = self._edited(text, budget)
        touched = self.chance.random()
        return _Draft(text, [text if touched < 0.06 else left, text if touched > 0.94 else right])

    def _edited(self, text: Lines, budget: int) -> tuple[Lines, Lines]:
        """Two versions of a text, each with about this many changed lines."""
        places = max(1, min(budget // 6, len(text) // 8))
        chosen = sorted(self.chance.sample(range(len(text)), min(places, len(text))))
        share = max(2, budget // max(1, len(chosen)))
        left, right, at = Lines(), Lines(), 0
        for place in chosen:
            if place < at:
                continue
            left += text[at:place]
            right += text[at:place]
            at, one, other = self._change(text, place, max(1, round(share * self.chance.uniform(0.4, 1.6))))
            left += one
            right += other
        return left + text[at:], right + text[at:]

    def _change(self, text: Lines, place: int, size: int) -> tuple[int, Lines, Lines]:
        """Where the changed lines end in the text, and what stands for them on either side."""
        kind = self.chance.choices(("words", "added", "removed", "moved"), (5, 4, 2, 1))[0]
        if kind == "added":
            one, end = self._borrowed(size), place
        elif kind == "removed":
            one, end = [], min(place + size, len(text))
        elif kind == "moved" and place + size + 4 <= len(text):
            half = max(2, size // 2)
            end = min(place + half + 4, len(text))
            one = text[place + half : end] + text[place : place + half]
        else:
            end = min(place + max(1, size // 2), len(text))
            one = self._renamed(text[place:end], 1.0)
        before = text[place:end]
        alike = self.chance.random()
        if alike < 0.45:
            other = one
        elif alike < 0.7:
            other = self._renamed(one or before, 0.4)
        elif alike < 0.85:
            other = before
        else:
            other = self._borrowed(size)
        return (end, one, other) if self.chance.random() < 0.5 else (end, other, one)

    def _borrowed(self, size: int) -> Lines:
        """So many lines from elsewhere, of several files when they are many."""
        lines = Lines()
        while len(lines) < size:
            _, text = self.texts[-1 - next(self._donors) % len(self.texts)]
            start = self.chance.randrange(max(1, len(text) - 400))
            lines += text[start : start + size - len(lines)]
        return lines

    def _renamed(self, lines: Lines, share: float) -> Lines:
        """The lines with one or two other words in this share of them."""
        return [self._with_other_words(line) if self.chance.random() < share else line for line in lines]

    def _with_other_words(self, line: str) -> str:
        words = WORD.findall(line)
        if not words:
            return "\n" if line.strip() else "# " + line
        for word in self.chance.sample(words, min(len(words), self.chance.choice((1, 1, 2)))):
            line = line.replace(word, word[::-1].lower() if self.chance.random() < 0.3 else f"{word}_now", 1)
        return line


@cache
def _texts() -> tuple[tuple[str, Lines], ...]:
    """Source files that every checkout has: Python's own library, and what Django sends to browsers."""
    roots = [("lib", Path(sysconfig.get_paths()["stdlib"])), ("django", Path(django.__file__).parent)]
    found = []
    for name, root in roots:
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            if path.suffix in ENDINGS and not {"site-packages", "__pycache__", "locale"} & {*inside.parts}:
                text = _read(path)
                if 60 <= len(text) <= 900:
                    found.append((f"{name}/{inside.as_posix()}", text))
    return tuple(found)


def _read(path: Path) -> Lines:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    # Minified and generated texts are a subject of their own.
    return text.splitlines(keepends=True) if max(map(len, text.splitlines()), default=0) < 400 else []


# --- Three releases of one package ---------------------------------------------------------------------------------


def released(folder: Path) -> Pair | str:
    """Base, A and B are three releases that pip fetches; a sentence when they are not to be had."""
    named = os.environ.get("MARLIN_BENCH_RELEASES", RELEASES)
    package, *versions = named.split()
    if len(versions) != 3:
        return f"MARLIN_BENCH_RELEASES is {named!r}: a package and three versions are wanted."
    try:
        trees = [_tree(_wheel(package, version)) for version in versions]
    except (OSError, subprocess.SubprocessError):
        return f"{named}: pip could not fetch these releases, so no real pair of that kind was measured."
    return store(named.replace(" ", "-"), trees, folder)


def _wheel(package: str, version: str) -> Path:
    """Wheels, because nothing of them has to be run to be unpacked."""
    place = PLACE / "releases" / f"{package}-{version}"
    if not (found := list(place.glob("*.whl"))):
        options = ("--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(place))
        command = [sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        found = list(place.glob("*.whl"))
    return found[0]


def _tree(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")]
        return {name: archive.read(name) for name in names}


# --- The corpus ------------------------------------------------------------------------------------------------------


CORPUS = Path(os.environ.get("MARLIN_CORPUS") or ROOT.parent / "shared" / "corpus")


def corpus() -> Iterator[tuple[str, bytes, bytes]]:
    """(instance, patch, patch) of each instance that two agents worked on; nothing where there is no corpus.

    The files at the base commit are not part of it.
    """
    try:
        one, other = (_predictions(CORPUS / f"predictions-{number}.jsonl") for number in (1, 2))
    except OSError:
        return
    for instance in sorted(one.keys() & other.keys()):
        yield instance, one[instance], other[instance]


WITHOUT_CORPUS = (
    "There is no corpus (MARLIN_CORPUS names its folder): patches of real agents were not measured."
)


def _predictions(place: Path) -> dict[str, bytes]:
    rows = [json.loads(line) for line in place.read_text().splitlines() if line.strip()]
    return {row["instance_id"]: (row["model_patch"] or "").encode() for row in rows}


# --- Git -------------------------------------------------------------------------------------------------------------


def _write(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **repositories.FIXED}
    command = ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    return subprocess.run(command, input=stdin, check=True, capture_output=True, env=environment).stdout


def _numstat(folder: Path, patch: bytes) -> tuple[int, int, int]:
    """Files, lines added and removed, as git counts them."""
    rows = [line.split(b"\t") for line in _git(folder, "apply", "--numstat", "-", stdin=patch).splitlines()]
    added, removed = (sum(int(row[at]) for row in rows if row[at] != b"-") for at in (0, 1))
    return len(rows), added, removed
