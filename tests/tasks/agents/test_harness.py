"""An agent as data: what can be wrong with it is told in one sentence, and each shipped one is right."""

import os
import tarfile
from io import BytesIO

import pytest

from tasks.agents.base import AgentMisconfigured, Memory
from tasks.agents.harness import harness_from
from tasks.agents.parsers import PARSERS
from tasks.agents.state import StateTooLarge, pack, unpack
from tasks.presets import presets

NATIVE = {
    "argv": ["x"],
    "history": "native",
    "resume": ["x", "{session}"],
    "state": [".x"],
    "parser": "claude-stream-json",
}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "needs “argv”"),
        ({"argv": []}, "must be a list of texts, the program first"),
        ({"argv": "x -y"}, "must be a list of texts, the program first"),
        ({"argv": ["x", "{prmpt}"]}, "“{prmpt}” is not a placeholder"),
        ({"argv": ["x", "a{b"]}, "a literal brace is written twice"),
        ({"argv": ["x"], "shell": True}, "no setting “shell”"),
        ({"argv": ["x"], "env": {"1A": "x"}}, "“1A” is not a name for an environment variable"),
        ({"argv": ["x"], "env": {"A": 1}}, "The environment variable A must be a text"),
        ({"argv": ["x"], "stdin": 3}, "“stdin” must be a text"),
        ({"argv": ["x"], "parser": "yaml"}, "no parser called “yaml”"),
        ({"argv": ["x"], "dialect": "klingon"}, "no dialect called “klingon”"),
        ({"argv": ["x"], "files": {"/etc/x": ""}}, "must be a path below the agent's home"),
        ({"argv": ["x"], "state": ["../x"]}, "must be a path below the agent's home"),
        ({"argv": ["x"], "state": "x"}, "“state” must be a list of texts"),
        ({"argv": ["x"], "log": "/x"}, "must be a path below the agent's home"),
        ({"argv": ["x"], "version": "1"}, "A pinned version needs “probe”"),
        ({"argv": ["x", "{session}"]}, "{session} belongs into “resume”"),
        (NATIVE | {"resume": []}, "needs “resume”"),
        (NATIVE | {"resume": ["x"]}, "must say {session}"),
        (NATIVE | {"state": []}, "needs “state”"),
        (NATIVE | {"parser": "plain"}, "needs a parser that finds its session"),
        (NATIVE | {"history": "magic"}, "no history called “magic”"),
    ],
)
def test_a_fault_in_the_settings_has_one_sentence(settings, why):
    with pytest.raises(AgentMisconfigured) as refused:
        harness_from(settings)

    assert why in str(refused.value)


def test_every_shipped_preset_is_right_and_says_what_it_lacks():
    shipped = presets()

    assert set(shipped) == {
        *("claude-code", "codex", "opencode", "gemini-cli", "mini-swe-agent", "aider", "command", "replay"),
    }
    for preset in shipped.values():
        if preset.kind == "replay":
            continue
        harness = harness_from(preset.settings)
        assert preset.lacks or preset.name == "claude-code"
        if preset.name != "command":
            assert harness.version
            assert harness.dialect
            assert harness.parser in PARSERS
            assert preset.version in preset.install.replace("VERSION", preset.version)
    assert {name for name, preset in shipped.items() if preset.settings.get("history")} == {
        "claude-code",
        "codex",
        "gemini-cli",
    }


def test_what_an_agent_remembers_is_packed_the_same_way_each_time(tmp_path):
    (tmp_path / "a/.x/deep").mkdir(parents=True)
    (tmp_path / "a/.x/deep/session").write_text("one")
    (tmp_path / "a/.x/first").write_text("two")
    (tmp_path / "a/.x/link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "a/.x/pipe")
    (tmp_path / "a/elsewhere").write_text("not mine")

    packed = pack(tmp_path / "a", [".x", ".x/first", ".missing"])

    unpack(packed, tmp_path / "b")
    (tmp_path / "b/.x/first").touch()
    assert sorted(
        str(path.relative_to(tmp_path / "b")) for path in (tmp_path / "b").rglob("*") if path.is_file()
    ) == [
        ".x/deep/session",
        ".x/first",
    ]
    assert pack(tmp_path / "b", [".x"]) == packed


def test_a_folder_of_state_that_became_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("key")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.x").symlink_to(tmp_path / "secret")

    assert b"key" not in pack(tmp_path / "home", [".x", ".x/key"])


def test_too_much_to_remember_is_refused(tmp_path):
    (tmp_path / ".x").write_bytes(b"x" * 100)

    with pytest.raises(StateTooLarge):
        pack(tmp_path, [".x"], most=99)


@pytest.mark.parametrize("name", ["../outside", "/outside"])
def test_an_archive_of_somebody_else_does_not_leave_the_home(tmp_path, name):
    strange = BytesIO()
    with tarfile.open(fileobj=strange, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))

    with pytest.raises(tarfile.TarError):
        unpack(strange.getvalue(), tmp_path)


def test_memory_is_not_printed_with_its_files():
    assert "secret" not in repr(Memory("s", b"secret"))
