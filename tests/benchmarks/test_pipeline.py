"""What the pipeline adds to a bare command on a repository of 5,000 files, and what a flood costs the worker."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.git import mirrors, patches, templates, worktrees
from tasks.sandbox.base import MIB, Command, Limits
from tasks.sandbox.bubblewrap import Bubblewrap
from tests import repositories
from tests.benchmarks.contestants.asking import peak
from tests.benchmarks.report import QUICK, Report, median, rounds

FILES = 500 if QUICK else 5_000
DELAY = 1.0 if QUICK else 5.0  # seconds that a scripted model thinks
SLOTS = 2 if QUICK else 8
STRANGER = 61_000
SHORT = Limits(wall=120, idle=None)


@pytest.fixture
def area() -> Iterator[Path]:
    """Where another user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="marlin-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    worktrees.remove(folder)


def box(number: int = 0) -> Bubblewrap:
    return Bubblewrap(uid=STRANGER + number if os.getuid() == 0 else None)


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_overhead(report: Report, area: Path) -> None:
    commit = repositories.write_origin(
        area / "origin", {f"src/part{n % 50}/file{n}.py": f"VALUE = {n}\n" * 20 for n in range(FILES)}
    )
    cold = seconds(lambda: mirrors.mirror(str(area / "origin"), area / "mirror.git", allow_local=True))
    made = seconds(lambda: mirrors.base_only(area / "mirror.git", commit, area / "base.git"))
    agent = ("/bin/sh", "-c", "echo 'NEW = 1' >> src/part1/file1.py; echo 'MORE = 1' > new.py")
    template, prepared = set_up(area, commit)
    parts: dict[str, list[float]] = {name: [] for name in ("copy", "run", "collect", "fresh copy")}
    wholes, bares = [], []
    fresh = area / "fresh"
    for _ in range(rounds(5)):
        began = time.perf_counter()
        with template.worktree(area / "base.git", commit, area / "worktree") as tree:
            parts["copy"].append(time.perf_counter() - began)
            parts["run"].append(seconds(lambda tree=tree: box().run(Command(agent, {}, tree), SHORT)))
            collected = time.perf_counter()
            taken = patches.take(tree, area / "base.git", commit, left=template.left, scratch=area)
            parts["collect"].append(time.perf_counter() - collected)
        fresh.mkdir()
        parts["fresh copy"].append(
            seconds(
                lambda p=taken.patch: patches.materialise(
                    area / "base.git", commit, p, fresh, template=template, scratch=area
                )
            )
        )
        wholes.append(time.perf_counter() - began)
        bares.append(seconds(lambda: subprocess.run(agent, cwd=fresh, check=True)))
        worktrees.remove(fresh)
    report.figure("the mirror, cold", cold, "s")
    report.figure("the base, cold", made, "s")
    report.figure("the template, cold", prepared, "s")
    for name, found in parts.items():
        report.figure(name, median(found), "s", at_most={"collect": 1, "run": 0.5}.get(name))
    report.figure("all of it", median(wholes) - median(bares), "s", at_most=2.5)
    report.note(
        f"{FILES:,} files, medians of {rounds(5)}; all of it less the bare command ({median(bares):.3f} s)."
    )


def set_up(area: Path, commit: str) -> tuple[templates.Template, float]:
    """A set-up command that leaves some files beside those of the commit."""
    script = f"mkdir modules; i=0; while [ $i -lt {FILES // 10} ]; do echo $i > modules/$i; i=$((i+1)); done"
    (area / "home").mkdir()
    began = time.perf_counter()
    with worktrees.worktree(area / "base.git", commit, area / "prepared") as files:
        done = box().run(Command(("/bin/sh", "-c", script), {}, files), SHORT)
        assert done.succeeded
        made, _ = templates.seal(files, area / "home", area / "base.git", commit, area / "template")
    return made, time.perf_counter() - began


def test_slots(report: Report, area: Path) -> None:
    def work(number: int) -> None:
        folder = area / f"slot{number}"
        folder.mkdir(exist_ok=True)
        box(number).run(Command(("sleep", str(DELAY)), {}, folder), SHORT)

    one = seconds(lambda: work(0))
    threads = [threading.Thread(target=work, args=(number,)) for number in range(SLOTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = time.perf_counter() - began
    report.figure(f"{SLOTS} slots beside one", SLOTS * one / together, "", at_least=0.9 * SLOTS)
    report.note(f"A scripted delay of {DELAY:.0f} s instead of thirty.")


def test_flood(report: Report, area: Path) -> None:
    folder = area / "flood"
    folder.mkdir()
    limits = Limits(wall=300, idle=None, file_size=2_000 * MIB, disk=3_000 * MIB, output=200 * MIB)
    script = "head -c 1000000000 /dev/zero > big; head -c 64000000 /dev/zero | tr '\\0' x"
    took = seconds(lambda: box().run(Command(("/bin/sh", "-c", script), {}, folder), limits))
    report.figure("memory of the worker at its highest", peak() / 2**20, "MB", at_most=300)
    report.note(f"1 GB written and 64 MB printed, {took:.1f} s.")
