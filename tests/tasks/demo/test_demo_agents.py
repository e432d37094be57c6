"""The two hands really work: on a real checkout, with the real suite, and without giving themselves away."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.demo.agents.agent import HANDS
from tasks.demo.content import AGENT_FOLDER, agent_versions, scenarios
from tasks.demo.repository import build, git

KINDS = {"say", "read", "search", "edit", "write", "run", "result", "error", "note"}
PAIRS = [(scenario.key, hand) for scenario in scenarios() for hand in HANDS]
FAILING = {("clock", "heron"): ["test_entries_survive_a_restart"]}


@dataclass(frozen=True)
class Session:
    """One run of the agent: where it worked and what it left."""

    worktree: Path
    code: int
    output: str
    transcript: str

    @property
    def steps(self) -> list[dict]:
        return [json.loads(line) for line in self.transcript.splitlines()]

    @property
    def files(self) -> list[str]:
        """Each file touched as "A path", "M path" or "R100 old new"."""
        return [line.replace("\t", " ") for line in self._diff("--name-status").splitlines()]

    @property
    def patch(self) -> str:
        return self._diff()

    @property
    def changed_lines(self) -> int:
        return sum(re.match(r"[+-](?![+-]{2} )", line) is not None for line in self.patch.splitlines())

    @property
    def added_lines(self) -> set[str]:
        return {line for line in self.patch.splitlines() if line.startswith("+") and len(line.split()) > 3}

    def _diff(self, *options: str) -> str:
        git(self.worktree, "add", "--all")
        return git(self.worktree, "diff", "--cached", "--find-renames", *options)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return build(tmp_path_factory.mktemp("demo") / "tidecache")


@pytest.fixture(scope="module")
def sessions(repository, tmp_path_factory):
    """Every hand at every scenario, worked once for all tests."""
    return {
        (scenario.key, hand): work(
            tmp_path_factory.mktemp("session"),
            repository,
            repository.commits[scenario.base],
            hand,
            scenario.prompt,
        )
        for scenario in scenarios()
        for hand in HANDS
    }


def work(folder, repository, base, hand, prompt):
    worktree, prompt_file, transcript = (
        folder / "workspace",
        folder / "prompt.md",
        folder / "transcript.jsonl",
    )
    git(folder, "clone", "--quiet", "--no-checkout", str(repository.path), str(worktree))
    git(worktree, "checkout", "--quiet", base)
    prompt_file.write_text(prompt, encoding="utf-8")
    files = ["--prompt-file", str(prompt_file), "--transcript", str(transcript)]
    finished = subprocess.run(
        [sys.executable, "-I", str(AGENT_FOLDER / "agent.py"), "--hand", hand, *files],
        cwd=worktree,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Session(
        worktree, finished.returncode, finished.stdout + finished.stderr, transcript.read_text("utf-8")
    )


def failures(worktree):
    suite = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=worktree, capture_output=True, encoding="utf-8", check=False
    )
    assert "\nRan " in suite.stderr
    return re.findall(r"^(?:FAIL|ERROR): (\w+)", suite.stderr, re.MULTILINE)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_work_is_finished(sessions, pair):
    assert sessions[pair].code == 0, sessions[pair].output


@pytest.mark.parametrize("pair", PAIRS)
def test_a_patch_has_a_size_that_can_be_read(sessions, pair):
    assert 3 <= len(sessions[pair].files) <= 12
    assert 30 <= sessions[pair].changed_lines <= 170


@pytest.mark.parametrize("pair", PAIRS)
def test_a_transcript_has_ten_steps_of_known_kinds_and_ends_with_words(sessions, pair):
    steps = sessions[pair].steps

    assert len([step for step in steps if step["kind"] != "result"]) >= 10
    assert {step["kind"] for step in steps} <= KINDS
    assert all(step["text"] for step in steps)
    assert steps[-1]["kind"] == "say"
    assert 2 <= len(re.findall(r"[.!?](?:\s|$)", steps[-1]["text"])) <= 5


@pytest.mark.parametrize("pair", PAIRS)
def test_runs_are_real_and_say_how_they_ended(sessions, pair):
    runs = [step for step in sessions[pair].steps if step["kind"] == "run"]

    assert any("unittest" in step["text"] for step in runs)
    assert all(isinstance(step["exit"], int) for step in runs)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_suite_passes_except_where_a_failure_is_promised(sessions, pair):
    assert failures(sessions[pair].worktree) == FAILING.get(pair, [])


@pytest.mark.parametrize("pair", PAIRS)
def test_nothing_names_who_did_it(sessions, pair):
    session = sessions[pair]
    everything = (session.patch + session.transcript + session.output).lower()
    names = {
        word.lower()
        for agent in agent_versions()
        for word in (
            *HANDS,
            agent.name,
            agent.harness,
            agent.model,
            agent.provider,
            "claude",
            "codex",
            "gpt",
            "gemini",
        )
    }

    assert [name for name in names if name in everything] == []
    assert "co-authored-by" not in everything


@pytest.mark.parametrize("pair", PAIRS)
def test_a_transcript_tells_neither_the_time_nor_how_long_things_took(sessions, pair):
    said = "\n".join(
        step["text"] for step in sessions[pair].steps if step["kind"] in {"say", "run", "result", "note"}
    )

    assert not re.search(r"\d+\.\d+ ?s\b|\d{4}-\d\d-\d\d|\b\d\d:\d\d\b", said)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_same_work_twice_gives_the_same_bytes(sessions, repository, tmp_path, pair):
    key, hand = pair
    scenario = next(scenario for scenario in scenarios() if scenario.key == key)

    again = work(tmp_path, repository, repository.commits[scenario.base], hand, scenario.prompt)

    assert again.patch == sessions[pair].patch
    assert again.transcript == sessions[pair].transcript


@pytest.mark.parametrize("key", [scenario.key for scenario in scenarios()])
def test_the_two_sides_differ(sessions, key):
    assert sessions[key, "kestrel"].files != sessions[key, "heron"].files


def test_one_side_renames_a_file(sessions):
    assert any(file.startswith("R") for file in sessions["clock", "kestrel"].files)


def test_one_side_claims_more_than_it_did(sessions):
    assert "All tests pass" in sessions["clock", "heron"].steps[-1]["text"]
    assert failures(sessions["clock", "heron"].worktree)


def test_one_side_leaves_a_stray_file(sessions):
    assert "A scratch_check.py" in sessions["load", "kestrel"].files


def test_one_side_hides_an_invisible_character(sessions):
    assert [pair for pair in PAIRS if "\u200b" in sessions[pair].patch] == [("load", "heron")]


def test_one_side_alone_writes_documentation(sessions):
    assert "M docs/usage.md" in sessions["load", "heron"].files
    assert "M docs/usage.md" not in sessions["load", "kestrel"].files


def test_some_lines_are_the_same_on_both_sides(sessions):
    assert sessions["clock", "kestrel"].added_lines & sessions["clock", "heron"].added_lines


def test_an_unknown_prompt_is_declined_and_nothing_is_changed(repository, tmp_path):
    base = repository.commits["10-release-0.3"]

    session = work(tmp_path, repository, base, "heron", "Translate the README into French.")

    assert session.code == 1
    assert [step["kind"] for step in session.steps] == ["error"]
    assert session.files == []


def test_text_that_is_not_there_stops_the_work_with_its_place(repository, tmp_path):
    bug_fix = next(scenario for scenario in scenarios() if scenario.key == "clock")

    # The oldest commit has no lifetimes yet, so the first file the fix needs is missing.
    session = work(tmp_path, repository, repository.commits["01-bounded"], "kestrel", bug_fix.prompt)

    assert session.code == 1
    assert session.steps[-1]["kind"] == "error"
    assert "snapshot.py cannot be read" in session.steps[-1]["text"]
