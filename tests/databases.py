"""Databases for tests: clones of one migrated template to which nobody connects."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connections
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
LOGINS = ("OWNER", "WEB", "WORKER", "UNBLIND")


def url_of(login: str, database: str = "") -> str:
    """The address of a login, of the database named in the environment or of another one."""
    parts = urlsplit(os.environ[f"DATABASE_URL_{login}"])
    return urlunsplit(parts._replace(path=f"/{database}") if database else parts)


def urls_of(database: str) -> dict[str, str]:
    return {f"DATABASE_URL_{login}": url_of(login, database) for login in LOGINS}


def template() -> str:
    """The migrated template of this state of the migrations, made once."""
    name = f"marlin_template_{_fingerprint()}"
    with _owner() as connection:
        # One process makes it, the others wait for the lock and find it.
        connection.execute("SELECT pg_advisory_lock(20260101)")
        if not _exists(connection, name):
            _make(connection, name)
    return name


@contextmanager
def clone(name: str) -> Iterator[str]:
    """A database of one's own, with every table and nothing in them."""
    source = template()
    with _owner() as connection:
        _drop(connection, name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        )
    try:
        yield name
    finally:
        with _owner() as connection:
            _drop(connection, name)


@contextmanager
def in_use(name: str) -> Iterator[None]:
    """The models of this process, in this database instead of their own. What is written there stays written."""
    default = connections["default"]
    default.close()
    before = default.settings_dict["NAME"]
    default.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        default.settings_dict["NAME"] = before


def _make(connection: psycopg.Connection, name: str) -> None:
    half = f"{name}_half"
    _drop(connection, half)
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(half)))
    environment = {**os.environ, **urls_of(half), "MARLIN_PROCESS": "owner"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True
    )
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(half), sql.Identifier(name))
    )


def _owner() -> psycopg.Connection:
    return psycopg.connect(url_of("OWNER"), autocommit=True)


def _exists(connection: psycopg.Connection, name: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone())


def _drop(connection: psycopg.Connection, name: str) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    try:
        connection.execute(drop + sql.SQL(" WITH (FORCE)"))
    except psycopg.errors.InsufficientPrivilege:
        # An autovacuum worker is in it. Only the plain form may send that away; it waits for who is leaving.
        connection.execute(drop)


def _fingerprint() -> str:
    """Changes with every file that shapes the schema or its privileges."""
    digest = hashlib.sha256()
    sources = [*ROOT.glob("*/migrations/*.py"), ROOT / "marlin/privileges.py", ROOT / "marlin/logins.py"]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
