"""How a worker gives a run its way to the model, and asks afterwards what went wrong there."""

from __future__ import annotations

import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet, Sum

from marlin.sources import now
from tasks.gateway import ledger, sockets
from tasks.models import (
    AgentVersion,
    ModelAccess,
    ModelRequest,
    Outcome,
    Provider,
    ProviderSecret,
    Run,
)
from tasks.sandbox.door import PORT, Door

logger = logging.getLogger(__name__)

TIMEOUT = 10.0
#: What an agent has to answer for itself; everything else is no failure of its own.
ITS_OWN = frozenset({Outcome.BUDGET, Outcome.TOO_LONG, Outcome.REQUEST})


class NoAccess(Exception):
    """The run cannot reach its model, and it is not the agent's doing; the sentence says what an admin does."""


@dataclass(frozen=True)
class Fault:
    """How the last request to the model failed."""

    kind: str  # of Outcome
    sentence: str  # may name the provider
    retry_after: float | None
    is_agents: bool


class Opened:
    """An open access. `door` is None for an agent that needs no model."""

    def __init__(self, access: ModelAccess | None, door: Door | None) -> None:
        self.access = access
        self.door = door

    def fault(self) -> Fault | None:
        """Why the last request failed; None when it went well, or when there was none.

        An agent that recovered from a fault fails for reasons of its own.
        """
        last = self._requests().exclude(outcome=Outcome.LEFT).order_by("-pk").first()
        if last is None or last.outcome == Outcome.ANSWERED:
            return None
        return Fault(last.outcome, last.sentence, last.retry_after, Outcome(last.outcome) in ITS_OWN)

    def cost(self) -> Decimal:
        return self._requests().aggregate(cost=Sum("cost"))["cost"] or Decimal(0)

    def _requests(self) -> QuerySet[ModelRequest]:
        if self.access is None:
            return ModelRequest.objects.none()
        return ModelRequest.objects.filter(access=self.access)


@contextmanager
def opened(agent_version: AgentVersion, *, run: Run | None = None) -> Iterator[Opened]:
    """The run's door to its model, closed afterwards. Raises NoAccess."""
    provider = agent_version.served_by
    if provider is None:
        yield Opened(None, None)
        return
    why = cannot_serve(provider, agent_version.model)
    if why:
        raise NoAccess(why)
    access = ModelAccess.objects.create(agent_version=agent_version, run=run)
    try:
        _tell("open", access.token)
        yield Opened(access, Door(sockets.folder_of(access.token), port()))
    finally:
        ModelAccess.objects.filter(pk=access.pk).update(closed_at=now())
        with suppress(NoAccess):  # the gateway's own sweep closes it else
            _tell("close", access.token)


def is_held(agent_version: AgentVersion) -> str:
    """Why its runs wait, in a sentence; "" when they may start."""
    provider = agent_version.served_by
    if provider is None or provider.state == Provider.State.ACTIVE:
        return ""
    return f"{provider.name} is paused: {provider.pause_reason}"


def cannot_serve(provider: Provider, model: str) -> str:
    """What is missing before a model can be asked, in a sentence; "" when nothing is."""
    if provider.state == Provider.State.PAUSED:
        return f"{provider.name} is paused: {provider.pause_reason}"
    if not ProviderSecret.objects.filter(provider=provider).exists():
        return f"{provider.name} has no key yet. An admin sets it on the page of providers."
    if ledger.rates_of(provider, model) is None:
        return ledger.no_price(provider, model)
    return ""


def is_running() -> bool:
    try:
        _tell("health")
    except NoAccess:
        return False
    return True


def _tell(verb: str, token: str = "") -> None:
    line = _Line()
    try:
        line.request("POST", f"/{verb}/{token}")
        if line.getresponse().status != 200:
            raise NoAccess("The model gateway does not know this run.")
    except (OSError, http.client.HTTPException):
        raise NoAccess("The model gateway does not answer; is its process running?") from None
    finally:
        line.close()


class _Line(http.client.HTTPConnection):
    def __init__(self) -> None:
        super().__init__("gateway", timeout=TIMEOUT)

    def connect(self) -> None:
        self.sock = sockets.connected(sockets.area(), sockets.CONTROL, TIMEOUT)


def port() -> int:
    """The same for every run but where runs share one network, without a sandbox."""
    if not settings.UNSAFE_SUBPROCESS:
        return PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
