"""Looks an agent version over on this machine."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.generation import doctor
from tasks.models import AgentVersion

SIGNS = {True: "well", False: "BAD", None: "?"}


class Command(BaseCommand):
    help = "Is the agent there, is it the pinned version, and does it answer a small prompt in the sandbox?"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        version = AgentVersion.objects.filter(name=name).first()
        if version is None:
            known = ", ".join(AgentVersion.objects.order_by("name").values_list("name", flat=True)[:50])
            raise CommandError(f"There is no agent version “{name}”; there are: {known or 'none'}.")
        bad = 0
        for finding in doctor.examine(version):
            bad += finding.well is False
            self.stdout.write(f"{SIGNS[finding.well]:<5} {finding.what:<9} {finding.sentence}")
        if bad:
            raise CommandError(f"{name} is not fit for work.")
