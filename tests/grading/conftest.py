"""What the tests of grading share: quick rendering, loaded coins, and people who click at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from django.db import transaction
from django.http import HttpResponse

from grading import rendering
from grading.models import Assignment
from marlin.models import Role
from marlin.sources import Real
from tasks.models import Candidate, Experiment, Repository, Task
from tests import factories
from tests.races import race

Result = TypeVar("Result")


@pytest.fixture(scope="session", autouse=True)
def alike_pairs_are_read_once() -> Iterator[None]:
    """Most pairs of the factories hold the same patches: git sees each kind once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "contents_of", remembering(rendering.contents_of, _what_it_holds))
        yield


def remembering(function: Callable[..., Any], key_of: Callable[[tuple[Any, ...]], object]) -> Any:
    remembered: dict[object, Any] = {}

    def remember(*arguments: Any) -> Any:
        key = key_of(arguments)
        if key not in remembered:
            remembered[key] = function(*arguments)
        return remembered[key]

    return remember


def _what_it_holds(arguments: tuple[Candidate]) -> object:
    (candidate,) = arguments
    whole = candidate.runs.exclude(whole_patch=b"").values_list("whole_patch", flat=True)
    return bytes(candidate.patch), candidate.turn.base_commit, tuple(map(bytes, whole))


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What a fixture of a module makes stands until its last test; each test works on a savepoint and leaves nothing.

    No test of such a module may ask for a database that really commits: it would close the connection.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def one_accepted(standing: None) -> Assignment:
    """Riley's, in an experiment of its own."""
    return factories.make_assignment(factories.make_person("Riley", Role.RATER), state="accepted")


@pytest.fixture(scope="module")
def held(standing: None) -> Assignment:
    """In Riley's hands, for modules whose tests each begin with that; they take their own copy of it."""
    return factories.make_assignment(factories.make_person("Riley", Role.RATER))


class Coins(Real):
    """Coins that fall as they are told, over and over; all else is left to chance."""

    def __init__(self, *values: float) -> None:
        self.values = values
        self.thrown = 0

    def coin(self, purpose: str) -> float:
        self.thrown += 1
        return self.values[(self.thrown - 1) % len(self.values)]


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """As `race`, for calls of which none may fail."""
    results = []
    for result in race(*calls):
        if isinstance(result, Exception):
            raise result
        results.append(result)
    return results


def make_tasks(count: int, repository: Repository | None = None, **fields: Any) -> list[Task]:
    """So many ready tasks of one experiment, oldest first."""
    experiment = experiment_of(count, repository, **fields)
    return [factories.make_ready_task(experiment) for _ in range(count)]


def experiment_of(count: int, repository: Repository | None = None, **fields: Any) -> Experiment:
    """Running, with so many scenarios that have no task yet."""
    repository = repository or factories.make_repository()
    scenarios = [factories.make_scenario(repository=repository) for _ in range(count)]
    return factories.make_experiment(scenarios=scenarios, **fields)


def page_of(assignment: Assignment, place: str = "") -> str:
    return f"/work/{assignment.public_id}/{place}"


def review_of(assignment: Assignment, place: str = "") -> str:
    return f"/review/{assignment.public_id}/{place}"


def words_of(response: HttpResponse) -> str:
    return response.content.decode()
