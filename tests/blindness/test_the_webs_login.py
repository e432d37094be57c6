"""Signed in to PostgreSQL as `web`: no statement shows what a guarded table holds."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connections

from marlin.logins import GUARDED
from tests import databases
from tests.blindness import crawl
from tests.blindness.conftest import OpenWorld
from tests.blindness.crawl import GUARDED_TABLES


@pytest.fixture(scope="module")
def database(empty_world: OpenWorld) -> Iterator[str]:
    """The database of a world in which every guarded table has rows, and statistics."""
    with empty_world("login") as directory:
        crawl.build(directory)
        name = str(connections["default"].settings_dict["NAME"])
        with psycopg.connect(databases.url_of("OWNER", name), autocommit=True) as owner:
            owner.execute("ANALYZE")
            for table in GUARDED_TABLES:
                assert _count(owner, f"SELECT count(*) FROM {table}"), table
            assert _count(owner, "SELECT count(*) FROM pg_stats WHERE tablename = 'tasks_agentversion'")
        yield name


@pytest.fixture
def web(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(databases.url_of("WEB", database), autocommit=True) as connection:
        yield connection


STATEMENTS = {
    "reading": "SELECT * FROM {}",
    "counting": "SELECT count(*) FROM {}",
    "joining": "SELECT c.id FROM tasks_candidate c LEFT JOIN {} g ON g.id = c.id",
    "asking whether": "SELECT EXISTS (SELECT 1 FROM {})",
    "from a subquery": "SELECT id FROM tasks_candidate WHERE id IN (SELECT id FROM {})",
    "by a row's type": "SELECT (SELECT g FROM {} g LIMIT 1)::text",
    "through XML": "SELECT query_to_xml('SELECT * FROM {}', true, false, '')",
    "copying": "COPY {} TO STDOUT",
    "explaining": "EXPLAIN ANALYZE SELECT * FROM {}",
    "in a view": "CREATE TEMP VIEW mine AS SELECT * FROM {0}; SELECT * FROM mine; DROP VIEW mine",
    "in a function": (
        "CREATE FUNCTION pg_temp.mine() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {}';"
        "SELECT pg_temp.mine()"
    ),
    "locking": "DO $$ BEGIN LOCK TABLE {}; END $$",
    "changing": "UPDATE {} SET id = id",
    "deleting": "DELETE FROM {}",
    "emptying": "TRUNCATE {}",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_guarded_table_is_refused(web: psycopg.Connection, statement: str) -> None:
    for table in GUARDED_TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(statement.format(table))


def test_the_list_of_guarded_tables_is_whole() -> None:
    assert sorted(GUARDED_TABLES) == sorted(label.replace(".", "_") for label in GUARDED)


def test_nobody_else_can_be_become(web: psycopg.Connection) -> None:
    for role in ("owner", "worker", "unblind"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(f"SET ROLE marlin_{role}")


def test_catalogues_show_nothing_of_their_contents(web: psycopg.Connection) -> None:
    tables = list(GUARDED_TABLES)

    for catalogue in ("information_schema.columns", "information_schema.table_privileges"):
        assert not _count(web, f"SELECT count(*) FROM {catalogue} WHERE table_name = ANY(%s)", tables)
    assert not _count(web, "SELECT count(*) FROM pg_stats WHERE tablename = ANY(%s)", tables)
    assert not _count(web, "SELECT count(*) FROM pg_stats_ext")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("SELECT * FROM pg_statistic")


def test_statements_of_other_logins_are_hidden(web: psycopg.Connection, database: str) -> None:
    with psycopg.connect(databases.url_of("OWNER", database), autocommit=True) as owner:
        owner.execute("SELECT 'CANARY'")

        seen = web.execute(
            "SELECT query FROM pg_stat_activity WHERE pid = %s", [owner.info.backend_pid]
        ).fetchall()

    assert seen == [("<insufficient privilege>",)]


def test_the_draw_is_the_only_function_with_more_rights(web: psycopg.Connection) -> None:
    functions = web.execute(
        """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND has_function_privilege(p.oid, 'EXECUTE')
          AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        """
    ).fetchall()

    assert functions == [("draw_blind_pair",)]


def test_the_draw_gives_back_the_pair_and_nothing_of_its_origins(web: psycopg.Connection) -> None:
    cursor = web.execute(
        "SELECT (draw_blind_pair(assignment_id, turn_id, attempt, 0.1)).* FROM grading_blindpair LIMIT 1"
    )
    assert cursor.description

    assert [column.name for column in cursor.description] == [
        *("id", "attempt", "method", "probability", "drawn_at"),
        *("a_id", "assignment_id", "b_id", "turn_id"),
    ]


def _count(connection: psycopg.Connection, statement: str, *values: object) -> int:
    row = connection.execute(statement, values).fetchone()
    assert row
    return int(row[0])
