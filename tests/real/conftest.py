"""A stack for real agents: a worker, a gateway that is quickly tired of silence, and a repository to work on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.gateway import access, sealing
from tasks.models import SealingKey
from tests import factories
from tests.faults import worlds
from tests.real.__main__ import installed_below
from tests.real.world import World
from tests.stack import Stack, eventually, running_stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Heartbeats as in production: agents load the machine more than a test does."""
    with running_stack(
        RUN_LEASE="60",
        HEARTBEAT="5",
        GATEWAY_IDLE="3",
        GATEWAY_FIRST="10",
        PROVIDER_ATTEMPTS="2",
        LOG_LEVEL="INFO",
    ) as stack:
        yield stack


@pytest.fixture
def world(committed: Stack) -> World:
    SealingKey.objects.create(public=sealing.public_of(factories.GATEWAY_KEY))
    committed.start_gateway()
    eventually(access.is_running, why="The gateway does not answer.")
    repository, commit = worlds.make_repository(committed.directory / "sums")
    worlds.prepare_here()
    committed.start_worker()
    committed.start_beat()
    folder = Path(os.environ["AGENTS"])
    return World(committed, repository, commit, folder, installed_below(folder))
