"""The demo's scenarios, agent versions and people say what the rest of Marlin expects of them."""

from __future__ import annotations

import re

import pytest

from tasks.demo.agents.agent import HANDS, recognise
from tasks.demo.content import AGENT_FOLDER, AGENT_MOUNT, agent_versions, people, scenarios
from tasks.demo.repository import history

BY_KEY = {scenario.key: scenario for scenario in scenarios()}


def test_there_is_a_feature_a_bug_fix_and_a_refactoring():
    assert {scenario.category for scenario in scenarios()} == {"new feature", "bug fix", "refactoring"}


@pytest.mark.parametrize("key", BY_KEY)
def test_a_write_up_is_complete(key):
    empty = [field for field, value in vars(BY_KEY[key]).items() if not value]

    assert empty == []


@pytest.mark.parametrize("key", BY_KEY)
def test_a_prompt_is_one_a_reviewer_would_let_through(key):
    prompt = BY_KEY[key].prompt

    assert 80 <= len(prompt.split()) <= 200
    assert not re.search(r"pull request|you are an?\b|\bPR\b", prompt, re.IGNORECASE)


@pytest.mark.parametrize("key", BY_KEY)
def test_the_agent_recognises_a_scenario_by_its_prompt(key):
    assert recognise(BY_KEY[key].prompt) == key


@pytest.mark.parametrize("key", BY_KEY)
def test_the_base_is_a_commit_of_the_history(key):
    assert BY_KEY[key].base in {step.key for step in history()}


def test_each_agent_version_starts_the_mounted_script_with_its_own_hand():
    commands = [agent.argv for agent in agent_versions()]

    assert [argv[argv.index("--hand") + 1] for argv in commands] == list(HANDS)
    for argv in commands:
        assert (AGENT_FOLDER / argv[1].removeprefix(f"{AGENT_MOUNT}/")).is_file()
        assert {"{prompt_file}", "{transcript}"} <= set(argv)


def test_every_role_has_a_person_and_sam_has_none():
    roles = {person.name: person.roles for person in people()}

    assert {role for held in roles.values() for role in held} == {"rater", "reviewer", "admin", "researcher"}
    assert roles["Sam"] == ()
