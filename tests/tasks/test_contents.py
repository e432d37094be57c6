"""What a pair changed, read from git for those who compare it."""

import pytest

from tasks.contents import Contents, contents_of
from tasks.generation import places
from tasks.git.command import GitFailed
from tasks.models import Candidate
from tests import factories, repositories


@pytest.fixture
def candidate(db: None, bells: list[tuple[object, ...]]) -> Candidate:
    return factories.make_task().turns.get().candidates.first()


def test_the_files_of_a_patch_are_given_whole_before_and_after(candidate):
    patch = (
        b"diff --git a/tide.py b/tide.py\n--- a/tide.py\n+++ b/tide.py\n"
        b"@@ -1,2 +1,2 @@\n def height(hour):\n-    return hour % 12\n+    return hour % 24\n"
    )
    factories.finish_candidate(candidate, patch=patch)

    contents = contents_of(candidate)

    before = repositories.FILES["tide.py"].encode()
    assert contents == Contents(patch, {"tide.py": before}, {"tide.py": before.replace(b"12", b"24")})


def test_a_file_that_was_added_had_no_text_before(candidate):
    factories.finish_candidate(candidate)

    contents = contents_of(candidate)

    assert contents.base == {"README.md": None}
    assert contents.results == {"README.md": b"hello\n"}


def test_an_empty_patch_needs_no_repository(candidate):
    places.mirror_of(candidate.turn.task.scenario.repository).rename(
        places.mirror_of(candidate.turn.task.scenario.repository).with_suffix(".gone")
    )
    factories.finish_candidate(candidate, patch=b"", files=[])

    assert contents_of(candidate) == Contents(b"", {}, {})


def test_a_repository_that_is_not_to_be_had_is_said(candidate):
    mirror = places.mirror_of(candidate.turn.task.scenario.repository)
    mirror.rename(mirror.with_suffix(".gone"))
    factories.finish_candidate(candidate)

    with pytest.raises(GitFailed):
        contents_of(candidate)


def test_what_was_set_apart_is_given_with_its_rule(candidate):
    beside = {"dist/x.js": "1", "reproduce.py": "print(1)"}
    factories.finish_candidate(candidate, beside=beside)

    contents = contents_of(candidate)

    assert contents.patch == factories.PATCH + factories.added(beside)
    assert contents.apart == {"dist/x.js": "build output", "reproduce.py": "scratch"}
    assert contents.results == {
        "README.md": b"hello\n",
        "dist/x.js": b"1\n",
        "reproduce.py": b"print(1)\n",
    }
