"""The broker loses what it knew, is away, or hears and never answers."""

from __future__ import annotations

import os
import signal

from marlin.models import Role
from tests import factories
from tests.faults import worlds
from tests.faults.visitors import Answer, Visitor
from tests.stack import Stack, eventually

AGENT = "date +%N > NEW.md; echo I added a file."
#: Seconds a page may take while the broker is away.
BOUND = 5


def test_every_candidate_ends_ready_once_though_the_broker_forgets_and_dies(
    committed: Stack, long: bool
) -> None:
    stack = committed
    scenarios = 20 if long else 3
    agents = [worlds.make_agent(AGENT), worlds.make_agent(AGENT)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents, scenarios=scenarios)
    stack.start_worker()
    stack.start_beat()
    eventually(lambda: worlds.count(stack, "queued") > 0)

    worlds.flush(stack)
    eventually(lambda: worlds.running(stack))
    stack.valkey.kill()
    done_while_away = worlds.ready(stack)
    eventually(lambda: not worlds.running(stack), why="Work in hand stopped with the broker.")
    stack.valkey.start()
    worlds.flush(stack)
    worlds.wait_until_all_are_ready(stack, 2 * scenarios, within=600 if long else 120)

    assert done_while_away < 2 * scenarios  # the broker was away while there was work
    worlds.assert_each_is_ready_once(stack, 2 * scenarios)
    worlds.assert_nothing_is_left(stack, agents)


def test_saving_submitting_and_accepting_work_while_the_broker_is_mute_and_away(committed: Stack) -> None:
    stack = committed
    rater = factories.make_person("Riley", Role.RATER)
    reviewer = factories.make_person("Robin", Role.REVIEWER)
    assignment = worlds.make_assignment(stack, rater)
    work = f"/work/{assignment.public_id}"
    stack.start_web()
    riley, robin = Visitor(stack, rater), Visitor(stack, reviewer)
    assert stack.valkey.process

    stack.valkey.process.send_signal(signal.SIGSTOP)
    saved = riley.post(f"{work}/draft", factories.filled(tab="one", sequence="1"), htmx=True)
    shown = riley.get(f"{work}/")
    handed_in = riley.post(f"{work}/submit", factories.filled(tab="one", sequence="2"))
    accepted = robin.post(f"/review/{assignment.public_id}/decide", {"decision": "accept"})
    again = [robin.get(f"/review/{assignment.public_id}/") for _ in range(3)]
    os.kill(stack.valkey.process.pid, signal.SIGKILL)
    stack.valkey.process.wait()
    home = riley.get("/work/")

    assert [saved.status, shown.status, handed_in.status, accepted.status] == [200, 200, 302, 302]
    assert handed_in.headers["Location"].startswith("/receipts/")
    assert [answer.status for answer in (*again, home)] == [200] * 4
    answers: list[Answer] = [saved, shown, handed_in, accepted, *again, home]
    assert max(answer.seconds for answer in answers) < BOUND
    assert stack.value("SELECT count(*) FROM grading_receipt") == 1
    assert stack.value("SELECT count(*) FROM grading_judgement") == 0

    stack.start_worker()
    stack.start_beat()
    stack.valkey.start()

    eventually(
        lambda: stack.value("SELECT count(*) FROM grading_judgement") == 1,
        why=f"The judgement was not written.\n{stack.log_of('worker')[-2000:]}",
    )
