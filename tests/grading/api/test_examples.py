"""The examples of docs/api.md, run as they stand there against a real server; and many requests at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from grading import jobs
from grading.models import Export
from marlin import tokens
from marlin.models import Role, Scope, User
from marlin.sources import Seeded, using
from tests import factories
from tests.databases import ROOT
from tests.grading.api import stand_in_for_curl
from tests.grading.conftest import make_tasks
from tests.races import race
from tests.stack import Stack, eventually

WORDS = (ROOT / "docs" / "api.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", WORDS, re.MULTILINE | re.DOTALL)


@pytest.fixture
def rowan(committed: Stack, bells: list[object]) -> User:
    """Somebody whose experiment has three accepted preferences."""
    riley = factories.make_person("Riley", Role.RATER)
    for task in make_tasks(3):
        factories.make_assignment(riley, task, state="accepted")
    return factories.make_person("Rowan", Role.RESEARCHER)


@pytest.fixture
def run(committed: Stack, rowan: User, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a program that knows the server and a token, in a folder of its own."""
    _, secret = tokens.create(rowan, name="examples", scopes=list(Scope), days=7)
    stand_in_for_curl.install(tmp_path / "bin")
    environment = {
        "PATH": f"{os.environ['PATH']}:{tmp_path / 'bin'}",  # the real one, where there is one
        "MARLIN_URL": committed.url,
        "MARLIN_TOKEN": secret,
    }
    committed.start_web()

    def start(*command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)

    return start


def test_the_examples_of_the_documentation_do_what_they_say(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    every_record, an_export = examples("python")
    (curl,) = examples("sh")

    printed = _ended(run(sys.executable, "-c", every_record))
    exporting = run(sys.executable, "-c", an_export)
    eventually(lambda: Export.objects.exists() or exporting.poll() is not None)
    jobs.write_export(Export.objects.get().pk)
    told = _ended(exporting)
    pages = _ended(run("sh", "-euc", curl))

    records = [json.loads(line) for line in printed.splitlines()]
    assert [record["ratings"]["overall"] for record in records] == [2, 2, 2]
    assert "preferences.jsonl 3 rows" in told
    exported = [json.loads(line) for line in (tmp_path / "preferences.jsonl").read_text().splitlines()]
    assert [line["preference"] for line in exported] == [record["id"] for record in records]
    experiments, exports = pages.replace("}{", "}\n{").splitlines()
    assert len(json.loads(experiments)["items"]) == 1
    assert json.loads(exports)["items"][0]["state"] == "ready"


def _ended(process: subprocess.Popen[str]) -> str:
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed


def test_requests_at_the_same_moment_are_all_counted(committed: Stack, settings: object) -> None:
    settings.API_RATE = 5  # type: ignore[attr-defined]
    person = factories.make_person("Rowan", Role.RESEARCHER)
    token, _ = tokens.create(person, name="race", scopes=[Scope.RECORDS_READ], days=7)

    with using(Seeded("one minute")):
        ended = race(*[lambda: tokens.count(token)] * 12)

    assert Counter(type(each) for each in ended) == {type(None): 5, tokens.TooMany: 7}
