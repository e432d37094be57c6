"""Who may ask which model, and what it has cost. The gateway's server asks through this and knows no table."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from marlin.sources import now
from marlin.states import WrongState
from tasks.gateway import sealing
from tasks.gateway.prices import Rates, Tokens, cost
from tasks.models import (
    ModelAccess,
    ModelRequest,
    Outcome,
    Price,
    Provider,
    ProviderSecret,
    Run,
    Spending,
)

#: A trial that an admin starts has no run whose end would close it.
LONGEST_TRIAL = timedelta(hours=2)


class Refused(Exception):
    """This request is not passed on."""

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome
        self.sentence = sentence


@dataclass(frozen=True)
class Grant:
    """A request that may be sent, and everything needed to send it."""

    access: int
    who: str  # for the log: names a run by its number, never an agent
    provider: int
    base_url: str
    family: str
    model: str
    concurrency: int
    rates: Rates
    key: str = field(repr=False)
    run: int | None = None
    #: What this request counts against: (key, bound or None).
    budgets: tuple[tuple[str, Decimal | None], ...] = ()
    reserved: Decimal = Decimal(0)


@dataclass(frozen=True)
class Exchange:
    """How a request ended."""

    dialect: str
    outcome: Outcome
    sentence: str = ""
    status: int | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    waited: float | None = None
    tokens: Tokens = field(default_factory=Tokens)
    estimated: bool = False
    stops_provider: bool = False


class Ledger(Protocol):
    """Its functions may block; the server calls them in threads."""

    def admit(self, token: str, tokens: int) -> Grant:
        """Raises Refused. `tokens` is about what the request sends."""

    def record(self, grant: Grant, exchange: Exchange) -> Decimal:
        """Write down what was used; gives the cost."""

    def release(self, grant: Grant) -> None:
        """The request was not sent."""

    def note_refusal(self, token: str, dialect: str, why: Refused) -> None: ...

    def still_open(self, tokens: Collection[str] | None) -> set[str]:
        """Those of `tokens` whose run goes on; all there are for None."""


class Books:
    """The ledger in the database. Requests under way are reserved for in memory: there is one gateway."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self.private = private
        self.public = sealing.public_of(private)
        self._reserved: Counter[str] = Counter()
        self._lock = threading.Lock()

    def admit(self, token: str, tokens: int) -> Grant:
        access = _access(token)
        provider = access.agent_version.served_by
        if provider is None:
            raise Refused(Outcome.GATEWAY, "This run has no provider.")
        if provider.state == Provider.State.PAUSED:
            raise Refused(Outcome.REFUSED, f"{provider.name} is paused: {provider.pause_reason}")
        rates = rates_of(provider, access.agent_version.model)
        if rates is None:
            raise Refused(Outcome.GATEWAY, no_price(provider, access.agent_version.model))
        budgets = _budgets(access, provider)
        reserved = cost(Tokens(input=tokens), rates)
        self._reserve(budgets, reserved)
        try:
            key = self._key(provider)
        except Refused:
            self._release(budgets, reserved)
            raise
        return Grant(
            access=access.pk,
            who=f"run {access.run_id}" if access.run_id else f"trial {access.pk}",
            provider=provider.pk,
            base_url=provider.base_url.rstrip("/"),
            family=provider.dialect,
            model=access.agent_version.model,
            concurrency=provider.concurrency,
            rates=rates,
            key=key,
            run=access.run_id,
            budgets=budgets,
            reserved=reserved,
        )

    def record(self, grant: Grant, exchange: Exchange) -> Decimal:
        amount = cost(exchange.tokens, grant.rates)
        try:
            with transaction.atomic():
                _write(grant.access, grant.provider, grant.model, exchange, amount)
                if amount:
                    _spend([key for key, _ in grant.budgets], amount)
                    if grant.run is not None:
                        Run.objects.filter(pk=grant.run).update(cost=F("cost") + amount)
        finally:
            self.release(grant)
        if exchange.stops_provider:
            _pause(grant.provider, exchange.sentence)
        return amount

    def release(self, grant: Grant) -> None:
        self._release(grant.budgets, grant.reserved)

    def note_refusal(self, token: str, dialect: str, why: Refused) -> None:
        access = ModelAccess.objects.select_related("agent_version").filter(token=token).first()
        if access is not None and access.agent_version.served_by_id is not None:
            exchange = Exchange(dialect, why.outcome, why.sentence)
            _write(
                access.pk, access.agent_version.served_by_id, access.agent_version.model, exchange, Decimal(0)
            )

    def still_open(self, tokens: Collection[str] | None) -> set[str]:
        """An access ends with its run, also where a worker died before it could close it."""
        accesses = ModelAccess.objects.filter(closed_at=None)
        if tokens is not None:
            accesses = accesses.filter(token__in=tokens)
        live = accesses.filter(run__state=Run.State.STARTED) | accesses.filter(
            run=None, opened_at__gt=Now() - LONGEST_TRIAL
        )
        return set(live.values_list("token", flat=True))

    def _key(self, provider: Provider) -> str:
        secret = ProviderSecret.objects.select_related("sealing_key").filter(provider=provider).first()
        if secret is None:
            raise Refused(Outcome.REFUSED, f"{provider.name} has no key yet.")
        try:
            return sealing.unseal(bytes(secret.sealed), private=self.private, provider=provider)
        except sealing.CannotOpen as why:
            raise Refused(Outcome.REFUSED, str(why)) from None

    def _reserve(self, budgets: tuple[tuple[str, Decimal | None], ...], amount: Decimal) -> None:
        bounded = [key for key, bound in budgets if bound is not None]
        with self._lock:
            spent = dict(Spending.objects.filter(key__in=bounded).values_list("key", "spent"))
            for key, bound in budgets:
                so_far = spent.get(key, Decimal(0)) + self._reserved[key]
                # What a request sends must fit; what it is answered may go over, once.
                if bound is not None and (so_far >= bound or so_far + amount > bound):
                    raise Refused(Outcome.BUDGET, f"The budget of this {_scope(key)}, ${bound:f}, is spent.")
            for key, _ in budgets:
                self._reserved[key] += amount  # type: ignore[assignment]

    def _release(self, budgets: tuple[tuple[str, Decimal | None], ...], amount: Decimal) -> None:
        with self._lock:
            for key, _ in budgets:
                self._reserved[key] -= amount  # type: ignore[assignment]
                if not self._reserved[key]:
                    del self._reserved[key]


