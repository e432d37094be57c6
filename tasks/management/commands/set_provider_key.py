"""Seals a provider's key that comes by standard input."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks import providers
from tasks.models import Provider


class Command(BaseCommand):
    help = (
        "Reads the key of a provider from standard input, and seals it so that only the gateway can read it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        provider = Provider.objects.filter(name=name).first()
        if provider is None:
            known = ", ".join(Provider.objects.order_by("name").values_list("name", flat=True)[:50])
            raise CommandError(f"There is no provider “{name}”; there are: {known or 'none'}.")
        # Typed at a terminal it is not shown; an argument would stand in the list of processes.
        key = getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()
        try:
            providers.set_key(provider, key, by=None)
        except providers.Refused as why:
            raise CommandError(str(why)) from None
        self.stdout.write(f"The key of {name} is sealed for {provider.base_url}.")
