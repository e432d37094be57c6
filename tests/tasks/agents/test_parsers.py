"""What every parser promises, over logs that the real harnesses wrote for a scripted provider."""

import json
import random
from pathlib import Path

import pytest

from tasks.agents.parsers import PARSERS, log
from tasks.agents.transcripts import KINDS, Step

LOGS = Path(__file__).resolve().parents[2] / "data" / "agents"
SAID = "I wrote README.md and mended tide.py."
#: The work that each harness was given: four commands, one of which fails, and a sentence.
RUNS = ["cat tide.py", "printf 'hello\\n' > README.md", "ls /nowhere", "sed -i s/12/24/ tide.py"]

#: (log, parser, how it ended: True, False, or None where nothing says so, and whose fault it was)
RECORDED = [
    ("claude.jsonl", "claude-stream-json", True, ""),
    ("claude-retry.jsonl", "claude-stream-json", True, ""),
    ("claude-429.jsonl", "claude-stream-json", False, "provider"),
    ("codex.jsonl", "codex-jsonl", True, ""),
    ("codex-500.jsonl", "codex-jsonl", False, "provider"),
    ("opencode.jsonl", "opencode-jsonl", True, ""),
    ("opencode-401.jsonl", "opencode-jsonl", False, "provider"),
    ("gemini.jsonl", "gemini-jsonl", True, ""),
    ("gemini-401.jsonl", "gemini-jsonl", False, "provider"),
    ("mini.json", "mini-traj", True, ""),
    ("mini-limits.json", "mini-traj", False, "limit"),
    ("aider.txt", "aider", True, ""),
    ("aider-down.txt", "aider", False, "provider"),
    ("plain.txt", "plain", None, ""),
    ("steps.jsonl", "steps", None, ""),
]
#: aider writes files, and runs nothing.
WHOLE = [(name, parser) for name, parser, well, _ in RECORDED if well and parser != "aider"]


def recorded(name):
    return (LOGS / name).read_bytes()


def test_every_parser_has_a_recorded_log():
    assert {parser for _, parser, _, _ in RECORDED} == set(PARSERS)


@pytest.mark.parametrize(("name", "parser", "well", "fault"), RECORDED)
def test_a_log_tells_how_it_ended(name, parser, well, fault):
    read = PARSERS[parser].read(recorded(name))

    assert {step.kind for step in read.steps} <= KINDS
    assert (read.outcome.succeeded if read.outcome else None) is well
    assert (read.outcome.fault if read.outcome else "") == fault
    assert PARSERS[parser].has_result is (well is not None)
    if well is not False:
        assert read.final.endswith(SAID)


@pytest.mark.parametrize(("name", "parser"), WHOLE)
def test_the_same_work_reads_the_same_whoever_did_it(name, parser):
    read = PARSERS[parser].read(recorded(name))

    runs = [step for step in read.steps if step.kind == "run"]
    assert [step.text for step in runs] == RUNS
    assert [step.exit for step in runs] == [None] * 4 if parser == "gemini-jsonl" else [0, 0, 2, 0]
    results = [step.text for step in read.steps if step.kind in ("result", "error")]
    assert results == [
        "def height(hour):\n    return hour % 12",
        "ls: cannot access '/nowhere': No such file or directory",
    ]
    assert read.steps[-1] == Step("say", SAID)
    assert min(read.usage.input, read.usage.output) >= 80
    assert bool(read.session) is (parser != "mini-traj")


def test_a_retry_is_a_step():
    kinds = [step.kind for step in PARSERS["claude-stream-json"].read(recorded("claude-retry.jsonl")).steps]

    assert kinds[0] == "retry"


@pytest.mark.parametrize(("name", "parser"), WHOLE)
def test_a_log_that_was_cut_off_is_no_success(name, parser):
    whole = recorded(name)

    cut = PARSERS[parser].read(whole[: int(len(whole) * 0.8)])

    assert cut.outcome is None
    assert cut.steps


