"""What every test may ask for: people, a client with web's rights, a database that really commits."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from grading import rendering
from grading.diffs.child import compare_in_child
from grading.diffs.compare import Comparison, Side
from grading.diffs.listing import Contents
from marlin.models import Role, User
from tests import databases, factories
from tests.stack import Stack, running_stack


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing is meant to be slow; no test is about that."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_looks() -> Iterator[None]:
    """A job that runs inside a test's transaction cannot be seen by the connection that looks after it."""
    with override_settings(LOOK=3600):
        yield


@pytest.fixture(scope="session", autouse=True)
def own_places() -> Iterator[None]:
    """Mirrors and files of the tests of this process, where agents' users can reach what they must."""
    with tempfile.TemporaryDirectory(prefix="marlin-tests-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        with files_below(Path(folder)):
            yield


def files_below(folder: Path) -> override_settings:
    return override_settings(WORK_AREA=folder / "work", MEDIA_ROOT=folder / "media")


@pytest.fixture(scope="session", autouse=True)
def each_pair_compared_once() -> Iterator[None]:
    """Most tests need some rendered pair and nearly all of them the same one: a child of its own for the first only."""
    known: dict[str, tuple[Comparison, Comparison]] = {}

    def compare(first: Side, second: Side, base: Contents) -> tuple[Comparison, Comparison]:
        asked = repr((first, second, sorted(base.items())))
        if asked not in known:
            known[asked] = compare_in_child(first, second, base)
        return known[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "compare_in_child", compare)
        yield


@pytest.fixture(scope="session")
def django_db_setup(worker_id: str, django_db_blocker: Any) -> Iterator[None]:
    """The ordinary test database: a clone, so that triggers and privileges are the real ones."""
    with databases.clone(f"marlin_test_{worker_id}_{os.getpid()}") as name:
        with django_db_blocker.unblock():
            connections["default"].settings_dict["NAME"] = name
            connections["default"].settings_dict["TEST"]["NAME"] = name
        yield
        with django_db_blocker.unblock():
            connections["default"].close()


class WebClient(Client):
    """Django's client, with each request under the role that web processes sign in as."""

    def request(self, **request: Any) -> Any:
        with as_role("web"):
            return super().request(**request)


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """Inside the test's transaction: the rights, and the router, of another process."""
    process, settings.PROCESS = settings.PROCESS, role
    name = connection.ops.quote_name(settings.DATABASE_ROLES[role])
    connections["unblind"] = Unblind(connections["default"])
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL ROLE {name}")
            yield
            with connection.cursor() as cursor:
                # After a database error the savepoint takes the role back by itself.
                if not connection.needs_rollback:
                    cursor.execute("RESET ROLE")
    finally:
        del connections["unblind"]
        settings.PROCESS = process


class Unblind:
    """The alias `unblind` in the test's one transaction: each statement runs under that role, then web's again."""

    def __init__(self, real: Any) -> None:
        self.__dict__["real"] = real

    def __getattr__(self, name: str) -> Any:
        return "unblind" if name == "alias" else getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)

    def cursor(self) -> Any:
        return UnblindCursor(self.real)

    def chunked_cursor(self) -> Any:
        return UnblindCursor(self.real)


class UnblindCursor:
    def __init__(self, real: Any) -> None:
        self.real = real
        self.cursor = real.cursor()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def __enter__(self) -> UnblindCursor:
        return self

    def __exit__(self, *why: object) -> None:
        self.cursor.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.cursor)

    def execute(self, statement: str, values: Any = None) -> Any:
        self._become("unblind")
        done = self.cursor.execute(statement, values)
        self._become("web")
        return done

    def _become(self, role: str) -> None:
        name = self.real.ops.quote_name(settings.DATABASE_ROLES[role])
        # Beside Django's own cursor, so that tests which count queries count those of the page.
        with self.real.connection.cursor() as beside:
            beside.execute(f"SET LOCAL ROLE {name}")


@pytest.fixture
def client() -> WebClient:
    return WebClient()


@pytest.fixture
def riley(db: None) -> User:
    return factories.make_person("Riley", Role.RATER)


@pytest.fixture
def rosa(db: None) -> User:
    return factories.make_person("Rosa", Role.RATER)


@pytest.fixture
def robin(db: None) -> User:
    return factories.make_person("Robin", Role.REVIEWER)


@pytest.fixture
def ada(db: None) -> User:
    return factories.make_person("Ada", Role.ADMIN)


@pytest.fixture
def rowan(db: None) -> User:
    return factories.make_person("Rowan", Role.RESEARCHER)


@pytest.fixture
def sam(db: None) -> User:
    """The stranger: a rater of other things, who owns nothing here."""
    return factories.make_person("Sam", Role.RATER)


#: Every module that rings; a test keeps the list whole.
RINGERS = (
    "marlin.jobs",
    "tasks.jobs",
    "tasks.turns",
    "tasks.operations",
    "tasks.experiments",
    "tasks.generation.stuck",
    "tasks.imports",
    "tasks.repositories",
    "tasks.versions",
    "tasks.importing.predictions",
    "tasks.views.repositories",
    "tasks.management.commands.retry_candidate",
    "tasks.management.commands.seed_demo",
    "grading.browsing",
    "grading.jobs",
    "grading.reviewing",
    "grading.export.snapshot",
    "grading.results.asking",
)


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was rung for, at once and in order, instead of on a broker."""
    rung: list[tuple[Any, ...]] = []

    def ring(job: str, *args: object, using: str = "default") -> None:
        rung.append((job, *args))

    # All of them first: a module that is imported under the patch would keep it.
    for module in [importlib.import_module(name) for name in RINGERS]:
        monkeypatch.setattr(module, "ring", ring)
    return rung


@pytest.fixture
def queries() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A whole Marlin of this test's own. Nothing is started yet."""
    with running_stack() as stack:
        yield stack


@pytest.fixture
def committed(stack: Stack, django_db_blocker: Any) -> Iterator[Stack]:
    """The stack, and this process's models and files in its places: what a factory writes, the servers see."""
    with django_db_blocker.unblock(), databases.in_use(stack.database), files_below(stack.directory):
        yield stack
