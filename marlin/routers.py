"""In a web process, guarded models are refused on every alias but `unblind`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Model

from marlin.logins import is_guarded


class GuardedModel(Exception):
    """A page asked for a table that names who made what."""


class Guard:
    """Says no before PostgreSQL does, with a sentence that names the mistake."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return self._route(model, **hints)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return self._route(model, **hints)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return True  # `unblind` is the same database under another login

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default"

    def _route(self, model: type[Model], **hints: Any) -> str | None:
        instance = hints.get("instance")
        alias = instance._state.db if isinstance(instance, Model) else None
        # Put together here, since the database cache routes a stand-in that is hardly a model.
        label = f"{model._meta.app_label}.{model._meta.model_name}"
        if settings.PROCESS == "web" and is_guarded(label) and alias != "unblind":
            raise GuardedModel(f"{model.__name__} is guarded: name the alias `unblind`, or ask a job.")
        return alias
