"""The model gateway's process."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.gateway import access, sealing
from tasks.gateway.exchange import Patience
from tasks.gateway.ledger import Books
from tasks.gateway.server import AlreadyRunning, serve
from tasks.models import SealingKey


class Command(BaseCommand):
    help = "Serves models to the runs of this machine's workers until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="say whether one is running, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if not access.is_running():
                raise CommandError("No gateway answers.")
            return
        try:
            private = sealing.read_or_make(settings.GATEWAY_KEY)
            # Whoever sets a provider's key seals it with the newest of these.
            SealingKey.objects.get_or_create(public=sealing.public_of(private))
            asyncio.run(serve(Books(private), Patience(**settings.GATEWAY_PATIENCE)))
        except (sealing.KeyUnusable, AlreadyRunning) as why:
            raise CommandError(str(why)) from None
