# ruff: noqa: E501  the scripts read better whole
"""What every agent promises, and what is particular to each."""

import os
import shutil
from dataclasses import replace

import pytest

from tasks.agents.base import AgentFailed, AgentJob, AgentMisconfigured, AgentResult
from tasks.agents.command import CommandAgent, read_back
from tasks.agents.registry import agent_for
from tasks.agents.replay import ReplayAgent
from tasks.agents.transcripts import Step, as_json
from tasks.git import patches
from tasks.sandbox.base import MIB, Limits, SandboxUnusable
from tasks.sandbox.local import LocalSandbox

STEPS = (
    Step("read", "def height", path="tide.py"),
    Step("run", "pytest", exit=0),
    Step("say", "The tide has 24 hours."),
)
EDIT = "sed -i 's/12/24/' tide.py"
PATCH = b"--- a/tide.py\n+++ b/tide.py\n@@ -1,3 +1,3 @@\n def height(hour):\n-    return hour % 12\n+    return hour % 24\n \n"


class ScriptedAgent:
    """Stands in for a real agent in other tests; kept honest by the tests here."""

    def run(self, job, sandbox, *, cancelled=lambda: False, on_output=None):
        if cancelled():
            raise AgentFailed("cancelled", "The scripted agent was cancelled.")
        path = job.worktree / "tide.py"
        path.write_text(path.read_text().replace("12", "24"))
        return AgentResult(STEPS, STEPS[-1].text)


@pytest.fixture
def job(worktree, reachable):
    (reachable / "home").mkdir()

    def job(prompt="Please fix the tides.", agent_dir=None, **limits):
        return AgentJob(prompt, worktree, reachable / "home", agent_dir, Limits(**{"wall": 30, **limits}))

    return job


def shell(script, **env):
    return CommandAgent(["/bin/sh", "-c", script, "sh", "{transcript}", "{prompt_file}"], env)


@pytest.fixture(params=["scripted", "replay", "command"])
def agent(request):
    if request.param == "scripted":
        return ScriptedAgent()
    if request.param == "replay":
        return agent_for("replay", {"patch": PATCH.decode(), "transcript": as_json(STEPS).decode()})
    lines = as_json(STEPS).decode()
    argv = ["/bin/sh", "-c", f'{EDIT}; printf %s "$2" > "$1"', "sh", "{transcript}"]
    return agent_for("command", {"argv": [*argv, lines.replace("{", "{{").replace("}", "}}")]})


def test_an_agent_leaves_a_change_and_tells_its_steps(agent, job, sandbox, base, commit, worktree):
    result = agent.run(job(), sandbox)

    patch = patches.take(worktree, base, commit).patch if result.patch is None else result.patch
    assert [file.path for file in patches.apply(base, commit, patch).files] == ["tide.py"]
    assert b"+    return hour % 24" in patch
    assert result.steps == STEPS
    assert result.final_message == "The tide has 24 hours."


def test_an_agent_can_be_cancelled(agent, job, sandbox):
    if isinstance(agent, CommandAgent):
        agent = shell("sleep 60")

    with pytest.raises(AgentFailed) as failed:
        agent.run(job(), sandbox, cancelled=lambda: True)

    assert failed.value.kind == "cancelled"


def test_the_prompt_is_found_in_its_file(job, sandbox):
    prompt = "Zeile 1\n'\"$(touch x){prompt}\\ ü" + "x" * 200_000

    assert shell('cat "$2"').run(job(prompt), sandbox).finished.stdout.decode() == prompt


def test_placeholders_are_filled_once(job, sandbox, reachable):
    (reachable / "agent").mkdir()
    argv = [
        "printf",
        "%s\n",
        "{prompt}",
        "{prompt_file}",
        "{worktree}",
        "{transcript}",
        "{home}",
        "{agent}",
        "{{x}}",
    ]

    result = CommandAgent(argv, {"A": "{home}/a"}).run(job("a {home} b", reachable / "agent"), sandbox)

    assert result.finished.stdout.decode().splitlines() == [
        "a {home} b",
        "/home/dev/prompt.md",
        "/workspace",
        "/home/dev/transcript.jsonl",
        "/home/dev",
        "/opt/agent",
        "{x}",
    ]


def test_without_a_sandbox_the_real_paths_are_filled_in(job):
    finished = (
        CommandAgent(["cat", "{prompt_file}"])
        .run(job("Hello"), LocalSandbox(i_know_this_is_unsafe=True))
        .finished
    )

    assert finished.stdout == b"Hello"


