"""The worked example of docs/results.md says what it says."""

import doctest
import os

from tests.databases import ROOT


def test_the_worked_example_runs_as_it_stands(monkeypatch):
    monkeypatch.chdir(ROOT)

    outcome = doctest.testfile(os.fspath(ROOT / "docs/results.md"), module_relative=False)

    assert outcome.failed == 0
    assert outcome.attempted > 10
