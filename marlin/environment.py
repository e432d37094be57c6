"""Reads settings from the environment and refuses nonsense by the name of the variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


class Environment:
    """The process environment, with a file of defaults that `make run` writes beneath it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    @classmethod
    def of_process(cls, local: Path) -> Environment:
        return cls({**_read(local), **os.environ})

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name, str(default)).strip().lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off", ""}:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be true or false.")

    def number(self, name: str, default: float, *, least: float = 0) -> float:
        value = self.values.get(name, str(default))
        try:
            number = float(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be a number.") from None
        if not least <= number < float("inf"):
            raise ImproperlyConfigured(f"{name} is {value}; it must be at least {least:g}.")
        return number

    def whole(self, name: str, default: int, *, least: int = 0) -> int:
        number = self.number(name, default, least=least)
        if number != int(number):
            raise ImproperlyConfigured(f"{name} is {number}; it must be a whole number.")
        return int(number)

    def money(self, name: str, default: str) -> Decimal:
        value = self.values.get(name, default)
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise ImproperlyConfigured(f"{name} is {value!r}; it must be an amount like 2.50.") from None
        if not amount.is_finite() or amount < 0:
            raise ImproperlyConfigured(f"{name} is {value}; it must be an amount of at least 0.")
        return amount

    def words(self, name: str, default: str = "") -> list[str]:
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def database(self, name: str) -> dict[str, object]:
        """One entry of DATABASES from `postgresql://user:password@host:port/name?host=/socket`."""
        url = self.text(name)
        parts = urlsplit(url)
        database = parts.path.removeprefix("/")
        if parts.scheme not in {"postgresql", "postgres"} or not database:
            raise ImproperlyConfigured(
                f"{name} is {_without_password(url)!r}; it must look like postgresql://user:password@host/name."
            )
        # Queries here are short; where tables are not analysed yet, compiling one takes a hundred times its run.
        options = {"options": "-c jit=off", **dict(parse_qsl(parts.query))}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(database),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
            "PORT": options.pop("port", None) or str(parts.port or ""),
            "OPTIONS": options,
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(parts.password, "…") if parts.password else url
