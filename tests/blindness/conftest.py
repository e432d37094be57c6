"""Worlds that really commit, each in a database and a work area of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

import marlin.jobs
from tests.blindness.worlds import an_empty_world
from tests.long import LONG

#: Opens a world: `with empty_world("one") as directory`.
OpenWorld = Callable[[str], AbstractContextManager[Path]]


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether the numbers are those of `make proofs`."""
    return LONG


@pytest.fixture(scope="module")
def empty_world(django_db_blocker: Any) -> Iterator[OpenWorld]:
    """Nothing is rung for: these tests do the jobs themselves, in the order they want."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marlin.jobs, "_send", lambda job, args: None)

        @contextmanager
        def open_world(name: str) -> Iterator[Path]:
            with django_db_blocker.unblock(), an_empty_world(name) as directory:
                yield directory

        yield open_world
