"""Agent versions: added from a preset, each field checked, never changed once an experiment uses them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from tasks.models import AgentVersion, Provider
from tasks.presets import Preset, presets


class Refused(Exception):
    """An agent version cannot be added like this; the sentence says why."""

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


def add(
    preset: str,
    *,
    name: str,
    model: str,
    provider: str,
    directory: str = "",
    version: str = "",
    prices: Mapping[str, str] | None = None,
    released_on: date | None = None,
    using: str = "default",
) -> AgentVersion:
    """A version of a known harness with a model. Raises Refused."""
    chosen = presets().get(preset)
    if chosen is None:
        raise Refused(
            f"There is no preset “{preset[:80]}”; there are {', '.join(presets())}.", field="preset"
        )
    for field, value in (("name", name), ("model", model), ("provider", provider)):
        if not value.strip():
            raise Refused(f"It needs a {field}.", field=field)
    if directory and not Path(directory).is_absolute():
        raise Refused("The directory must be an absolute path on the workers' machines.", field="directory")
    if chosen.needs_directory and not directory:
        raise Refused(
            f"{chosen.title} needs the directory it is installed in: {chosen.install}.", field="directory"
        )
    pinned = version.strip() or chosen.version
    try:
        with transaction.atomic(using=using):
            return AgentVersion.objects.using(using).create(
                name=name.strip(),
                kind=chosen.kind,
                harness=chosen.harness,
                harness_version=pinned,
                model=model.strip(),
                provider=provider.strip(),
                served_by=_served_by(chosen, provider.strip(), using),
                settings=_settings(chosen, pinned),
                limits=dict(chosen.limits),
                directory=directory,
                prices=_prices(prices or {}),
                released_on=released_on,
            )
    except IntegrityError:
        raise Refused(f"There is an agent version called “{name.strip()}” already.", field="name") from None


def _served_by(preset: Preset, provider: str, using: str) -> Provider | None:
    """One that asks a model is served through the gateway, as soon as there is a provider of this name."""
    if not preset.settings.get("dialect"):
        return None
    return Provider.objects.using(using).filter(name=provider).first()


def _settings(preset: Preset, pinned: str) -> dict[str, Any]:
    """A copy: a version runs in a year as it runs today, whatever becomes of the preset."""
    settings = dict(preset.settings)
    return settings | {"version": pinned} if settings.get("probe") else settings


def _prices(prices: Mapping[str, str]) -> dict[str, str]:
    for kind, price in prices.items():
        try:
            amount = Decimal(price)
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            raise Refused(f"“{price}” is no price per million {kind} tokens.", field="prices")
    return dict(prices)
