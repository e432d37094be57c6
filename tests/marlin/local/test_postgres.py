"""The embedded PostgreSQL: who gets in, what each login may do, and how it comes back."""

from __future__ import annotations

import os
import secrets
import subprocess
from urllib.parse import quote

import psycopg
import pytest

from marlin.local import CannotServe
from marlin.local.postgres import SUPERUSER, Postgres
from marlin.local.servers import Servers


@pytest.fixture
def postgres(servers: Servers) -> Postgres:
    assert servers.postgres
    return servers.postgres


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def superuser(postgres: Postgres) -> psycopg.Connection:
    password = postgres.passwords[SUPERUSER]
    return connect(
        f"postgresql://{SUPERUSER}:{password}@/postgres?host={quote(str(postgres.sockets), safe='')}"
    )


@pytest.mark.parametrize("role", ["owner", "web", "worker", "unblind"])
def test_each_login_signs_in_as_itself(postgres, role):
    with connect(postgres.url(role)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (f"marlin_{role}",)


def test_a_login_without_its_password_is_refused(postgres):
    url = postgres.url("owner").replace(postgres.passwords["owner"], "guess")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(url)


def test_every_way_in_asks_for_a_scram_password(postgres):
    with superuser(postgres) as connection:
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        stored = connection.execute("SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin")

        assert methods == [("scram-sha-256",)]
        assert stored.fetchall() == [("SCRAM-SHA-256",)]


def test_it_listens_on_no_network_address(postgres):
    with superuser(postgres) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_nobody_else_reaches_the_socket(postgres):
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("role", ["web", "worker", "unblind"])
def test_only_the_owner_creates_tables(postgres, role):
    with (
        connect(postgres.url(role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE public.mine (id int)")


@pytest.mark.parametrize("role", ["web", "worker", "unblind"])
def test_the_owner_has_the_rights_of_a_role_only_when_it_becomes_it(postgres, role):
    with connect(postgres.url("owner")) as connection:
        inherits, may_set = connection.execute(
            "SELECT inherit_option, set_option FROM pg_auth_members WHERE roleid = %s::regrole "
            "AND member = 'marlin_owner'::regrole",
            [f"marlin_{role}"],
        ).fetchone()
        connection.execute(f"SET ROLE marlin_{role}")

        assert (inherits, may_set) == (False, True)


def test_the_owner_clones_databases(postgres):
    with connect(postgres.url("owner", "postgres")) as connection:
        connection.execute("CREATE DATABASE the_template")
        connection.execute("CREATE DATABASE a_clone TEMPLATE the_template")
        connection.execute("DROP DATABASE a_clone")
        connection.execute("DROP DATABASE the_template")


def test_the_owner_installs_trigrams(postgres):
    with connect(postgres.url("owner")) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")

        assert connection.execute("SELECT similarity('marlin', 'merlin') > 0.3").fetchone() == (True,)


def test_a_killed_server_comes_back_with_what_it_had_promised(postgres):
    with connect(postgres.url("owner")) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")

    postgres.kill()
    restarted = postgres.restart_if_dead()

    assert restarted
    with connect(postgres.url("owner")) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("still here",)]


def test_a_living_server_is_not_restarted(postgres):
    assert not postgres.restart_if_dead()


def test_a_stale_lock_that_names_somebody_else_is_taken_over(postgres):
    account = postgres.account
    bystander = subprocess.Popen(["sleep", "1000"], user=account.uid if account else None)
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text(f"{bystander.pid}\n{postgres.data}\n0\n5432\n\n\n\nready\n")
    (postgres.sockets / ".s.PGSQL.5432.lock").write_text(f"{bystander.pid}\n")
    if account:
        os.chown(postgres.data / "postmaster.pid", account.uid, account.gid)

    postgres.start()

    try:
        assert bystander.poll() is None, "the bystander was taken for a server and ended"
        with connect(postgres.url("web")):
            pass
    finally:
        bystander.kill()
        bystander.wait()


def test_lost_passwords_are_replaced(postgres):
    postgres.stop()
    postgres.passwords = {role: secrets.token_hex(8) for role in postgres.passwords}

    postgres.start()

    with connect(postgres.url("owner")), superuser(postgres):
        pass


def test_data_of_another_version_are_refused_with_both_versions(postgres):
    marker = postgres.data / "PG_VERSION"
    right = marker.read_text()
    postgres.stop()
    marker.write_text("9\n")

    try:
        with pytest.raises(
            CannotServe, match=f"made by PostgreSQL 9 and the installed one is {right.strip()}"
        ):
            postgres.start()
    finally:
        marker.write_text(right)
        postgres.start()
