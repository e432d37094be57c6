"""Stacks for faults: leases of seconds, so that a test sees them end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.long import LONG
from tests.stack import Stack, running_stack


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether the numbers are those of `make chaos`."""
    return LONG


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A worker that is killed again and again is our fault, never the candidate's: it may try often."""
    with running_stack(
        RUN_LEASE="2", HEARTBEAT="0.5", SWEEP="0.5", PULL="0.5", RUN_ATTEMPTS="200", LOG_LEVEL="INFO"
    ) as stack:
        yield stack
