"""A worker that dies, or falls asleep, in mid-generation."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from datetime import datetime

import pytest

import tasks.jobs
from marlin.states import WrongState
from tasks.generation import stuck
from tasks.models import Failure, Run
from tests import factories
from tests.faults import worlds
from tests.stack import Stack, eventually

#: Leaves a file that differs each time, so that a second write would be seen.
AGENT = "cat /proc/sys/kernel/random/uuid > NEW.md; sleep {seconds}; echo I added a file."

#: Of the long form, which a server's operator waits for.
KILLS = int(os.environ.get("MARLIN_KILLS", "200"))
#: Seconds that an agent takes there: most workers die sooner, so that work is left for the last of them.
SLOW = 3
RECOVERY = 90


def test_every_candidate_ends_ready_once_though_the_worker_is_killed(committed: Stack, long: bool) -> None:
    stack = committed
    scenarios, kills, seconds = (KILLS // 2, KILLS, SLOW) if long else (2, 3, 1)
    agents = [worlds.make_agent(AGENT.format(seconds=seconds)) for _ in range(2)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents, scenarios=scenarios)
    stack.start_beat()
    killed: dict[int, datetime] = {}

    for moment in _moments(stack, agents, kills):
        stack.start_worker()
        eventually(moment, why=f"Not seen: {moment.__name__}\n{stack.log_of('worker')[-2000:]}")
        at_work = stack.query("SELECT id, clock_timestamp() FROM tasks_run WHERE state = 'started'")
        killed = dict(at_work) | killed  # one that nobody has noticed yet died earlier
        stack.kill("worker")
    stack.start_worker()
    worlds.wait_until_all_are_ready(stack, 2 * scenarios, within=30 * scenarios if long else 120)

    assert stack.value("SELECT count(*) FROM tasks_run WHERE state = 'lost'")
    worlds.assert_each_is_ready_once(stack, 2 * scenarios)
    worlds.assert_nothing_is_left(stack, agents)
    assert _longest_until_noticed(stack, killed) <= RECOVERY
    assert len(killed) >= kills or not long  # none of them died idle


def _longest_until_noticed(stack: Stack, killed: dict[int, datetime]) -> float:
    """Seconds from a worker's death until its run had ended and its candidate could be tried again."""
    ended = dict(stack.query("SELECT id, ended_at FROM tasks_run"))
    longest = max((ended[run] - moment).total_seconds() for run, moment in killed.items())
    print(f"{len(killed)} runs were killed; the longest was noticed after {longest:.1f} s.")
    return longest


def _moments(stack: Stack, agents: list[worlds.Agent], kills: int) -> list[Callable[[], bool]]:
    """When to kill: at the named moments first, then at random ones while candidates run."""
    done_before = [0]

    def an_agent_works() -> bool:
        return any(worlds.processes_with(agent.mark) for agent in agents)

    def an_agent_has_ended_and_its_candidate_has_not() -> bool:
        return worlds.running(stack) and not an_agent_works()

    def another_candidate_is_ready() -> bool:
        return worlds.ready(stack) > done_before[0]

    def some_moment() -> bool:
        # Each comes to work, and some live long enough to sweep up after those before them.
        begun = stack.value("SELECT clock_timestamp()")
        eventually(lambda: stack.query("SELECT 1 FROM tasks_worker WHERE seen_at > %s", begun))
        threading.Event().wait(random.random() * 4)
        eventually(lambda: worlds.running(stack), why="Nothing is left to be killed at.")
        done_before[0] = worlds.ready(stack)
        return True

    named: list[Callable[[], bool]] = [
        an_agent_works,
        an_agent_has_ended_and_its_candidate_has_not,
        another_candidate_is_ready,
    ]
    return [*named, *[some_moment] * (kills - len(named))]


def test_the_late_write_is_refused_while_another_worker_is_at_it(db: None) -> None:
    """Both believe that the candidate runs, and so it does: the token tells whose it is."""
    turn = factories.make_task().turns.get()
    late, other = (turn.candidates.order_by("pk")[0] for _ in range(2))
    lost = tasks.jobs._start(late)
    stuck.lose(Run.objects.get(pk=lost.pk), "The worker went silent.")
    run = tasks.jobs._start(other)

    with pytest.raises(WrongState):
        late.finish(token=lost.token, patch=b"late", tree="3" * 40)
    with pytest.raises(WrongState):
        late.fail(Failure.EXIT, token=lost.token)
    other.finish(token=run.token, patch=b"in time", tree="4" * 40)

    other.refresh_from_db()
    assert (other.state, bytes(other.patch)) == ("ready", b"in time")


def test_a_silent_run_is_noticed_though_no_sweep_gets_a_slot(committed: Stack) -> None:
    """Beat rings for sweeps; here it is away, which is like slots that are all taken."""
    stack = committed
    run = factories.start_run(factories.make_task().turns.get().candidates.order_by("pk")[0])

    stack.start_worker()

    lost = [("lost", "The worker went silent.")]
    eventually(lambda: stack.query("SELECT state, sentence FROM tasks_run WHERE id = %s", run.pk) == lost)


def test_a_worker_that_wakes_up_too_late_writes_nothing(committed: Stack) -> None:
    stack = committed
    agents = [worlds.make_agent(AGENT.format(seconds=1)) for _ in range(2)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents)
    stack.start_beat()
    stack.start_worker("sleeper")
    eventually(lambda: all(worlds.processes_with(agent.mark) for agent in agents))
    group = stack.processes["sleeper"].pid

    os.killpg(group, signal.SIGSTOP)
    stack.start_worker("other")
    worlds.wait_until_all_are_ready(stack, 2)
    written = stack.query("SELECT patch FROM tasks_candidate ORDER BY id")
    os.killpg(group, signal.SIGCONT)
    eventually(
        lambda: stack.log_of("sleeper").count("was taken from this worker") == 2,
        why="The late worker did not notice.",
    )

    assert stack.query("SELECT patch FROM tasks_candidate ORDER BY id") == written
    worlds.assert_each_is_ready_once(stack, 2)
    assert stack.query("SELECT state FROM tasks_run ORDER BY id") == [
        *[("lost",)] * 2,
        *[("succeeded",)] * 2,
    ]
    worlds.assert_nothing_is_left(stack, agents)
