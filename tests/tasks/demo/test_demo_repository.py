"""The demo repository is honest: the same ids everywhere, and a suite that passes where work begins."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks.demo.content import scenarios
from tasks.demo.repository import build, git, history


def test_building_twice_gives_the_same_commits(tmp_path):
    first, second = build(tmp_path / "first"), build(tmp_path / "second")

    assert first.commits == second.commits
    assert len(set(first.commits.values())) == len(history()) >= 8


def test_the_configuration_of_the_machine_changes_nothing(tmp_path, monkeypatch):
    plain = build(tmp_path / "plain")
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Somebody\n[core]\n\tautocrlf = true\n[commit]\n\tgpgsign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert build(tmp_path / "configured").commits == plain.commits


def test_main_is_checked_out_clean_at_the_newest_commit(tmp_path):
    repository = build(tmp_path / "tidecache")

    assert git(repository.path, "rev-parse", "main").strip() == list(repository.commits.values())[-1]
    assert git(repository.path, "status", "--porcelain") == ""


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter one")

    with pytest.raises(FileExistsError):
        build(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("base", sorted({scenario.base for scenario in scenarios()}))
def test_the_suite_passes_where_work_begins(tmp_path, base):
    repository = build(tmp_path / "tidecache")
    git(repository.path, "checkout", "--quiet", repository.commits[base])

    suite = subprocess.run(
        [sys.executable, "-m", "unittest"],
        cwd=repository.path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert suite.returncode == 0, suite.stderr
    assert int(suite.stderr.split("Ran ")[1].split()[0]) >= 25
