"""What each of the four logins may do, asked of PostgreSQL itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from psycopg import sql

from marlin import privileges
from marlin.logins import GUARDED, is_guarded
from tests import databases

Login = Callable[[str], psycopg.Connection]
GUARDED_MODELS = [model for model in apps.get_models() if is_guarded(model._meta.label)]


@pytest.fixture
def signed_in(db: None) -> Iterator[Login]:
    """Signs in for real, with a login's own password, to the test database."""
    with ExitStack() as connections:

        def sign_in(login: str) -> psycopg.Connection:
            url = databases.url_of(login, connection.settings_dict["NAME"])
            opened = psycopg.connect(url)
            connections.callback(opened.close)  # without a commit: other tests share the database
            return opened

        yield sign_in


def read(login: psycopg.Connection, table: str) -> None:
    login.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table)))


def test_every_guarded_label_is_a_model():
    assert {model._meta.label_lower for model in GUARDED_MODELS} == GUARDED


@pytest.mark.parametrize("model", GUARDED_MODELS, ids=lambda model: model.__name__)
def test_web_is_refused_every_guarded_table(signed_in, model):
    web = signed_in("WEB")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read(web, model._meta.db_table)


@pytest.mark.parametrize("login", ["WORKER", "UNBLIND"])
@pytest.mark.parametrize("model", GUARDED_MODELS, ids=lambda model: model.__name__)
def test_worker_and_unblind_read_the_guarded_tables(signed_in, login, model):
    read(signed_in(login), model._meta.db_table)


def test_web_reads_candidates_and_people(signed_in):
    web = signed_in("WEB")

    read(web, "tasks_candidate")
    read(web, "marlin_user")


@pytest.mark.parametrize("login", ["WEB", "WORKER", "UNBLIND"])
def test_events_can_be_read_and_added(signed_in, login):
    opened = signed_in(login)

    opened.execute(
        "INSERT INTO marlin_event (at, name, subject, story, before, after, why, detail)"
        " VALUES (now(), 'test', 'test', '', '', '', '', '{}')"
    )

    assert opened.execute("SELECT count(*) FROM marlin_event").fetchone() == (1,)


@pytest.mark.parametrize("login", ["WEB", "WORKER", "UNBLIND"])
@pytest.mark.parametrize("change", ["UPDATE marlin_event SET why = 'other'", "DELETE FROM marlin_event"])
def test_events_cannot_be_changed(signed_in, login, change):
    opened = signed_in(login)

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        opened.execute(change)


@pytest.mark.parametrize("table", ["marlin_event", "marlin_eventseal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_trigger_stops_the_owner_too(signed_in, table, change):
    owner = signed_in("OWNER")

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        owner.execute(sql.SQL(change).format(sql.Identifier(table)))


def test_web_cannot_write_seals(signed_in):
    web = signed_in("WEB")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("INSERT INTO marlin_eventseal (event_id, position, digest) VALUES (1, 1, '')")


@pytest.mark.parametrize("login", ["WEB", "WORKER", "UNBLIND"])
def test_no_login_but_the_owner_changes_the_schema(signed_in, login):
    opened = signed_in(login)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        opened.execute("CREATE TABLE public.mine (id integer)")


@pytest.mark.parametrize("login", ["WEB", "WORKER", "UNBLIND"])
def test_no_login_but_the_owner_becomes_another(signed_in, login):
    opened = signed_in(login)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        opened.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(settings.DATABASE_ROLES["owner"])))


def granted() -> set[tuple[str, str, str]]:
    """(role, table, privilege) of the catalogue, without what the owner has of its own."""
    names = {settings.DATABASE_ROLES[role]: role for role in ("web", "worker", "unblind")}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE table_schema = 'public' AND grantee <> %s",
            [settings.DATABASE_ROLES["owner"]],
        )
        return {(names.get(grantee, grantee), table, right) for grantee, table, right in cursor.fetchall()}


def test_the_catalogue_grants_what_the_list_wants_and_nothing_else(db):
    wanted = {(role, table, right) for role, table, rights in privileges.wanted() for right in rights}

    assert granted() == wanted


def test_the_list_names_every_table(db):
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))

    assert {table for _, table, _ in privileges.wanted()} == tables


def test_the_draw_may_be_called_by_the_listed_logins_alone(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT grantee FROM information_schema.role_routine_grants"
            " WHERE routine_schema = 'public' AND routine_name = 'draw_blind_pair'"
        )
        callers = {grantee for (grantee,) in cursor.fetchall()}

    assert "PUBLIC" not in callers
    assert callers == {settings.DATABASE_ROLES[role] for role in ("owner", "web", "worker", "unblind")}


def test_granting_again_changes_nothing(db):
    before = granted()

    privileges.grant_after_migrate("default", sender=list(apps.get_app_configs())[-1])

    assert granted() == before


def test_granting_takes_back_what_the_list_does_not_want(db):
    role = connection.ops.quote_name(settings.DATABASE_ROLES["web"])
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT ON tasks_origin TO {role}")

    privileges.grant_after_migrate("default", sender=list(apps.get_app_configs())[-1])

    assert ("web", "tasks_origin", "SELECT") not in granted()


@pytest.mark.parametrize("model", GUARDED_MODELS, ids=lambda model: model.__name__)
def test_foreign_keys_of_guarded_tables_leave_deleting_to_the_database(model):
    """Anything but DO_NOTHING makes Django read the guarded table when a page deletes something else."""
    keys = [field for field in model._meta.get_fields() if isinstance(field, models.ForeignKey)]

    assert [key.name for key in keys if key.remote_field.on_delete is not models.DO_NOTHING] == []
