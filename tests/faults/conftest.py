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
    # Eight jobs sweep. More often than this, a busy machine gets more beats than it can do, most are past their time
    # when they are heard, and which sweep that hits, again and again, is chance.
    pace = {"SWEEP": "2", "PULL": "1", "SEAL": "2"}
    with running_stack(RUN_LEASE="2", HEARTBEAT="0.5", RUN_ATTEMPTS="200", LOG_LEVEL="INFO", **pace) as stack:
        yield stack
