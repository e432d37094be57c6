import io
import os
import time

import pytest

from tasks.git.command import GitFailed, OutputTooLarge, empty_repository, git, plain_value


def test_nothing_is_inherited(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "secret")
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    repository = empty_repository(tmp_path / "git")
    shown = git("-c", "alias.show-env=!env", "show-env", git_dir=repository).decode()

    assert "secret" not in shown
    assert "/somewhere" not in shown
    assert "HOME=/nonexistent" in shown
    assert "GIT_TERMINAL_PROMPT=0" in shown


def test_a_failure_is_the_line_that_says_why(tmp_path):
    with pytest.raises(GitFailed, match=r"^git rev-parse failed: Needed a single revision$"):
        git("rev-parse", "--verify", "nothing", git_dir=empty_repository(tmp_path / "git"))


def test_too_much_output_is_cut_off(tmp_path):
    repository = empty_repository(tmp_path / "git")

    with pytest.raises(OutputTooLarge, match="1,000 bytes"):
        git("-c", "alias.shout=!yes", "shout", git_dir=repository, output=1000)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    repository = empty_repository(tmp_path / "git")
    began = time.monotonic()

    with pytest.raises(GitFailed, match="did not finish within"):
        git("-c", "alias.hang=!echo $$ > pid; sleep 60", "hang", git_dir=repository, timeout=0.3)

    assert time.monotonic() - began < 10


def test_large_input_and_output_do_not_block_each_other(tmp_path):
    repository = empty_repository(tmp_path / "git")
    content = os.urandom(1000) * 2000

    name = git("hash-object", "-w", "--stdin", git_dir=repository, stdin=content).decode().strip()

    assert git("cat-file", "blob", name, git_dir=repository) == content


def test_input_that_nobody_reads_is_no_failure(tmp_path):
    assert git("--version", stdin=b"x" * 1_000_000).startswith(b"git version")


def test_a_file_can_be_the_input(tmp_path):
    repository = empty_repository(tmp_path / "git")
    (tmp_path / "input").write_bytes(b"hello\n")

    with (tmp_path / "input").open("rb") as stream:
        assert isinstance(stream, io.BufferedReader)
        name = git("hash-object", "--stdin", git_dir=repository, stdin=stream)

    assert name == b"ce013625030ba8dba906f756967f9e9ca394464a\n"


@pytest.mark.parametrize("value", ["", "-x", "--upload-pack=x", "a\nb", "a\0b", "a\x7f"])
def test_values_that_git_could_misread_are_refused(value):
    with pytest.raises(GitFailed, match="cannot be used as a branch"):
        plain_value(value, what="a branch")


def test_a_plain_value_is_given_back():
    assert plain_value("main", what="a branch") == "main"
