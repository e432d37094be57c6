"""The direction of imports holds, and breaking it is noticed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import ROOT

PACKAGES = ("marlin", "tasks", "grading")
DRAWERS = {"utils", "util", "helpers", "common", "services", "misc", "shared"}

#: A line that must not stand in a file, and the beginning of the contract it breaks.
PLANTED = [
    ("tasks/turns.py", "from grading.models import Assignment", "Work flows one way"),
    ("marlin/roles.py", "from tasks.models import Candidate", "Work flows one way"),
    ("grading/queue.py", "from tasks.git import patches", "Grading asks tasks"),
    ("grading/submission.py", "from tasks.jobs import generate_candidate", "Grading asks tasks"),
    ("tasks/models/task.py", "from tasks import turns", "Inside tasks"),
    ("tasks/generation/places.py", "from tasks import experiments", "Inside tasks"),
    ("grading/models/pair.py", "from grading import queue", "Inside grading"),
    ("grading/blinding.py", "from grading.export import records", "Inside grading"),
    ("grading/diffs/kinds.py", "import grading.models", "The workshop is plain Python"),
    ("grading/analysis/votes.py", "import django", "The workshop is plain Python"),
    ("tasks/git/worktrees.py", "from django.conf import settings", "The workshop is plain Python"),
    ("tasks/views/repositories.py", "from tasks import jobs", "Pages ring for jobs"),
    ("grading/reading.py", "import pygments", "Pages ring for jobs"),
]
CONTRACTS = sorted({contract for _, _, contract in PLANTED})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(tree)}
    # The linter reads the copy and runs none of it: its lines are not lines to count.
    environment.pop("COVERAGE_PROCESS_START", None)
    return subprocess.run([program, "--no-cache"], cwd=tree, env=environment, capture_output=True, text=True)


def plant(tree: Path, name: str, line: str) -> None:
    with (tree / name).open("a") as file:
        file.write(f"\n{line}\n")


@pytest.fixture(scope="module")
def planted(copy: Path) -> str:
    """What the linter says when every wrong import is planted at once."""
    for name, line, _ in PLANTED:
        plant(copy, name, line)
    found = lint(copy)
    assert found.returncode != 0
    return found.stdout


def test_the_contracts_are_kept(tmp_path):
    for package in PACKAGES:
        (tmp_path / package).symlink_to(ROOT / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    checked = lint(tmp_path)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_wrong_import_breaks_its_contract(planted, contract):
    verdicts = [line for line in planted.splitlines() if line.startswith(contract) and "BROKEN" in line]

    assert len(verdicts) == 1


@pytest.mark.parametrize(("name", "line", "contract"), PLANTED, ids=lambda value: value)
def test_a_wrong_import_is_named_with_its_file_and_line(planted, copy, name, line, contract):
    module = name.removesuffix(".py").replace("/", ".")
    number = (copy / name).read_text().splitlines().index(line) + 1
    _, _, report = planted.partition(f"\n{contract}")

    assert any(module in reported and f"(l.{number})" in reported for reported in report.splitlines()), (
        planted
    )


def test_a_new_module_must_say_where_it_stands(copy):
    (copy / "tasks" / "afterthought.py").write_text('"""Stands nowhere yet."""\n')

    assert "tasks.afterthought" in lint(copy).stdout


def test_a_web_process_loads_neither_strangers_code_nor_pygments():
    """What memory a page needs, and what a hole in a page could reach."""
    code = (
        "import sys, marlin.wsgi, django.urls\n"
        "django.urls.get_resolver().url_patterns\n"
        "import django.test.client\n"
        "print(*sorted(sys.modules))\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "marlin.settings", "MARLIN_PROCESS": "web"}

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()

    unwanted = ("pygments", "tasks.git", "tasks.sandbox", "tasks.agents", "tasks.generation", "tasks.jobs")
    assert "grading.views.compare" in loaded
    assert [name for name in loaded if name.startswith((*unwanted, "grading.jobs"))] == []


def test_there_is_no_drawer_for_leftovers():
    modules = {
        path.stem
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in ("", ".py")
    }

    assert modules & DRAWERS == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_begins_with_a_sentence(package):
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if path.read_text().strip()
        and "migrations" not in path.parts
        and "tidecache" not in path.parts
        and not path.read_text().startswith(('"""', "#!"))
    ]

    assert silent == []
