"""The Marlin that the journeys visit: the real demo, made by the real worker, and people to go there as."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections
from django.test import Client

from grading import queue
from marlin.models import User
from tasks.models import AgentCheck, Candidate
from tasks.presets import presets
from tests import factories
from tests.stack import Stack, eventually

Result = TypeVar("Result")

#: The demo wants one rater a task; each journey needs a seat of its own.
SEATS = 100
TITLES = (
    "Entries outlive a change of the clock",
    "Fetch a missing value once, however many ask",
    "Give eviction policies a place of their own",
)
#: What a worker told about an agent: well, not fit, and not tried.
FOUND = [
    {"what": "program", "well": True, "sentence": "{agent}/bin/codex is there."},
    {"what": "version", "well": False, "sentence": "It should be 0.169.0 and says: codex-cli 0.168.2"},
    {"what": "prompt", "well": None, "sentence": "No provider serves its model yet, so no prompt was tried."},
]


@dataclass(frozen=True)
class Person:
    """Somebody with an account and, in this test, a session."""

    pk: int
    name: str
    email: str
    session: str


class Site:
    """A running stack with the demo in it."""

    def __init__(self, stack: Stack, blocker: Any) -> None:
        self.stack = stack
        self.url = stack.url
        self._blocker = blocker

    def fill(self) -> None:
        """Seed the demo and start everything; the tasks are offered when the worker has made them."""
        self.stack.manage("seed_demo")
        self.stack.query("UPDATE tasks_experiment SET raters_wanted = %s", SEATS)
        self.stack.start_all()

    def is_offered(self, title: str) -> bool:
        return bool(
            self.stack.value(
                """
                SELECT count(*) FROM tasks_task t
                JOIN tasks_scenario s ON s.id = t.scenario_id
                JOIN tasks_turn u ON u.task_id = t.id
                JOIN grading_pairpage p ON p.turn_id = u.id
                WHERE t.state = 'open' AND s.title = %s
                """,
                title,
            )
        )

    def wait_for(self, *titles: str, within: float = 120) -> None:
        """Until the worker has generated both sides of each and rendered the pair."""
        eventually(
            lambda: all(self.is_offered(title) for title in titles),
            within=within,
            why=f"The tasks are not offered.\n{self.stack.log_of('worker')[-3000:]}",
        )

    def person(self, name: str, *roles: str) -> Person:
        """Somebody new, already signed in."""
        return self.do(lambda: _with_session(factories.make_person(name, *roles)))

    def demo_person(self, name: str) -> Person:
        """Somebody of the demo, signed in long ago: what un-blinds asks for the password again."""
        return self.do(lambda: _with_session(User.objects.get(email=f"{name.lower()}@demo.example")))

    def hand(self, rater: Person, title: str) -> str:
        """Put this task into the rater's hands, by the real queue; what it offers before is given back."""
        return self.do(lambda: _claim(User.objects.get(pk=rater.pk), title))

    def do(self, act: Callable[[], Result]) -> Result:
        """Use the models, as the owner of the stack's database.

        In a thread, because Playwright runs an event loop in this one, where Django refuses to ask the database.
        """
        default = connections.settings["default"]
        before = default["NAME"]
        with self._blocker.unblock(), ThreadPoolExecutor(1) as thread:
            default["NAME"] = self.stack.database
            try:
                return thread.submit(_and_leave, act).result()
            finally:
                default["NAME"] = before

    # --- Questions to the database ------------------------------------------------------------------------------

    def newest_texts(self, assignment: str) -> dict[str, str]:
        """What the server has of a rater's words."""
        found = self.stack.value(
            """
            SELECT r.texts FROM grading_revision r
            JOIN grading_preference p ON p.id = r.preference_id
            JOIN grading_blindpair b ON b.id = p.pair_id
            JOIN grading_assignment a ON a.id = b.assignment_id
            WHERE a.public_id = %s ORDER BY r.number DESC LIMIT 1
            """,
            assignment,
        )
        return found if isinstance(found, dict) else {}

    def revisions(self, assignment: str) -> list[dict[str, Any]]:
        rows = self.stack.query(
            """
            SELECT r.number, r.based_on, r.tab, r.sequence, r.ratings, r.texts FROM grading_revision r
            JOIN grading_preference p ON p.id = r.preference_id
            JOIN grading_blindpair b ON b.id = p.pair_id
            JOIN grading_assignment a ON a.id = b.assignment_id
            WHERE a.public_id = %s ORDER BY r.number
            """,
            assignment,
        )
        names = ("number", "based_on", "tab", "sequence", "ratings", "texts")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def handed_in(self, assignment: str) -> tuple[int, int, int]:
        """How many locked preferences, receipts, and moves to “submitted” this assignment has."""
        rows = self.stack.query(
            """
            SELECT (SELECT count(*) FROM grading_preference p JOIN grading_blindpair b ON b.id = p.pair_id
                    WHERE b.assignment_id = a.id AND p.state = 'locked'),
                   (SELECT count(*) FROM grading_receipt r WHERE r.assignment_id = a.id),
                   (SELECT count(*) FROM marlin_event e
                    WHERE e.subject = a.public_id::text AND e.name = 'assignment.submitted')
            FROM grading_assignment a WHERE a.public_id = %s
            """,
            assignment,
        )
        preferences, receipts, moves = rows[0]
        assert isinstance(preferences, int)
        assert isinstance(receipts, int)
        assert isinstance(moves, int)
        return preferences, receipts, moves


def _and_leave(act: Callable[[], Result]) -> Result:
    try:
        return act()
    finally:
        connections.close_all()


def _claim(rater: User, title: str) -> str:
    while assignment := queue.claim_next(rater):
        if assignment.task.scenario.title == title:
            return str(assignment.public_id)
        queue.release(assignment)
    raise AssertionError(f"“{title}” is not offered.")


def _with_session(user: User) -> Person:
    client = Client()
    client.force_login(user)
    return Person(user.pk, user.name, user.email, client.cookies["sessionid"].value)


def kept_by_admins() -> dict[str, str]:
    """The pages of what makes candidates, by name; the agent was looked over, and something was found."""
    provider = factories.make_provider(models=["reef-large"], monthly_budget=250)
    version = factories.make_agent_version(
        model="reef-large", provider=provider.name, served_by=provider, settings=presets()["codex"].settings
    )
    AgentCheck.objects.create(agent_version=version, state=AgentCheck.State.DONE, findings=FOUND)
    task = Candidate.objects.filter(state=Candidate.State.READY).order_by("pk")[0].turn.task
    return {
        "operations": "/operations/",
        "story": f"/operations/tasks/{task.public_id}/",
        "agents": "/agents/",
        "agent": f"/agents/{version.public_id}/",
        "providers": "/providers/",
        "provider": f"/providers/{provider.public_id}/",
    }
