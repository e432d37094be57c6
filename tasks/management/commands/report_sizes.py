"""How much of each kind is kept, measured now; with --tidy after what is no longer kept was removed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marlin.templatetags.marlin import bytesize
from tasks.generation import retention


class Command(BaseCommand):
    help = "Measures mirrors, bases, run directories, states and logs; the operations page shows the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tidy", action="store_true", help="remove first what is no longer kept")

    def handle(self, *args: Any, tidy: bool = False, **options: Any) -> None:
        if tidy:
            for kind, removed in retention.tidy().items():
                self.stdout.write(f"{kind:<10} {removed} removed")
        for holding in retention.measure():
            size = bytesize(holding.size)
            self.stdout.write(f"{holding.kind:<10} {holding.entries:>9,} {size:>10}  {holding.machine}")