@pytest.mark.parametrize("parser", sorted(PARSERS))
def test_nothing_in_a_log_raises(parser):
    chance = random.Random(7)
    strange = [
        b"", b"\n\n", b"\xff\xfe\0", b"[" * 100_000, b"null", b"[1]", b'{"type": []}', b'{"messages": 3, "info": 1}',
        b'{"type": "assistant", "message": {"content": [3, {"type": "tool_use", "id": {}, "input": 7}]}}',
        b'{"type": "item.completed", "item": {"type": "file_change", "changes": {"path": 1}}}',
        b'{"type": "result", "usage": {"input_tokens": "many"}, "is_error": 0}',
        b'{"type": "tool_use", "part": {"state": []}, "tool_name": 3, "parameters": []}',
        b'{"messages": [{"role": "assistant", "content": null, "extra": {"actions": [{"command": 3}]}}]}',
    ]  # fmt: skip
    for name, _, _, _ in RECORDED:
        broken = bytearray(recorded(name))
        for _ in range(40):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        strange.append(bytes(broken))

    for written in strange:
        read = PARSERS[parser].read(written)
        assert {step.kind for step in read.steps} <= KINDS
        assert all("\0" not in step.text for step in read.steps)


@pytest.mark.parametrize("parser", [name for name in sorted(PARSERS) if name.endswith(("jsonl", "json"))])
def test_unknown_lines_are_kept_as_notes(parser):
    steps = PARSERS[parser].read(b'warning: something\n{"type": "tomorrow", "content": "?"}\n').steps

    assert steps == (Step("note", "warning: something"), Step("note", log.UNKNOWN))


def test_what_aider_prints_of_itself_is_no_step():
    said = [step.text for step in PARSERS["aider"].read(recorded("aider.txt")).steps if step.kind != "edit"]

    assert len(said) == 1
    assert said[0].startswith("README.md\n\n```diff")


def test_a_long_log_is_cut_with_a_note(monkeypatch):
    monkeypatch.setattr(log, "MOST_STEPS", 3)
    line = json.dumps({"type": "item.completed", "item": {"type": "agent_message", "text": "x"}})

    steps = PARSERS["codex-jsonl"].read(f"{line}\n".encode() * 10).steps

    assert [step.kind for step in steps] == ["say", "say", "say", "note"]


def test_each_tool_is_one_of_five_verbs():
    used = [
        ("Read", {"file_path": "/workspace/tide.py"}),
        ("Grep", {"pattern": "tide"}),
        ("Edit", {"file_path": "/workspace/a/b.py", "old_string": "x", "new_string": "y\nz"}),
        ("Write", {"file_path": "/home/dev/note", "content": "hello"}),
        ("TodoWrite", {"todos": []}),
    ]
    blocks = [
        {"type": "tool_use", "id": str(n), "name": name, "input": given}
        for n, (name, given) in enumerate(used)
    ]
    written = json.dumps({"type": "assistant", "message": {"content": blocks}}).encode()

    assert PARSERS["claude-stream-json"].read(written).steps == (
        Step("read", "", path="tide.py"),
        Step("search", "tide"),
        Step("edit", "-x\n+y\n+z", path="a/b.py"),
        Step("write", "hello", path="~/note"),
        Step("note", log.ANOTHER_TOOL),
    )


def test_the_error_flag_decides_and_not_the_word_success():
    said = {
        "type": "result",
        "subtype": "success",
        "is_error": True,
        "result": "x",
        "terminal_reason": "api_error",
    }

    outcome = PARSERS["claude-stream-json"].read(json.dumps(said).encode()).outcome

    assert (outcome.succeeded, outcome.fault) == (False, "provider")


@pytest.mark.parametrize(
    "ended", [{"subtype": "error_max_turns"}, {"subtype": "success", "terminal_reason": "prompt_too_long"}]
)
def test_a_limit_of_its_own_is_not_the_providers_fault(ended):
    said = json.dumps({"type": "result", "is_error": True, "result": "API Error: 400", **ended})

    assert PARSERS["claude-stream-json"].read(said.encode()).outcome.fault == "limit"
