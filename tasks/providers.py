"""What an admin does about providers: add one, set its key, its prices and its budget, pause it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now

from marlin.events import record
from marlin.models import User
from marlin.sources import now
from tasks.gateway import sealing
from tasks.models import (
    AgentVersion,
    ModelRequest,
    Outcome,
    Price,
    Provider,
    ProviderSecret,
    SealingKey,
    Spending,
)

#: What may be changed afterwards. A dialect stays: agent versions were made for it.
CHANGEABLE = ("base_url", "is_local", "concurrency", "monthly_budget")
LONGEST_KEY = 4096
RECENTLY = timedelta(days=1)


class Refused(Exception):
    """It cannot be done as things stand; the sentence says why."""


def address_refused(base_url: str, *, is_local: bool) -> str:
    """Why keys are not sent there, in a sentence; "" when they may be."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "This is no address."
    if not host or port == 0 or parts.query or parts.fragment or any(c.isspace() for c in base_url):
        return "An address looks like https://api.example.org or https://api.example.org/v1."
    if parts.username or parts.password:
        return "An address must not hold a name or a password; the key is set apart from it."
    if parts.scheme == "https" or (parts.scheme == "http" and is_local):
        return ""
    return "Use https. Plain http is only for a provider that is marked as local."


def add(provider: Provider, *, by: User | None, using: str = "default") -> Provider:
    """Keep a new one. Agent versions that name it are served by it from now on. Raises Refused."""
    provider.base_url = provider.base_url.rstrip("/")
    why = address_refused(provider.base_url, is_local=provider.is_local)
    if why:
        raise Refused(why)
    with transaction.atomic(using=using):
        provider.save(using=using)
        waiting = AgentVersion.objects.using(using).filter(provider=provider.name, served_by=None)
        waiting.filter(settings__has_key="dialect").update(served_by=provider)
        record("provider.added", provider, by=by, after=provider.state, using=using)
    return provider


def change(provider: Provider, fields: Mapping[str, object], *, by: User) -> bool:
    """Returns whether its key has to be set again: a key is sealed for one address. Raises Refused."""
    alias = provider._state.db or "default"
    before = provider.base_url
    changed = [name for name in CHANGEABLE if getattr(provider, name) != fields[name]]
    for name in changed:
        setattr(provider, name, fields[name])
    provider.base_url = provider.base_url.rstrip("/")
    why = address_refused(provider.base_url, is_local=provider.is_local)
    if why:
        raise Refused(why)
    with transaction.atomic(using=alias):
        provider.save(update_fields=CHANGEABLE)
        if changed:
            record("provider.changed", provider, by=by, using=alias, changed=sorted(changed))
        secret = ProviderSecret.objects.using(alias).filter(provider=provider)
        return provider.base_url != before and bool(secret.delete()[0])


def set_key(provider: Provider, key: str, *, by: User | None) -> None:
    """Seal it for the gateway. Nobody reads it again, and this process forgets it. Raises Refused."""
    alias = provider._state.db or "default"
    key = key.strip()
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Refused("A key is one line of letters, digits and signs.")
    newest = SealingKey.objects.using(alias).order_by("-pk").first()
    if newest is None:
        raise Refused("The gateway has not run yet: it makes the key pair that this is sealed with.")
    sealed = sealing.seal(key, public=newest.public, provider=provider)
    values = {"sealing_key": newest, "sealed": sealed, "set_at": now(), "set_by": by}
    with transaction.atomic(using=alias):
        ProviderSecret.objects.using(alias).update_or_create(provider=provider, defaults=values)
        record("provider.key_set", provider, by=by, using=alias)


def set_price(provider: Provider, model: str, amounts: Mapping[str, Decimal], *, by: User | None) -> Price:
    """From now on. What was used before keeps the price it had."""
    alias = provider._state.db or "default"
    with transaction.atomic(using=alias):
        price = Price.objects.using(alias).create(provider=provider, model=model.strip(), **amounts)
        record("provider.price_set", provider, by=by, using=alias)
    return price


def pause(provider: Provider, why: str, *, by: User) -> None:
    """Runs that need it wait, those under way are told to come back. Raises Refused, WrongState."""
    if not why.strip():
        raise Refused("Say why; whoever finds it paused will want to know.")
    provider.pause(by=by, why=why.strip())


def resume(provider: Provider, *, by: User) -> None:
    """Raises WrongState."""
    provider.resume(by=by)


def prices_of(provider: Provider) -> list[Price]:
    """The price that holds of each model, by name."""
    alias = provider._state.db or "default"
    every = Price.objects.using(alias).filter(provider=provider, since__lte=now())
    return list(every.order_by("model", "-since").distinct("model"))


@dataclass(frozen=True)
class Use:
    """What became of requests of the last day, and what the month has cost: no run is named."""

    month: Decimal
    outcomes: list[tuple[str, int]]


def use_of(provider: Provider) -> Use:
    alias = provider._state.db or "default"
    month = Spending.objects.using(alias).filter(key=f"month:{provider.pk}:{now():%Y-%m}").first()
    counted = (
        ModelRequest.objects.using(alias)
        .filter(provider=provider, at__gt=Now() - RECENTLY)
        .values_list("outcome")
        .annotate(number=Count("pk"))
        .order_by("outcome")
    )
    outcomes = [(Outcome(outcome).label, number) for outcome, number in counted]
    return Use(month.spent if month else Decimal(0), outcomes)
