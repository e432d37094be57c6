"""Who serves models, for how much, and what was used. Guarded, all but the public half of the sealing key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now, source
from marlin.states import Stateful

#: An amount of money a provider is paid, in US dollars: eight decimals, since one token costs less than a cent.
MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 8}


class Provider(Stateful):
    """A service that answers requests to models, at one address, in one dialect, with one key."""

    class State(models.TextChoices):
        ACTIVE = "active"  # runs may ask it
        PAUSED = "paused"  # see `pause_reason`; runs that need it wait

    class Dialect(models.TextChoices):
        ANTHROPIC = "anthropic", "Anthropic Messages"
        OPENAI = "openai", "OpenAI Chat Completions and Responses"
        GEMINI = "gemini", "Gemini generateContent"

    TRANSITIONS = {
        State.ACTIVE: {State.PAUSED},
        State.PAUSED: {State.ACTIVE},
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=20, choices=State, default=State.ACTIVE)
    pause_reason = models.TextField(blank=True)
    dialect = models.CharField(max_length=20, choices=Dialect)
    #: Up to the part that the dialect adds: with /v1 for OpenAI, without it for the others.
    base_url = models.CharField(max_length=300)
    #: On this machine or its network, where plain HTTP is allowed.
    is_local = models.BooleanField(default=False)
    concurrency = models.PositiveSmallIntegerField(default=4)
    monthly_budget = models.DecimalField(**MONEY, null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="paused") | ~Q(pause_reason=""), name="paused_provider_says_why"
            ),
            models.CheckConstraint(
                condition=Q(concurrency__gte=1), name="provider_takes_a_request_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(base_url__startswith="https://") | Q(is_local=True),
                name="only_a_local_provider_goes_without_https",
            ),
        ]

    def pause(self, *, by: User | None, why: str) -> None:
        self.move_to(self.State.PAUSED, by=by, pause_reason=why)

    def resume(self, *, by: User | None) -> None:
        self.move_to(self.State.ACTIVE, by=by, pause_reason="")


class SealingKey(models.Model):
    """The public half of a gateway's key pair: whoever has it can seal, and only that gateway can open."""

    #: X25519, in hex.
    public = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=now)


class ProviderSecret(models.Model):
    """A provider's key, sealed for one gateway and one address."""

    provider = models.OneToOneField(Provider, on_delete=models.DO_NOTHING, related_name="secret")
    sealing_key = models.ForeignKey(SealingKey, on_delete=models.DO_NOTHING, related_name="+")
    sealed = models.BinaryField()
    set_at = models.DateTimeField(default=now)
    set_by = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, related_name="+")


class Price(models.Model):
    """What a million tokens of one model cost from a day on. A price is never changed: a new one follows it."""

    provider = models.ForeignKey(Provider, on_delete=models.DO_NOTHING, related_name="prices")
    model = models.CharField(max_length=100)
    since = models.DateTimeField(default=now)
    input = models.DecimalField(**MONEY)
    output = models.DecimalField(**MONEY)
    cache_read = models.DecimalField(**MONEY)
    cache_write = models.DecimalField(**MONEY)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "since"], name="one_price_at_a_time"),
            models.CheckConstraint(
                condition=Q(input__gte=0, output__gte=0, cache_read__gte=0, cache_write__gte=0),
                name="price_is_not_negative",
            ),
        ]

    def amounts(self) -> dict[str, str]:
        """As they are read: neither trailing zeros nor an exponent."""
        names = ("input", "output", "cache_read", "cache_write")
        return {name: format(getattr(self, name).normalize(), "f") for name in names}


def new_door() -> str:
    return source().token("door")


class ModelAccess(models.Model):
    """One run's way to its model: open while the agent works. Without a run it is a trial by an admin."""

    #: Names the folder with the socket; unguessable, and never seen inside the sandbox.
    token = models.CharField(max_length=32, unique=True, default=new_door)
    agent_version = models.ForeignKey("tasks.AgentVersion", on_delete=models.DO_NOTHING, related_name="+")
    run = models.ForeignKey("tasks.Run", on_delete=models.DO_NOTHING, null=True, related_name="accesses")
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(closed_at=None), name="accesses_that_are_open"),
        ]


class Outcome(models.TextChoices):
    """How a request to a model ended, and whose doing it was."""

    ANSWERED = "answered", "answered"
    LEFT = "left", "the agent hung up"
    PROVIDER = "provider", "the provider failed"
    REFUSED = "refused", "the provider refused us"
    BUDGET = "budget", "a budget is spent"
    TOO_LONG = "too_long", "the prompt is too long"
    REQUEST = "request", "the agent's request makes no sense"
    GATEWAY = "gateway", "the gateway failed"


class ModelRequest(models.Model):
    """One request to a model: how it ended, what it used, what it cost. Never what was said."""

    access = models.ForeignKey(ModelAccess, on_delete=models.DO_NOTHING, related_name="requests")
    provider = models.ForeignKey(Provider, on_delete=models.DO_NOTHING, related_name="+")
    model = models.CharField(max_length=100)
    at = models.DateTimeField(default=now)
    dialect = models.CharField(max_length=20)
    outcome = models.CharField(max_length=20, choices=Outcome)
    #: In words for admins; a provider's own words are shortened and hold neither key nor prompt.
    sentence = models.CharField(max_length=500, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    retry_after = models.FloatField(null=True)
    seconds = models.FloatField(default=0)
    #: Until the first byte of the answer.
    waited = models.FloatField(null=True)
    input = models.PositiveBigIntegerField(default=0)
    output = models.PositiveBigIntegerField(default=0)
    cache_read = models.PositiveBigIntegerField(default=0)
    cache_write = models.PositiveBigIntegerField(default=0)
    #: The stream ended before the provider told what it used.
    estimated = models.BooleanField(default=False)
    cost = models.DecimalField(**MONEY, default=Decimal(0))

    class Meta:
        indexes = [models.Index(fields=["provider", "-at"], name="newest_requests")]


class Spending(models.Model):
    """What a run, task, experiment or a provider's month has cost so far: one row each, added to."""

    key = models.CharField(max_length=60, unique=True)
    spent = models.DecimalField(**MONEY, default=Decimal(0))
