"""The job that makes one candidate: a real agent in the real sandbox, on a real repository."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

import tasks.jobs
from marlin.states import WrongState
from tasks import turns
from tasks.generation import pipeline, places, stuck
from tasks.models import (
    AgentVersion,
    Candidate,
    Environment,
    Failure,
    RecordedOutput,
    Reference,
    Repository,
    Run,
    RunLog,
    Task,
)
from tests import factories, repositories

MIB = 2**20
WRITES_A_FILE = "echo hello > README.md; echo I added a file."


@dataclass
class Work:
    """A task whose two candidates wait: one by the agent under test, one by an honest one."""

    task: Task
    tested: Candidate
    honest: Candidate

    def generate(self, candidate: Candidate | None = None) -> Candidate:
        chosen = candidate or self.tested
        tasks.jobs.generate_candidate(chosen.pk)
        chosen.refresh_from_db()
        return chosen

    @property
    def run(self) -> Run:
        return self.tested.runs.latest("pk")

    def record(self, patch: bytes, transcript: str = "") -> None:
        """What the version under test replays for this scenario."""
        RecordedOutput.objects.update(patch=patch, transcript=transcript.encode())


Given = Callable[..., Work]


@pytest.fixture
def given(db: None, bells: list[tuple[object, ...]]) -> Given:
    def make(script: str = WRITES_A_FILE, *, grades_failures: bool = False, **version: object) -> Work:
        fields = {"settings": {"argv": ["/bin/sh", "-c", script]}} | version
        tested = factories.make_agent_version(**fields)
        honest = factories.make_agent_version(settings={"argv": ["/bin/sh", "-c", WRITES_A_FILE]})
        repository = factories.make_repository(test_command=repositories.TEST_COMMAND, test_seconds=60)
        experiment = factories.make_experiment(
            scenarios=[factories.make_scenario(repository=repository)],
            versions=[tested, honest],
            grades_failures=grades_failures,
        )
        if tested.kind == AgentVersion.Kind.REPLAY:
            factories.record_output(tested, experiment.scenarios.get())
        task = factories.make_task(experiment)
        candidates = {
            candidate.origin.agent_version_id: candidate
            for candidate in Candidate.objects.filter(turn__task=task)
        }
        return Work(task, candidates[tested.pk], candidates[honest.pk])

    return make


def left_behind() -> list[Path]:
    return [path for name in ("runs", "locks") for path in (settings.WORK_AREA / name).iterdir()]


def pair_is_shown(work: Work) -> bool:
    return list(turns.offered().values_list("pk", flat=True)) == [work.tested.turn_id]


def test_an_agent_that_works_leaves_patch_transcript_and_evidence(given):
    work = given()

    candidate = work.generate()

    assert candidate.state == "ready"
    assert bytes(candidate.patch) == factories.PATCH
    assert candidate.tree == factories.TREE
    assert candidate.files == factories.FILES
    assert [(step["kind"], step["text"]) for step in candidate.transcript] == [("say", "I added a file.")]
    assert candidate.final_message == "I added a file."
    assert (candidate.evidence["passed"], candidate.evidence["failed"]) == (1, 0)
    assert work.run.state == "succeeded"
    assert work.run.exit_code == 0
    assert bytes(RunLog.objects.get(run=work.run).stdout) == b"I added a file.\n"


def test_the_prompt_reaches_the_agent_and_the_files_are_those_of_the_base_commit(given):
    work = given("cat $HOME/prompt.md; ls")

    candidate = work.generate()

    assert candidate.turn.prompt in candidate.final_message
    assert "tide.py" in candidate.final_message


def test_an_agent_works_and_is_tested_where_set_up_has_run(given):
    work = given("cat made $HOME/kept; echo 'import made_too' >> tide.py")
    repository = work.task.scenario.repository
    repository.setup_command = "echo of set-up | tee made > $HOME/kept; echo > made_too.py"
    repository.save(update_fields=["setup_command"])

    candidate = work.generate()

    assert candidate.final_message == "of set-up\nof set-up"
    assert [file["path"] for file in candidate.files] == ["tide.py"]
    assert (candidate.evidence["passed"], candidate.evidence["failed"]) == (1, 0)


def test_a_side_made_under_another_recipe_has_both_made_anew(given, bells):
    work = given()
    work.generate(work.honest)
    Repository.objects.update(test_command="true")

    work.generate()

    work.honest.refresh_from_db()
    assert (work.tested.state, work.honest.state) == ("cancelled", "ready")
    anew = work.tested.turn.candidates.filter(attempt=2)
    assert {one.state for one in anew} == {"queued"}
    assert {one.origin.agent_version_id for one in anew} == {
        one.origin.agent_version_id for one in (work.tested, work.honest)
    }
    assert set(bells) >= {("tasks.jobs.generate_candidate", one.pk) for one in anew}


def test_what_is_no_work_is_neither_graded_nor_tested_and_is_kept(given):
    work = given("mkdir dist; echo 1 > dist/x.js; echo 'raise SystemExit' > test_fix_1.py; echo 1 > moon.py")

    candidate = work.generate()

    assert [file["path"] for file in candidate.files] == ["moon.py"]
    assert candidate.set_apart == [
        {"rule": "build output", "files": 1, "paths": ["dist/x.js"]},
        {"rule": "scratch", "files": 1, "paths": ["test_fix_1.py"]},
    ]
    assert (candidate.evidence["passed"], candidate.evidence["failed"]) == (1, 0)
    assert b"test_fix_1.py" in bytes(work.run.whole_patch)
    assert b"test_fix_1.py" not in bytes(candidate.patch)


def test_what_is_set_apart_names_nobody_either(given):
    work = given("echo made by codex > NOTES.md; echo 1 > moon.py")

    candidate = work.generate()

    assert candidate.is_held
    assert list(candidate.scrub_hits.values_list("path", "line", "text")) == [
        ("NOTES.md", 1, "made by codex")
    ]


def test_a_set_up_that_fails_now_is_no_failure_of_the_agent(given):
    work = given()
    Repository.objects.update(setup_command="echo index is down; exit 1")

    candidate = work.generate()

    assert candidate.state == "queued"
    assert work.run.sentence == "The set-up command failed."


def test_an_agent_that_breaks_a_test_is_ready_and_its_evidence_says_so(given):
    work = given("echo 'def height(hour): return 0' > tide.py; echo Done.")

    candidate = work.generate()

    assert candidate.state == "ready"
    assert candidate.evidence["failed"] == 1
    assert "test_rises" in candidate.evidence["failures"][0]


REPORTS = (
    "python3 - <<'EOF'\n"
    "import pathlib, sys\n"
    "cases = ['<testcase classname=\"t\" name=\"%s\"/>' % p.name for p in sorted(pathlib.Path('.').glob('test_*'))]\n"
    "pathlib.Path('out').mkdir(exist_ok=True)\n"
    "pathlib.Path('out/report.xml').write_text('<testsuite>%s</testsuite>' % ''.join(cases))\n"
    "EOF"
)
HIDDEN = """diff --git a/test_hidden.py b/test_hidden.py
new file mode 100644
--- /dev/null
+++ b/test_hidden.py
@@ -0,0 +1 @@
+pass
"""
FORGES = (
    "mkdir -p out; echo '<testsuite><testcase name=\"forged\"/></testsuite>' > out/report.xml;"
    "mkdir test_hidden.py; echo 1 > test_hidden.py/mine; echo Done."
)


def test_reports_checks_and_hidden_tests_are_evidence_and_a_forged_report_is_none(given):
    work = given(FORGES)
    scenario = work.task.scenario
    Repository.objects.filter(pk=scenario.repository_id).update(
        test_command=REPORTS,
        report_path="out/*.xml",
        check_commands="lint: ls tide.py\nbuild: echo no; exit 1",
    )
    Reference.objects.create(scenario=scenario, test_patch=HIDDEN)

    found = work.generate().evidence

    assert (found["passed"], found["failed"]) == (2, 0)  # test_tide.py and the agent's own folder
    assert found["checks"] == [
        {"name": "lint", "passed": True, "log": "tide.py"},
        {"name": "build", "passed": False, "log": "no"},
    ]
    # On a copy of its own, and over whatever stood in its place.
    assert (found["hidden"]["ran"], found["hidden"]["passed"]) == (True, 2)


def test_hidden_tests_that_fit_nowhere_are_told_and_cost_nobody_anything(given):
    work = given()
    changed = "diff --git a/gone.py b/gone.py\n--- a/gone.py\n+++ b/gone.py\n@@ -1 +1 @@\n-not there\n+pass\n"
    Reference.objects.create(scenario=work.task.scenario, test_patch=changed)

    candidate = work.generate()

    assert candidate.state == "ready"
    assert candidate.evidence["hidden"]["sentence"].startswith("Hidden tests not run")


def test_an_agent_that_only_answers_is_ready_with_an_empty_patch(given):
    work = given("echo Which tide do you mean?")

    candidate = work.generate()

    assert candidate.state == "ready"
    assert bytes(candidate.patch) == b""
    assert candidate.final_message == "Which tide do you mean?"


@pytest.mark.parametrize(
    ("script", "limits", "failure", "sentence"),
    [
        ("true", {}, Failure.NOTHING, "changed nothing and said nothing"),
        ("echo It broke. >&2; exit 1", {}, Failure.EXIT, "exit code 1. It said: It broke."),
        ("exec /no/such/program", {}, Failure.EXIT, "exit code 127"),
        ("while true; do :; done", {"wall": 1}, Failure.TIME, "used up its time of 1 seconds"),
        ("sleep 1000", {"idle": 0.5}, Failure.IDLE, "neither printed nor worked for 0.5 seconds"),
        (
            "exec head -c 1G /dev/zero > big",
            {"file_size": 8 * MIB},
            Failure.EXIT,
            "ended with exit code",
        ),
        (
            "for i in $(seq 256); do head -c 4M /dev/zero > big$i; done; sleep 1000",
            {"disk": 16 * MIB, "idle": 20},
            Failure.LIMIT,
            "wrote more than 16,777,216 bytes",
        ),
        ("yes", {"output": MIB}, Failure.LIMIT, "printed more than 1,048,576 bytes"),
    ],
    ids=["says nothing", "exits 1", "is not there", "loops", "hangs", "one large file", "1 GB", "babbles"],
)
def test_an_agent_that_fails_leaves_blind_words_and_a_telling_sentence(
    given, script, limits, failure, sentence
):
    work = given(script, limits=limits)

    failed = work.generate()
    other = work.generate(work.honest)

    assert (failed.state, failed.failure) == ("failed", failure)
    assert bytes(failed.patch) == b""
    assert work.run.state == "failed"
    assert sentence in work.run.sentence
    assert other.state == "ready"
    assert bytes(other.patch) == factories.PATCH
    assert left_behind() == []


def test_a_recorded_patch_is_replayed(given):
    work = given(kind=AgentVersion.Kind.REPLAY)
    work.record(factories.PATCH, '{"kind": "say", "text": "I added a file."}')

    candidate = work.generate()

    assert candidate.state == "ready"
    assert bytes(candidate.patch) == factories.PATCH
    assert candidate.final_message == "I added a file."
    assert candidate.evidence["passed"] == 1


def test_an_output_that_is_gone_is_our_failure(given):
    work = given(kind=AgentVersion.Kind.REPLAY)
    RecordedOutput.objects.all().delete()

    with override_settings(RUN_ATTEMPTS=1):
        candidate = work.generate()

    assert (candidate.state, candidate.failure) == ("failed", Failure.MACHINE)
    assert "has no recorded output for" in work.run.sentence


def test_a_recorded_patch_that_does_not_apply_harms_nobody_else(given):
    stale = factories.PATCH.replace(b"new file mode 100644\n", b"").replace(b"/dev/null", b"a/README.md")
    stale = stale.replace(b"@@ -0,0 +1 @@", b"@@ -1 +1,2 @@\n goodbye")
    work = given(kind=AgentVersion.Kind.REPLAY)
    work.record(stale)

    failed = work.generate()

    assert (failed.state, failed.failure) == ("failed", Failure.PATCH)
    assert work.run.sentence.startswith("The patch does not apply:")
    assert work.generate(work.honest).state == "ready"


def test_names_of_agents_are_masked_in_what_they_say(given):
    step = '{{"kind": "KIND", "text": "I am QUILLBACK.", "path": ".quillback/notes.md"}}'
    steps = [step.replace("KIND", kind) for kind in ("read", "say")]
    work = given(f"printf '%s\\n' '{steps[0]}' '{steps[1]}' > $HOME/transcript.jsonl", name="Quillback")

    candidate = work.generate()

    assert candidate.final_message == "I am [name]."
    assert [step["path"] for step in candidate.transcript] == [".[name]/notes.md"] * 2


def test_names_of_agents_are_masked_in_what_their_tests_print(given):
    test = "import unittest\\nclass OwnTest(unittest.TestCase):\\n    def test_it(self): self.fail('Quillback')\\n"
    work = given(f'printf "{test}" > test_own.py; echo done', name="Quillback")

    candidate = work.generate()

    assert candidate.evidence["failed"] == 1
    assert "[name]" in candidate.evidence["log"]
    assert "Quillback" not in str(candidate.evidence)


def test_ringing_twice_makes_one_run(given):
    work = given()
    work.generate()

    again = work.generate()

    assert again.state == "ready"
    assert work.tested.runs.count() == 1


def test_a_candidate_that_another_worker_took_is_left_alone(given, monkeypatch):
    work = given()
    monkeypatch.setattr(Candidate, "start", taken)

    candidate = work.generate()

    assert candidate.state == "queued"
    assert not candidate.runs.exists()


def taken(candidate: Candidate, *, token: str) -> None:
    raise WrongState("Another worker was faster.")


def test_while_the_experiment_is_paused_candidates_wait(given, ada):
    work = given()
    work.task.experiment.pause(by=ada)

    assert work.generate().state == "queued"
    assert stuck.ring_again() == 0

    work.task.experiment.resume(by=ada)
    assert work.generate().state == "ready"


def test_until_the_environment_is_proven_candidates_wait(given):
    work = given()
    Environment.objects.update(state="baseline")

    assert work.generate().state == "queued"
    assert stuck.ring_again() == 0


def test_when_the_task_is_withdrawn_nothing_is_generated(given, ada):
    work = given()
    work.task.withdraw(by=ada, why="The scenario gives the answer away.")

    assert work.generate().state == "queued"


def test_a_pair_is_shown_when_both_sides_are_final(given):
    work = given()
    assert not pair_is_shown(work)

    work.generate()
    assert not pair_is_shown(work)

    work.generate(work.honest)
    assert pair_is_shown(work)


@pytest.mark.parametrize("graded", [True, False])
def test_a_failed_side_is_shown_where_failures_are_graded(given, graded):
    work = given("exit 1", grades_failures=graded)
    work.generate()
    work.generate(work.honest)

    assert pair_is_shown(work) is graded


def test_a_failure_of_ours_is_never_held_against_the_agent(given, monkeypatch):
    work = given(grades_failures=True)
    repository = work.task.scenario.repository
    places.mirror_of(repository).rename(places.mirror_of(repository).with_suffix(".gone"))

    states = []
    for _ in range(settings.RUN_ATTEMPTS):
        states.append(work.generate().state)
        Run.objects.update(retry_at=None)  # the pause is over

    assert states == ["queued"] * (settings.RUN_ATTEMPTS - 1) + ["failed"]
    assert work.tested.failure == Failure.MACHINE
    assert not pair_is_shown(work)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ({"kind": "command", "settings": {"argv": []}}, "must be a list of texts"),
        ({"kind": "command", "settings": {"argv": ["true"], "colour": "red"}}, "has no setting “colour”"),
        ({"kind": "telepathy", "settings": {}}, "is not a kind of agent"),
        ({"directory": "/no/such/agent"}, "is not on this machine: /no/such/agent"),
        ({"limits": {"patience": 3}}, "There is no limit called “patience”."),
    ],
    ids=["no command", "unknown setting", "unknown kind", "no directory", "unknown limit"],
)
def test_an_agent_that_is_set_up_wrongly_is_our_failure_with_a_sentence(given, version, sentence):
    work = given(**version)

    with override_settings(RUN_ATTEMPTS=1):
        candidate = work.generate()

    assert (candidate.state, candidate.failure) == ("failed", Failure.MACHINE)
    assert sentence in work.run.sentence


@pytest.mark.parametrize("mode", [0o644, 0o600], ids=["all may read", "we alone may read"])
def test_an_agents_own_directory_is_shown_to_it_read_only(given, reachable, mode):
    (reachable / "agent").mkdir()
    (reachable / "agent" / "work.sh").write_text("echo hello > README.md; echo I added a file.\n")
    (reachable / "agent" / "work.sh").chmod(mode)
    work = given(
        settings={"argv": ["/bin/sh", "-c", "sh {agent}/work.sh; touch {agent}/mine || exit 0; exit 9"]},
        directory=str(reachable / "agent"),
    )

    candidate = work.generate()

    assert candidate.state == "ready"
    assert bytes(candidate.patch) == factories.PATCH
    assert os.listdir(reachable / "agent") == ["work.sh"]


def test_root_copies_an_agent_only_if_its_user_could_not_read_it(db, reachable, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    program = reachable / "agent" / "inner" / "program"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    version = factories.make_agent_version(directory=str(reachable / "agent"))
    copied = []
    for mode, folder_mode in ((0o755, 0o755), (0o644, 0o755), (0o744, 0o755), (0o700, 0o755), (0o755, 0o700)):
        program.chmod(mode)
        program.parent.chmod(folder_mode)
        place = reachable / f"{mode:o}-{folder_mode:o}"
        place.mkdir()
        copied.append(pipeline.installed(version, place) != reachable / "agent")

    assert copied == [False, False, True, True, True]
    assert (place / "agent" / "inner").stat().st_mode & 0o777 == 0o755


def test_a_bug_of_ours_is_told_and_raised(given, monkeypatch):
    work = given()

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "generate", broken)
    with pytest.raises(ZeroDivisionError):
        tasks.jobs.generate_candidate(work.tested.pk)

    work.tested.refresh_from_db()
    assert work.tested.state == "queued"
    assert work.run.sentence.startswith("Our own code failed")


@pytest.mark.parametrize("script", [WRITES_A_FILE, "exit 1"], ids=["that finished", "that failed"])
def test_a_worker_that_was_taken_for_dead_writes_nothing(given, monkeypatch, script):
    work = given(script)
    generate = pipeline.generate

    def slow(*args: object, **kwargs: object) -> pipeline.Product:
        Run.objects.update(lease_until="2026-01-01T00:00:00Z")
        assert stuck.requeue_silent_runs() == 1
        return generate(*args, **kwargs)

    monkeypatch.setattr(pipeline, "generate", slow)

    candidate = work.generate()

    assert candidate.state == "queued"
    assert bytes(candidate.patch) == b""
    assert (work.run.state, work.run.sentence) == ("lost", "The worker went silent.")
    assert not RunLog.objects.exists()


def test_work_that_was_cancelled_ends_quietly(given, monkeypatch):
    work = given("sleep 1000")
    generate = pipeline.generate

    def cancelled(*args: object, **kwargs: object) -> pipeline.Product:
        return generate(*args, **{**kwargs, "cancelled": lambda: True})

    monkeypatch.setattr(pipeline, "generate", cancelled)

    assert work.generate().state == "running"  # the sweep, or whoever cancelled it, has the last word
    assert left_behind() == []


def test_a_beat_that_finds_the_run_ended_says_the_lease_is_lost(given):
    work = given()
    run = factories.start_run(work.tested)
    assert tasks.jobs._renew(run)

    run.end(Run.State.LOST, sentence="The worker went silent.")

    assert not tasks.jobs._renew(run)
