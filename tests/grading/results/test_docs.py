"""The examples of docs/results.md say what they say."""

import doctest
import os
import shlex
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tasks import experiments
from tasks.management.commands.seed_demo import seed
from tasks.models import Repository, Scenario
from tests import factories, repositories
from tests.databases import ROOT

PROMPT = "    $ python manage.py "


def test_the_worked_example_runs_as_it_stands(monkeypatch):
    monkeypatch.chdir(ROOT)

    outcome = doctest.testfile(os.fspath(ROOT / "docs/results.md"), module_relative=False)

    assert outcome.failed == 0
    assert outcome.attempted > 10


@pytest.fixture
def demo(db, bells):
    """As after a minute of `make run`, with shorter patches for a smaller repository."""
    experiment = seed()
    Repository.objects.update(state="usable")
    repositories.provide_mirror(Repository.objects.get())
    Scenario.objects.update(base_commit=repositories.COMMIT)
    for scenario in experiment.scenarios.all():
        factories.prove_environment(scenario)
    experiments.open_tasks()
    for task in experiment.tasks.all():
        turn = task.turns.get()
        for candidate in turn.candidates.all():
            factories.finish_candidate(candidate)
        factories.render(turn)
    return experiment


def test_the_demo_becomes_the_figures_that_the_page_shows(demo, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told = list(told_commands())

    for command, expected in told:
        said = StringIO()
        call_command(*shlex.split(command), stdout=said)
        assert doctest.OutputChecker().check_output(expected, said.getvalue(), doctest.ELLIPSIS), (
            said.getvalue()
        )

    assert len(told) == 4


def told_commands():
    """Each command of the page with what it says, to the next command or the end of the block."""
    lines = (ROOT / "docs/results.md").read_text().splitlines()
    begins = [at for at, line in enumerate(lines) if line.startswith(PROMPT)]
    for begin in begins:
        said = []
        for line in lines[begin + 1 :]:
            if line.startswith(PROMPT) or not line.startswith("    "):
                break
            said.append(line.removeprefix("    ").replace("…", "..."))
        yield lines[begin].removeprefix(PROMPT), "\n".join([*said, ""])


def test_without_a_demo_there_is_nothing_to_rate(db):
    with pytest.raises(CommandError, match="There is no demo here"):
        call_command("rate_demo")
