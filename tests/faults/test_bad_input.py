"""What people and imports get wrong, through the real worker: each ends with a sentence to act on."""

from __future__ import annotations

from tasks.models import AgentVersion, Repository
from tests import factories
from tests.faults import worlds
from tests.stack import Stack, eventually

NO_SUCH_COMMIT = "f" * 40
STALE_PATCH = """diff --git a/sums.py b/sums.py
--- a/sums.py
+++ b/sums.py
@@ -1,2 +1,2 @@
 def subtract(a, b):
-    return a - b
+    return b - a
"""


def test_bad_input_ends_with_a_sentence_and_harms_nobody(committed: Stack) -> None:
    stack = committed
    repository, commit = worlds.make_repository(stack.directory / "sums")
    failing, its_commit = worlds.make_repository(stack.directory / "failing", test_command="false")
    refused = Repository.objects.create(name="refused", url="ext::sh -c 'echo gone'")
    absent = Repository.objects.create(name="absent", url=str(stack.directory / "absent"))
    good = worlds.make_agent("echo fine > NEW.md; echo I added a file.")
    scenario = factories.make_scenario(repository=repository, base_commit=commit)
    stale = AgentVersion.objects.create(
        name="Stale",
        kind=AgentVersion.Kind.REPLAY,
        harness="replay",
        harness_version="1",
        model="stale",
        provider="Archive",
    )
    factories.record_output(stale, scenario, STALE_PATCH.encode())
    factories.make_experiment(scenarios=[scenario], versions=[stale, good.version])
    other = worlds.make_agent("echo fine > NEW.md; echo I added a file.")
    worlds.make_experiment(repository, NO_SUCH_COMMIT, [good, other])

    stack.start_worker()
    stack.start_beat()
    eventually(lambda: worlds.count(stack, "ready") == worlds.count(stack, "failed") == 1)
    eventually(lambda: _broken(stack, "tasks_repository") == 3)
    eventually(lambda: _broken(stack, "tasks_environment") == 2)

    assert "not a commit" in _environment(stack, repository, NO_SUCH_COMMIT)
    assert "The test command failed" in _environment(stack, failing, its_commit)
    assert "The test command failed" in _failure(stack, failing)
    assert _failure(stack, refused).endswith(".")
    assert "absent" in _failure(stack, absent)
    assert stack.query("SELECT failure FROM tasks_candidate WHERE state = 'failed'") == [("patch",)]
    assert "sums.py" in str(stack.value("SELECT sentence FROM tasks_run WHERE state = 'failed'"))
    # What cannot begin waits, and takes nobody's time.
    assert worlds.count(stack, "queued") == 2
    assert stack.value("SELECT count(*) FROM tasks_run") == 2
    worlds.assert_nothing_is_left(stack, [good, other])


def _broken(stack: Stack, table: str) -> object:
    return stack.value(f"SELECT count(*) FROM {table} WHERE state = 'broken'")


def _failure(stack: Stack, repository: Repository) -> str:
    return str(stack.value("SELECT failure FROM tasks_repository WHERE id = %s", repository.pk))


def _environment(stack: Stack, repository: Repository, commit: str) -> str:
    return str(
        stack.value(
            "SELECT failure FROM tasks_environment WHERE repository_id = %s AND base_commit = %s",
            repository.pk,
            commit,
        )
    )
