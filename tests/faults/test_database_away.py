"""PostgreSQL drops every connection while work is in hand."""

from __future__ import annotations

from marlin.models import Role
from tests import factories
from tests.faults import worlds
from tests.faults.visitors import Visitor
from tests.stack import Stack, eventually

AGENT = "date +%N > NEW.md; sleep 0.5; echo I added a file."


def test_work_goes_on_by_itself_though_connections_are_cut(committed: Stack, long: bool) -> None:
    stack = committed
    scenarios, cuts = (20, 60) if long else (2, 3)
    agents = [worlds.make_agent(AGENT), worlds.make_agent(AGENT)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents, scenarios=scenarios)
    rita = Visitor(stack, factories.make_person("Rita", Role.RATER))
    stack.start_all()
    cut = 0

    for _ in range(cuts):
        eventually(lambda: worlds.running(stack) or worlds.ready(stack) == 2 * scenarios)
        cut += _cut_all(stack)
        # The page's connection was among them: it is noticed and made anew within the request.
        assert rita.get("/work/").status == 200
    worlds.wait_until_all_are_ready(stack, 2 * scenarios, within=600 if long else 60)

    assert cut > cuts  # the worker's and the web server's, each time
    worlds.assert_each_is_ready_once(stack, 2 * scenarios)
    worlds.assert_nothing_is_left(stack, agents)


def _cut_all(stack: Stack) -> int:
    """Each login may end its own connections, so each cuts its own."""
    statement = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
        """
    counts = [stack.query(statement, login=login)[0][0] for login in ("WEB", "WORKER", "UNBLIND")]
    return sum(count for count in counts if isinstance(count, int))
