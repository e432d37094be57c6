"""An admin cancels, a worker is shut down: what runs ends at once, and nothing is lost."""

from __future__ import annotations

from marlin.models import Role
from tasks.models import Candidate, Worker
from tests import factories
from tests.faults import worlds
from tests.faults.visitors import Visitor
from tests.stack import Stack, eventually

#: Works until it is stopped, and can be watched meanwhile.
ENDLESS = "echo still here; sleep 600"


def test_cancelling_ends_the_process_and_leaving_gives_the_other_back(committed: Stack) -> None:
    stack = committed
    agents = [worlds.make_agent(ENDLESS), worlds.make_agent(ENDLESS)]
    repository, commit = worlds.make_repository(stack.directory / "sums")
    worlds.make_experiment(repository, commit, agents)
    ada = Visitor(stack, factories.make_person("Ada", Role.ADMIN))
    stack.start_all()
    eventually(lambda: all(worlds.processes_with(agent.mark) for agent in agents))
    eventually(lambda: stack.value("SELECT count(*) FROM tasks_runlog WHERE stdout = 'still here\n'") == 2)
    worker = Worker.objects.alive().get()
    assert (worker.sandbox, worker.complaints) == ("Bubblewrap", [])
    cancelled, other = Candidate.objects.filter(state="running").order_by("pk")

    assert ada.post(f"/operations/candidates/{cancelled.public_id}/cancel").status == 302
    eventually(lambda: not all(worlds.processes_with(agent.mark) for agent in agents))

    assert stack.stop("worker") == 0

    assert stack.query("SELECT state, counted FROM tasks_run ORDER BY state") == [
        ("cancelled", True),
        ("lost", False),
    ]
    assert Candidate.objects.get(pk=other.pk).state == "queued"
    assert not Worker.objects.alive().exists()
    worlds.assert_nothing_is_left(stack, agents)