def test_the_agents_own_files_are_read_only(job, sandbox, reachable):
    (reachable / "agent").mkdir()
    (reachable / "agent" / "tool").write_text("#!/bin/sh\ntouch /opt/agent/mine || echo refused\n")
    (reachable / "agent" / "tool").chmod(0o755)

    result = CommandAgent(["{agent}/tool"]).run(job(agent_dir=reachable / "agent"), sandbox)

    assert result.final_message == "refused"
    assert not (reachable / "agent" / "mine").exists()


def test_what_was_printed_counts_where_no_transcript_is(job, sandbox):
    result = shell("echo I did it").run(job(), sandbox)

    assert result.steps == (Step("say", "I did it"),)
    assert result.final_message == "I did it"


def test_saying_nothing_is_no_step(job, sandbox):
    assert shell("true").run(job(), sandbox).steps == ()


@pytest.mark.parametrize(
    ("script", "limits", "kind"),
    [
        ("echo broken >&2; exit 1", {}, "exit"),
        ("sleep 60", {"wall": 0.5}, "time"),
        ("sleep 60", {"idle": 0.5}, "idle"),
        ("yes", {"output": MIB}, "output"),
        ("head -c 30000000 /dev/zero > a", {"disk": MIB}, "disk"),
        ("for i in $(seq 30); do sleep 60 & done; wait", {"processes": 20}, "processes"),
        (
            "exec python3 -c 'import time; x = bytearray(200 * 2**20); time.sleep(60)'",
            {"memory": 100 * MIB},
            "memory",
        ),
    ],
)
def test_a_failure_has_a_blind_kind_and_a_sentence(job, sandbox, script, limits, kind):
    with pytest.raises(AgentFailed, match=r"^/bin/sh .+") as failed:
        shell(script).run(job(**limits), sandbox)

    assert failed.value.kind == kind
    assert failed.value.finished is not None


def test_the_sentence_quotes_what_it_said(job, sandbox):
    with pytest.raises(AgentFailed, match=r"exit code 3\. It said: no key"):
        shell("echo no key >&2; exit 3").run(job(), sandbox)
    with pytest.raises(AgentFailed, match=r"exit code 3\. It said nothing"):
        shell("exit 3").run(job(), sandbox)


def test_a_machine_without_a_sandbox_is_not_the_agents_fault(job):
    class Broken(LocalSandbox):
        def run(self, *_, **__):
            raise SandboxUnusable("The sandbox did not start.")

    with pytest.raises(AgentFailed, match="did not start") as failed:
        shell("true").run(job(), Broken(i_know_this_is_unsafe=True))

    assert failed.value.kind == "unusable"


def test_a_prompt_too_long_for_an_argument_is_told(job, sandbox):
    with pytest.raises(AgentFailed, match="prompt_file") as failed:
        CommandAgent(["echo", "{prompt}"]).run(job("x" * 200_000), sandbox)

    assert failed.value.kind == "unusable"


@pytest.mark.parametrize("trap", ["link", "fifo", "folder"])
def test_a_transcript_that_is_no_file_is_not_read(job, sandbox, reachable, trap):
    (reachable / "secret").write_text('{"kind": "say", "text": "the secret"}\n')
    command = {"link": f"ln -s {reachable}/secret", "fifo": "mkfifo", "folder": "mkdir"}[trap]

    assert shell(f'{command} "$1"; echo done').run(job(), sandbox).final_message == "done"


def test_a_huge_transcript_is_read_in_bounds(job, sandbox):
    result = shell('truncate -s 200M "$1"').run(job(), sandbox)

    assert len(result.steps) == 2
    assert result.steps[-1].text == "The transcript is longer than is kept."


def test_traps_in_the_home_of_an_earlier_turn_are_not_followed(job, sandbox, reachable):
    (reachable / "victim").write_text("mine")
    (reachable / "home" / "transcript.jsonl").write_text('{"kind": "say", "text": "old"}\n')
    (reachable / "home" / "prompt.md").symlink_to(reachable / "victim")

    result = shell('cat "$2"').run(job("Hello"), sandbox)

    assert (reachable / "victim").read_text() == "mine"
    assert result.final_message == "Hello"


def test_reading_back_stays_in_bounds(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 100)

    assert read_back(tmp_path, "file", most=10) == b"x" * 11
    assert read_back(tmp_path, "missing", most=10) is None
    assert read_back(tmp_path / "missing", "file", most=10) is None


