"""Agents that misbehave, through the real worker: a state, a sentence, and the other side unharmed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.faults import worlds
from tests.stack import Stack, eventually

GOOD = "echo fine > NEW.md; echo I added a file."
MIB = 2**20


@dataclass(frozen=True)
class Fault:
    """What an agent does, and what becomes of it: the state, the blind word, part of the sentence."""

    script: str
    state: str = "failed"
    failure: str = ""
    sentence: str = ""
    limits: dict[str, Any] = field(default_factory=dict)


FAULTS = {
    "prints nothing": Fault("true", failure="nothing", sentence="changed nothing and said nothing"),
    "exits with an error": Fault(
        "echo half > NEW.md; echo no key found >&2; exit 1",
        failure="exit",
        sentence="ended with exit code 1. It said: no key found",
    ),
    "hangs": Fault(
        "echo half > NEW.md; while :; do :; done",
        failure="time",
        sentence="used up its time of 3 seconds",
        limits={"wall": 3},
    ),
    "goes silent": Fault(
        "sleep 1000", failure="idle", sentence="neither printed nor worked for 2", limits={"idle": 2}
    ),
    "writes a gigabyte": Fault(
        "for n in 1 2 3 4 5 6 7 8; do head -c 134217728 /dev/zero > big$n; done; echo done",
        failure="limit",
        sentence="wrote more than 67,108,864 bytes",
        limits={"disk": 64 * MIB},
    ),
    "prints 64 MB": Fault(
        "head -c 67108864 /dev/zero | tr '\\0' x; echo more",
        failure="limit",
        sentence="printed more than 8,388,608 bytes",
        limits={"output": 8 * MIB},
    ),
    "leaves a daemon": Fault(
        "setsid sh -c 'sleep 1000; : {mark}' > /dev/null 2>&1 & echo fine > NEW.md; echo I added a file.",
        state="ready",
    ),
}


def test_a_misbehaving_agent_ends_with_a_sentence_and_harms_nobody(committed: Stack) -> None:
    stack = committed
    repository, commit = worlds.make_repository(stack.directory / "sums")
    agents = {name: worlds.make_agent(fault.script, limits=fault.limits) for name, fault in FAULTS.items()}
    good = worlds.make_agent(GOOD)
    for agent in agents.values():
        worlds.make_experiment(repository, commit, [agent, good])

    stack.start_worker()
    stack.start_beat()
    # Sweeps go on meanwhile: what has failed stays failed.
    eventually(
        lambda: worlds.count(stack, "ready") + worlds.count(stack, "failed") == 2 * len(FAULTS),
        why=f"Some have not ended.\n{stack.log_of('worker')[-2000:]}",
    )

    told = {name: _what_became_of(stack, agent) for name, agent in agents.items()}
    for name, fault in FAULTS.items():
        state, failure, runs, sentence = told[name]
        assert (state, failure, runs) == (fault.state, fault.failure, 1), name
        assert fault.sentence in str(sentence), name
    assert _states_of(stack, good) == [("ready", "")] * len(FAULTS)
    worlds.assert_nothing_is_left(stack, [*agents.values(), good])


def _what_became_of(stack: Stack, agent: worlds.Agent) -> tuple[object, ...]:
    (row,) = stack.query(
        """
        SELECT c.state, c.failure, (SELECT count(*) FROM tasks_run r WHERE r.candidate_id = c.id), r.sentence
        FROM tasks_candidate c
        JOIN tasks_origin o ON o.candidate_id = c.id
        JOIN tasks_run r ON r.candidate_id = c.id
        WHERE o.agent_version_id = %s
        """,
        agent.version.pk,
    )
    return row


def _states_of(stack: Stack, agent: worlds.Agent) -> list[tuple[object, ...]]:
    return stack.query(
        """
        SELECT c.state, c.failure FROM tasks_candidate c JOIN tasks_origin o ON o.candidate_id = c.id
        WHERE o.agent_version_id = %s
        """,
        agent.version.pk,
    )
