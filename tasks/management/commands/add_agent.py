"""Adds an agent version from a preset."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks import versions
from tasks.presets import presets


class Command(BaseCommand):
    help = "Adds an agent version: a known harness, its model and where it is installed. Without a name, lists presets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("--preset", default="")
        parser.add_argument(
            "--model", default="", help="the real name of the model; the agent never hears it"
        )
        parser.add_argument("--provider", default="", help="who serves the model")
        parser.add_argument(
            "--directory", default="", help="where it is installed; mounted read-only at /opt/agent"
        )
        parser.add_argument("--pin", dest="pinned", default="", help="the version that its program must tell")
        parser.add_argument(
            "--prices", default="{}", help='per million tokens: {"input": "3", "output": "15"}'
        )
        parser.add_argument("--released", type=date.fromisoformat, default=None, help="YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["name"]:
            self._list()
            return
        try:
            version = versions.add(
                options["preset"],
                name=options["name"],
                model=options["model"],
                provider=options["provider"],
                directory=options["directory"],
                version=options["pinned"],
                prices=json.loads(options["prices"]),
                released_on=options["released"],
            )
        except (versions.Refused, ValueError) as why:
            raise CommandError(str(why)) from why
        self.stdout.write(f"Added {version.name}. Look it over: manage.py doctor_agent “{version.name}”")

    def _list(self) -> None:
        for preset in presets().values():
            self.stdout.write(f"{preset.name:<16} {preset.title} {preset.version}")
            if preset.install:
                self.stdout.write(f"{'':<16} {preset.install}")
            for sentence in preset.lacks:
                self.stdout.write(f"{'':<16} - {sentence}")
