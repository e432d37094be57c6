"""The ground both apps stand on."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MarlinConfig(AppConfig):
    name = "marlin"

    def ready(self) -> None:
        from marlin.privileges import grant_after_migrate

        post_migrate.connect(grant_after_migrate, dispatch_uid="marlin.privileges")