def rates_of(provider: Provider, model: str) -> Rates | None:
    """The price that holds now."""
    price = Price.objects.filter(provider=provider, model=model, since__lte=now()).order_by("-since").first()
    if price is None:
        return None
    return Rates(price.input, price.output, price.cache_read, price.cache_write)


def no_price(provider: Provider, model: str) -> str:
    return f"{provider.name} has no price for {model}: without one no budget holds. Add it, also if it is 0."


def _access(token: str) -> ModelAccess:
    access = (
        ModelAccess.objects.select_related(
            "agent_version__served_by", "run__candidate__turn__task__experiment"
        )
        .filter(token=token, closed_at=None)
        .first()
    )
    if access is None or (access.run is not None and access.run.state != Run.State.STARTED):
        raise Refused(Outcome.GATEWAY, "This run has ended.")
    return access


def _budgets(access: ModelAccess, provider: Provider) -> tuple[tuple[str, Decimal | None], ...]:
    month = (f"month:{provider.pk}:{now():%Y-%m}", provider.monthly_budget)
    if access.run is None:
        return (f"trial:{access.pk}", settings.RUN_BUDGET or None), month
    task = access.run.candidate.turn.task
    experiment = task.experiment
    return (
        (f"run:{access.run_id}", _bound(experiment.run_budget, settings.RUN_BUDGET)),
        (f"task:{task.pk}", _bound(experiment.task_budget, settings.TASK_BUDGET)),
        (f"experiment:{experiment.pk}", experiment.provider_budget or None),
        month,
    )


def _bound(own: Decimal | None, usual: Decimal) -> Decimal | None:
    """0 is no bound."""
    return (usual if own is None else own) or None


def _scope(key: str) -> str:
    return key.partition(":")[0]


def _spend(keys: list[str], amount: Decimal) -> None:
    """Add to each in one statement, in one order for everybody, so that two requests never wait for each other."""
    table = connection.ops.quote_name(Spending._meta.db_table)
    rows = ", ".join(["(%s, %s)"] * len(keys))
    values = [value for key in sorted(keys) for value in (key, amount)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (key, spent) VALUES {rows} "  # noqa: S608  the table's own name
            f"ON CONFLICT (key) DO UPDATE SET spent = {table}.spent + EXCLUDED.spent",
            values,
        )


def _write(access: int, provider: int, model: str, exchange: Exchange, amount: Decimal) -> None:
    tokens = exchange.tokens
    ModelRequest.objects.create(
        access_id=access,
        provider_id=provider,
        model=model,
        dialect=exchange.dialect,
        outcome=exchange.outcome,
        sentence=exchange.sentence[:500],
        status=exchange.status,
        retry_after=exchange.retry_after,
        seconds=exchange.seconds,
        waited=exchange.waited,
        input=tokens.input,
        output=tokens.output,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        estimated=exchange.estimated,
        cost=amount,
    )


def _pause(provider: int, sentence: str) -> None:
    """A second request that is refused at the same moment finds it paused already."""
    try:
        Provider.objects.get(pk=provider, state=Provider.State.ACTIVE).pause(by=None, why=sentence)
    except (Provider.DoesNotExist, WrongState):
        return
