"""PostgreSQL and Valkey together, and the environment that leads a Marlin process to them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from marlin.local import CannotServe
from marlin.local.area import Area, locked
from marlin.local.postgres import SUPERUSER, Postgres
from marlin.local.processes import MARK, end, marked
from marlin.local.programs import Programs, programs_in
from marlin.local.valkey import Valkey

ROLES = ("owner", "web", "worker", "unblind")

URLS = tuple(f"DATABASE_URL_{role.upper()}" for role in ROLES)
EXPORTED = frozenset(
    {
        *URLS,
        "REDIS_URL",
        "SECRET_KEY",
        "MARLIN_WORK",
        "MARLIN_BWRAP",
        "MARLIN_SANDBOX_PYTHON",
        "MEDIA_ROOT",
        "MARLIN_GATEWAY_KEY",
    }
)

#: A log beyond this many bytes makes room for a new one at the next start.
LOG_BYTES = 5 * 2**20


@dataclass(frozen=True)
class Servers:
    """What runs, and the variables that say where. A server that the caller brought along is None."""

    postgres: Postgres | None
    valkey: Valkey | None
    environment: Mapping[str, str]

    def restart_dead(self) -> list[str]:
        """The names of servers that had died and run again."""
        restarted = []
        if self.postgres and self.postgres.restart_if_dead():
            restarted.append("postgres")
        if self.valkey and self.valkey.restart_if_dead():
            restarted.append("valkey")
        return restarted


@contextlib.contextmanager
def servers_in(
    area: Area, given: Mapping[str, str], *, fast: bool = False, defaults: Mapping[str, str] | None = None
) -> Iterator[Servers]:
    """Runs what `given` does not name: all four DATABASE_URLs or none, and REDIS_URL.

    `given` wins over what is found out here, and that over `defaults`; var/env holds only the last two.
    """
    own_postgres, own_valkey = _missing(given)
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(area.var / "lock"))
        _end_leftovers(area)
        known = _secrets(area.var / "secrets.json")
        programs = programs_in(area)
        postgres = _postgres(area, programs, known, fast=fast) if own_postgres else None
        valkey = _valkey(area, programs) if own_valkey else None
        stack.callback(area.leave)
        for server in (postgres, valkey):
            if server:
                stack.callback(server.stop)
                server.start()
        environment = {**(defaults or {}), **_environment(area, programs, known, postgres, valkey)}
        _write_environment(area.var / "env", environment)
        yield Servers(postgres, valkey, {**environment, **given, MARK: str(area.var)})


def user_environment() -> dict[str, str]:
    """The variables a person set. What another start of ours exported is not a wish of theirs."""
    ours = EXPORTED if MARK in os.environ else frozenset[str]()
    return {name: value for name, value in os.environ.items() if name not in ours}


def _missing(given: Mapping[str, str]) -> tuple[bool, bool]:
    named = [name for name in URLS if given.get(name)]
    missing = [name for name in URLS if name not in named]
    if named and missing:
        raise CannotServe(
            f"{named[0]} is set, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not. "
            "Set all four addresses of your database, or none to use the embedded one."
        )
    return not named, not given.get("REDIS_URL")


def _postgres(area: Area, programs: Programs, known: Mapping[str, str], *, fast: bool) -> Postgres:
    return Postgres(
        folder=area.folder("postgres"),
        sockets=area.socket_folder("postgres"),
        programs=programs.postgres,
        log=_log(area, "postgres"),
        passwords={role: known[role] for role in (SUPERUSER, *ROLES)},
        account=area.account,
        fast=fast,
    )


def _valkey(area: Area, programs: Programs) -> Valkey:
    return Valkey(
        folder=area.folder("valkey"),
        sockets=area.socket_folder("valkey"),
        program=programs.valkey,
        log=_log(area, "valkey"),
        account=area.account,
    )


def _end_leftovers(area: Area) -> None:
    # The lock is ours, so a process with our mark belongs to a start that was killed.
    left = end(lambda: marked(str(area.var)), first=signal.SIGTERM, patience=5)
    if left:
        print(f"Ended {len(left)} processes that an earlier start had left.", flush=True)


def _environment(
    area: Area, programs: Programs, known: Mapping[str, str], postgres: Postgres | None, valkey: Valkey | None
) -> dict[str, str]:
    environment = {
        "SECRET_KEY": known["secret_key"],
        "MARLIN_WORK": str(area.work),
        "MARLIN_BWRAP": str(programs.bwrap),
        "MEDIA_ROOT": str(area.var / "media"),
        "MARLIN_GATEWAY_KEY": str(area.var / "gateway" / "private.key"),
    }
    if programs.sandbox_python:
        environment["MARLIN_SANDBOX_PYTHON"] = str(programs.sandbox_python)
    if postgres:
        environment |= dict(zip(URLS, map(postgres.url, ROLES), strict=True))
    if valkey:
        environment["REDIS_URL"] = valkey.url
    return environment


def _write_environment(path: Path, environment: Mapping[str, str]) -> None:
    lines = ["# Written at every start; settings.py reads it beneath the environment of the process."]
    lines += [f"{name}={value}" for name, value in environment.items()]
    _write_private(path, "\n".join(lines) + "\n")


def _secrets(path: Path) -> dict[str, str]:
    """Passwords and the signing key: made once, then the same at every start."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {name: secrets.token_hex(24) for name in (SUPERUSER, *ROLES)} | {
        "secret_key": secrets.token_urlsafe(64)
    }
    if made.keys() - known.keys():
        known = made | known
        _write_private(path, json.dumps(known, indent=1) + "\n")
    return known


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def _log(area: Area, name: str) -> Path:
    log = area.logs / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log