@pytest.mark.parametrize(
    "argv",
    [[], "echo", [3], ["echo", "{shell}"], ["echo", "{"], ["a}"], ["{}"], ["{prompt!r}"], ["{0}"], ["a\0b"]],
)
def test_a_command_that_makes_no_sense_is_refused(argv):
    with pytest.raises(AgentMisconfigured, match=r"\.$"):
        CommandAgent(argv)


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"": "x"}, {"1A": "x"}, {"A": 3}, {"A": "{x}"}, {"A": "\0"}])
def test_an_environment_that_makes_no_sense_is_refused(env):
    with pytest.raises(AgentMisconfigured, match=r"\.$"):
        CommandAgent(["echo"], env)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("dance", {}),
        ("command", {}),
        ("command", {"argv": "echo"}),
        ("command", {"argv": ["echo"], "env": ["A"]}),
        ("command", {"argv": ["echo"], "shell": True}),
        ("replay", {"patch": 3}),
        ("replay", {"argv": ["echo"]}),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind, settings):
    with pytest.raises(AgentMisconfigured, match=r"\.$"):
        agent_for(kind, settings)


def test_a_failure_is_of_a_known_kind():
    with pytest.raises(ValueError, match="kind of failure"):
        AgentFailed("claude", "x")


def test_a_replay_needs_neither_files_nor_a_sandbox(tmp_path):
    job = AgentJob("x", tmp_path / "missing", tmp_path / "missing")

    result = ReplayAgent(PATCH, b"").run(job, None)

    assert (result.patch, result.steps, result.final_message) == (PATCH, (), "")


def test_a_worktree_of_another_user_is_taken(job, sandbox, worktree, base, commit):
    """The whole way as a worker that is root walks it: the agent's files belong to somebody else."""
    shell("echo new > new.py; git config core.fsmonitor /bin/false; git commit -qam x; chmod 0 tide.py").run(
        job(), sandbox
    )

    taken = patches.take(worktree, base, commit)

    assert [file.path for file in taken.files] == ["new.py"]
    assert taken.notes == ("tide.py cannot be read, and was left as it was.",)
    if os.getuid() == 0:
        assert worktree.stat().st_uid != 0


def test_git_works_for_the_agent(job, sandbox):
    result = shell("git status --porcelain && git log --oneline | wc -l && git diff --stat").run(
        job(), sandbox
    )

    assert result.final_message == "1"


#: A harness in a few lines: says what it was given, and remembers the conversation in a file of its home.
REMEMBERS = """
echo "$1" >> "$HOME/.memory"; test "$2" || echo '{"type":"system","subtype":"init","session_id":"s1"}'
cat > /dev/null; grep -c . "$HOME/.memory" > count; cat "$HOME/.settings" >> count
printf '{"type":"result","subtype":"success","is_error":%s,"result":"%s","session_id":"s%s"}\\n' "${3:-false}" "$1" "$2"
"""


def remembering(**settings):
    argv = ["/bin/sh", "-c", REMEMBERS.replace("{", "{{").replace("}", "}}"), "sh", "{prompt}"]
    return CommandAgent(
        argv,
        parser="claude-stream-json",
        history="native",
        resume=[*argv, "{session}2"],
        state=[".memory"],
        files={".settings": "model={model}\n"},
        **settings,
    )


def test_a_conversation_goes_on_in_another_home(job, sandbox, worktree):
    first = remembering().run(job("one"), sandbox)
    shutil.rmtree(worktree.parent / "home")
    (worktree.parent / "home").mkdir()
    resumed = replace(job("two"), resumed=first.memory)

    second = remembering().run(resumed, sandbox)

    assert (first.memory.session, second.memory.session) == ("s", "ss2")
    assert (worktree / "count").read_text() == "2\nmodel=candidate\n"
    assert second.final_message == "two"


@pytest.mark.parametrize(
    ("script", "kind", "sentence"),
    [
        ('echo \'{"type":"assistant"}\'', "exit", "without the record that says how it went"),
        (
            'echo \'{"type":"result","subtype":"success","is_error":true,"api_error_status":529}\'',
            "provider",
            "529",
        ),
        (
            'echo \'{"type":"result","subtype":"error_max_turns","is_error":true}\'; exit 1',
            "limit",
            "max_turns",
        ),
        ('echo \'{"type":"result","subtype":"success","is_error":false}\'; exit 3', "exit", "exit code 3"),
    ],
)
def test_success_is_exit_code_and_record_and_no_error(job, sandbox, script, kind, sentence):
    argv = ["/bin/sh", "-c", script.replace("{", "{{").replace("}", "}}")]

    with pytest.raises(AgentFailed, match=sentence) as failed:
        CommandAgent(argv, parser="claude-stream-json").run(job(), sandbox)

    assert failed.value.kind == kind
