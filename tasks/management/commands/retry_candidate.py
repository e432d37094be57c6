"""Queue a failed candidate again, after what made it fail was mended."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from marlin.jobs import ring
from marlin.states import WrongState
from tasks.models import Candidate


class Command(BaseCommand):
    help = "Queues a failed candidate again; `show_tasks --stuck` names those that wait for it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("candidate", help="its id, as `show_tasks` prints it")

    def handle(self, *args: Any, candidate: str, **options: Any) -> None:
        try:
            found = Candidate.objects.get(public_id=candidate)
            with transaction.atomic():
                found.retry()
                ring("tasks.jobs.generate_candidate", found.pk)
        except (Candidate.DoesNotExist, ValidationError):
            raise CommandError(f"There is no candidate {candidate}.") from None
        except WrongState as why:
            raise CommandError(f"{why} Only a failed candidate can be queued again.") from why
        self.stdout.write("Queued. A worker takes it from here.")
