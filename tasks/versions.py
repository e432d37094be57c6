"""Agent versions: added from a preset or as written, looked over by a worker, and never changed afterwards."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from tasks.models import AgentCheck, AgentVersion, Provider
from tasks.presets import Preset, presets

#: What may be written beside the day and the tables, and how long each may be.
WORDS = {
    "name": 100,
    "model": 100,
    "provider": 100,
    "directory": 500,
    "harness": 100,
    "harness_version": 40,
}
TABLES = ("settings", "limits", "prices")
BARE = re.compile(r"[A-Za-z0-9_-]+")
#: What can stand between three quotes as it is.
SEVERAL_LINES = re.compile(r"(?=.*\n)[^\x00-\x08\x0b-\x1f\x7f']*", re.DOTALL)


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
    by: User | None = None,
    using: str = "default",
) -> AgentVersion:
    """A version of a known harness with a model. Raises Refused."""
    chosen = presets().get(preset)
    if chosen is None:
        raise Refused(
            f"There is no preset “{preset[:80]}”; there are {', '.join(presets())}.", field="preset"
        )
    if chosen.needs_directory and not directory:
        raise Refused(
            f"{chosen.title} needs the directory it is installed in: {chosen.install}.", field="directory"
        )
    pinned = version.strip() or chosen.version
    made = AgentVersion(
        name=name.strip(),
        kind=chosen.kind,
        harness=chosen.harness,
        harness_version=pinned,
        model=model.strip(),
        provider=provider.strip(),
        settings=_settings(chosen, pinned),
        limits=dict(chosen.limits),
        directory=directory,
        prices=dict(prices or {}),
        released_on=released_on,
    )
    return _keep(made, by, using)


def add_written(text: str, *, by: User | None, using: str = "default") -> AgentVersion:
    """A version as `written` writes it, in TOML. What its settings mean a worker finds out. Raises Refused."""
    try:
        told = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as why:
        raise Refused(f"This is not TOML: {why}.", field="toml") from None
    unknown = sorted(set(told) - {*WORDS, *TABLES, "released_on"})
    if unknown:
        known = ", ".join((*WORDS, "released_on", *TABLES))
        raise Refused(f"There is no “{unknown[0][:80]}”; there are {known}.", field="toml")
    for word in WORDS:
        if not isinstance(told.get(word, ""), str):
            raise Refused(f"“{word}” must be a text.", field="toml")
    for table in TABLES:
        if not isinstance(told.get(table, {}), dict):
            raise Refused(f"“{table}” must be a table.", field="toml")
    if not told.get("settings", {}).get("argv"):
        raise Refused("[settings] needs “argv”, how it is started.", field="toml")
    released = told.get("released_on")
    # A moment of a day is a date, too, and none that can be stored.
    if released is not None and type(released) is not date:
        raise Refused("“released_on” is a day, written 2026-01-31 without quotes.", field="toml")
    try:
        return _keep(AgentVersion(**told), by, using)
    except Refused as why:
        raise Refused(why.sentence, field="toml") from None


def written(version: AgentVersion) -> str:
    """All that makes it run, as TOML: to read, and to add another from."""
    lines = [f"{word} = {_value(getattr(version, word))}" for word in WORDS if getattr(version, word)]
    if version.released_on:
        lines.append(f"released_on = {version.released_on.isoformat()}")
    for table in TABLES:
        lines += _table(table, getattr(version, table))
    return "\n".join(lines) + "\n"


def ask_check(version: AgentVersion, *, by: User | None) -> AgentCheck:
    """Have a worker look it over. Asked twice, it is looked over once."""
    alias = version._state.db or "default"
    checks = AgentCheck.objects.using(alias)
    try:
        with transaction.atomic(using=alias):
            check: AgentCheck = checks.create(agent_version=version, by_id=by.pk if by else None)
            record("agentversion.check_asked", version, by=by, using=alias)
            ring("tasks.jobs.check_agent", check.pk, using=alias)
            return check
    except IntegrityError:  # one_check_at_a_time
        waiting: AgentCheck = checks.get(agent_version=version, state=AgentCheck.State.WAITING)
        return waiting


def _keep(version: AgentVersion, by: User | None, using: str) -> AgentVersion:
    _check(version)
    version.served_by = _served_by(version, using)
    try:
        with transaction.atomic(using=using):
            version.save(using=using)
            record("agentversion.added", version, by=by, after=version.state, using=using)
    except IntegrityError:
        raise Refused(f"There is an agent version called “{version.name}” already.", field="name") from None
    return version


def _check(version: AgentVersion) -> None:
    for field in ("name", "model", "provider", "harness"):
        if not getattr(version, field).strip():
            raise Refused(f"It needs a {field}.", field=field)
    for field, most in WORDS.items():
        value = getattr(version, field)
        if len(value) > most or not value.isprintable():
            raise Refused(
                f"The {field.replace('_', ' ')} is one line of at most {most} characters.", field=field
            )
    if version.directory and not Path(version.directory).is_absolute():
        raise Refused("The directory must be an absolute path on the workers' machines.", field="directory")
    _check_prices(version.prices)


def _served_by(version: AgentVersion, using: str) -> Provider | None:
    """One that asks a model is served through the gateway, as soon as there is a provider of this name."""
    if not version.settings.get("dialect"):
        return None
    return Provider.objects.using(using).filter(name=version.provider).first()


def _settings(preset: Preset, pinned: str) -> dict[str, Any]:
    """A copy: a version runs in a year as it runs today, whatever becomes of the preset."""
    settings = dict(preset.settings)
    return settings | {"version": pinned} if settings.get("probe") else settings


def _check_prices(prices: Mapping[str, Any]) -> None:
    for kind, price in prices.items():
        try:
            amount = Decimal(str(price))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            raise Refused(f"“{price}” is no price per million {kind} tokens.", field="prices")


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Tables inside come last: what follows a heading belongs to it."""
    if not values:
        return
    yield from ("", f"[{name}]")
    for key, value in values.items():
        if not isinstance(value, dict):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _table(f"{name}.{_key(key)}", value)


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    """Texts, numbers and lists of both are the same in JSON; long ones stand as they read."""
    if isinstance(value, list) and len(value) > 1:
        return "\n".join(["[", *(f"    {_value(each)}," for each in value), "]"])
    if isinstance(value, str) and SEVERAL_LINES.fullmatch(value):
        return f"'''\n{value}'''"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
