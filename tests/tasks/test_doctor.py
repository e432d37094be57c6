"""An agent version is looked over before it is trusted with work."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tasks import versions
from tasks.generation import doctor
from tasks.models import AgentVersion
from tests import factories

PROGRAM = (
    '#!/bin/sh\ntest "$1" = --version && echo "tool v1.2.3 (x)" || { echo tide > marlin.txt; echo I did.; }\n'
)


@pytest.fixture
def version(db: None, tmp_path_factory: pytest.TempPathFactory) -> AgentVersion:
    directory = tmp_path_factory.mktemp("tool")
    (directory / "tool").write_text(PROGRAM)
    (directory / "tool").chmod(0o755)
    settings = {"argv": ["{agent}/tool"], "probe": ["{agent}/tool", "--version"], "version": "1.2.3"}
    settings["known_as"] = ["Tide Tool"]
    return factories.make_agent_version(directory=str(directory), settings=settings)


def findings(version: AgentVersion) -> dict[str, tuple[bool | None, str]]:
    return {finding.what: (finding.well, finding.sentence) for finding in doctor.examine(version)}


def test_a_version_that_is_there_and_answers_is_well(version, capsys):
    call_command("doctor_agent", version.name)

    told = capsys.readouterr().out
    assert "It is 1.2.3, as pinned." in told
    assert "left marlin.txt, and answered" in told
    assert "BAD" not in told


@pytest.mark.parametrize(
    ("settings", "what", "sentence"),
    [
        ({"argv": ["{agent}/other"]}, "program", "is not in"),
        (
            {"argv": ["{agent}/tool"], "probe": ["{agent}/tool", "--version"], "version": "1.2.4"},
            "version",
            "should be 1.2.4",
        ),
        (
            {"argv": ["{agent}/tool"], "probe": ["false"], "version": "1"},
            "version",
            "did not tell its version",
        ),
        ({"argv": ["sh", "-c", "echo Broken. >&2; exit 4"]}, "prompt", "It said: Broken."),
        ({"argv": ["{oops}"]}, "settings", "is not a placeholder"),
    ],
)
def test_what_is_wrong_is_told_and_ends_the_examination(version, settings, what, sentence):
    version.settings = settings

    found = findings(version)

    assert list(found)[-1] == what
    assert found[what][0] is False
    assert sentence in found[what][1]


def test_without_a_provider_no_prompt_is_tried(version):
    version.settings = {"argv": ["{agent}/tool"], "dialect": "anthropic"}

    assert findings(version)["prompt"] == (None, doctor.NO_PROVIDER)


def test_a_directory_that_is_not_here_is_told(version):
    version.directory = "/nowhere"

    assert findings(version)["machine"] == (
        False,
        f"The directory of {version.name} is not on this machine: /nowhere",
    )


def test_a_version_is_added_from_a_preset_with_its_settings(db):
    call_command(
        *("add_agent", "Reader 2", "--preset", "codex", "--model", "reader-2", "--provider", "Readers"),
        *("--directory", "/opt/reader", "--pin", "0.200.0", "--prices", '{"input": "1.5"}'),
    )

    version = AgentVersion.objects.get(name="Reader 2")
    assert (version.harness, version.harness_version, version.model) == ("codex", "0.200.0", "reader-2")
    assert version.settings["version"] == "0.200.0"
    assert version.settings["parser"] == "codex-jsonl"
    assert version.prices == {"input": "1.5"}
    with pytest.raises(CommandError, match="called “Reader 2” already"):
        call_command(
            "add_agent", "Reader 2", *("--preset=command", "--model=x", "--provider=y", "--directory=/x")
        )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"preset": "abacus"}, "preset"),
        ({"model": " "}, "model"),
        ({"directory": ""}, "directory"),
        ({"directory": "here"}, "directory"),
        ({"prices": {"input": "free"}}, "prices"),
        ({"prices": {"input": "NaN"}}, "prices"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(db, fields, field):
    given = {
        "preset": "codex",
        "name": "x",
        "model": "m",
        "provider": "p",
        "directory": str(Path("/opt/x")),
    } | fields

    with pytest.raises(versions.Refused) as refused:
        versions.add(given.pop("preset"), **given)

    assert refused.value.field == field
