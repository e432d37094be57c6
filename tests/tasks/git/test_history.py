"""The history of a mirror: first parents, newest first, with the pull requests that were merged."""

from __future__ import annotations

import pytest

from tasks.git.history import history, merged_in
from tests import repositories


def test_the_commits_of_a_mirror_are_listed(tmp_path):
    repositories.provide_bare(tmp_path / "bare")

    (only,) = history(tmp_path / "bare")

    assert (only.name, only.parent, only.author) == (repositories.COMMIT, "", "Sam")
    assert only.subject == "Tell the height of the tide"
    assert only.committed_at.isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request #1234 from octocat/tides", 1234),
        ("Tell the tide (#77)", 77),
        ("Tell the tide", None),
        ("Revert #77", None),
    ],
)
def test_a_merged_pull_request_is_known_by_the_subject(subject, number):
    assert merged_in(subject) == number
