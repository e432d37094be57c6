"""Check that no event was edited, deleted or reordered since it was sealed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marlin import events


class Command(BaseCommand):
    help = "Seals what is committed, walks the chain of events and says where it breaks."

    def handle(self, *args: Any, **options: Any) -> None:
        events.seal()
        verdict = events.verify()
        if verdict.fault:
            raise CommandError(f"{verdict.fault} {verdict.sealed} events before it are as they were sealed.")
        self.stdout.write(
            f"{verdict.sealed} events are as they were sealed, {verdict.open} still open. Head: {verdict.head}"
        )
