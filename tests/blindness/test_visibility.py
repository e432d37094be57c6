"""While one side is ready and the other still works, nobody is offered the task and nobody can open it."""

from __future__ import annotations

from marlin.models import Role
from tests import factories
from tests.faults import worlds
from tests.faults.visitors import Visitor
from tests.stack import Stack, eventually

#: Writes at once; the other side works for a while longer.
QUICK = "echo quick > NEW.md; echo I added a file."
SLOW = "sleep 3; echo slow > NEW.md; echo I added a file."


def test_a_task_is_not_to_be_seen_before_both_sides_are_final(committed: Stack, long: bool) -> None:
    stack = committed
    scenarios = 20 if long else 1
    agents = [worlds.make_agent(QUICK), worlds.make_agent(SLOW)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents, scenarios=scenarios)
    visitors = [
        Visitor(stack, factories.make_person(f"Riley{number}", Role.RATER)) for number in range(scenarios)
    ]
    half_seen: list[object] = []
    stack.start_all()

    for visitor in visitors:
        eventually(lambda visitor=visitor: _claims(stack, visitor, half_seen), within=120)  # type: ignore[misc]

    # By the database's own clock: each pair was rendered, and drawn, after both its runs had ended.
    early = stack.query(
        """
        SELECT b.id FROM grading_blindpair b
        JOIN tasks_run r ON r.candidate_id IN (b.a_id, b.b_id)
        WHERE r.state <> 'succeeded' OR r.ended_at >= b.drawn_at
        """
    )
    assert half_seen  # somebody did look while one side was ready
    assert early == []
    assert stack.value("SELECT count(*) FROM grading_blindpair") == scenarios


def _claims(stack: Stack, visitor: Visitor, half_seen: list[object]) -> bool:
    """Look at the page and ask for a task, as somebody impatient does; whether there was one."""
    half = stack.value(
        "SELECT count(*) FROM (SELECT 1 FROM tasks_candidate GROUP BY turn_id"
        " HAVING count(*) FILTER (WHERE state = 'ready') = 1) AS half"
    )
    shown, answer = visitor.get("/work/"), visitor.post("/work/claim")
    assert (shown.status, answer.status) == (200, 302)
    if half:
        half_seen.append(half)
    return answer.headers["Location"] != "/work/"


def test_a_page_of_a_pair_that_is_not_final_is_never_made(committed: Stack) -> None:
    stack = committed
    agents = [worlds.make_agent(QUICK), worlds.make_agent("exit 1")]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents)
    worlds.prepare_here()
    worlds.generate_here()

    assert (worlds.count(stack, "ready"), worlds.count(stack, "failed")) == (1, 1)
    assert stack.value("SELECT count(*) FROM grading_pairpage") == 0
