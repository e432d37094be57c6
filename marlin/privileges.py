"""Who may touch which table, set after every migrate from one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections

from marlin.logins import APPEND_ONLY, GUARDED, READ_ONLY

EVERYTHING = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
READ = frozenset({"SELECT"})
ADD = frozenset({"SELECT", "INSERT"})

#: Functions and who may call them. Revoked from PUBLIC first.
FUNCTIONS = {"draw_blind_pair(bigint, bigint, integer, double precision)": ("web", "unblind", "worker")}


def tables() -> dict[str, str]:
    """Every table of every installed model, by name, with the model's label."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model._meta.label_lower for model in models}


def wanted() -> Iterator[tuple[str, str, frozenset[str]]]:
    """(role, table, privileges) for each of the three logins that are not the owner."""
    for table, label in [*tables().items(), (str(settings.CACHES["default"]["LOCATION"]), "cache")]:
        usual = ADD if label in APPEND_ONLY else EVERYTHING
        yield "worker", table, usual
        yield "web", table, _of_web(label, usual)
        yield "unblind", table, READ if label in READ_ONLY else usual
    for role in ("web", "worker", "unblind"):
        yield role, "django_migrations", READ


def _of_web(label: str, usual: frozenset[str]) -> frozenset[str]:
    if label in GUARDED:
        return frozenset()
    return READ if label in READ_ONLY else usual


def grant_after_migrate(using: str, **kwargs: Any) -> None:
    """Idempotent: takes everything away, then gives what the list says.

    Runs once for each app that migrates; what has no table yet is granted when the last app is done.
    """
    connection = connections[using]
    if kwargs.get("sender") is not _last_app() or settings.PROCESS != "owner":
        return
    quote = connection.ops.quote_name
    roles = {role: quote(settings.DATABASE_ROLES[role]) for role in ("web", "worker", "unblind")}
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        for role in roles.values():
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
            cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
            cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        for role, table, privileges in wanted():
            if table in existing and privileges:
                rights = ", ".join(sorted(privileges))
                cursor.execute(f"GRANT {rights} ON {quote(table)} TO {roles[role]}")
        for function, callers in FUNCTIONS.items():
            cursor.execute("SELECT to_regprocedure(%s)", [function])
            if cursor.fetchone()[0] is None:
                continue
            cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
            for role in callers:
                cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {roles[role]}")


def _last_app() -> Any:
    return [config for config in apps.get_app_configs() if config.models_module is not None][-1]
