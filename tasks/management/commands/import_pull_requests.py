"""Merged pull requests become what scenarios begin from, out of an export or live from the host's API."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.addresses import API
from tasks.importing import live
from tasks.importing.pull_requests import PullRequests
from tasks.importing.reading import NothingStored
from tasks.importing.rows import Refused
from tasks.management.telling import tell


class Command(BaseCommand):
    help = "Imports pull requests in the shape of the host's API (see docs/importing.md). Repeating it adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="JSON Lines, or a list; leave out with --live")
        parser.add_argument("--live", metavar="OWNER/NAME", help="ask the API; the token is in GITHUB_TOKEN")
        parser.add_argument(
            "--numbers", type=int, nargs="+", default=[], help="of the pull requests to ask for"
        )
        parser.add_argument("--api", default=API, help=f"the API's address ({API})")
        parser.add_argument("--all-or-nothing", action="store_true", help="one refused row refuses all")

    def handle(self, *args: Any, file: Path | None, all_or_nothing: bool, **options: Any) -> None:
        if bool(file) == bool(options["live"]):
            raise CommandError("Name a file, or a repository with --live and --numbers: one of the two.")
        try:
            if file is not None:
                self._read(file, all_or_nothing)
                return
            with tempfile.TemporaryDirectory(prefix="marlin-live-") as folder:
                fetched = Path(folder) / "live.jsonl"
                token = os.environ.get("GITHUB_TOKEN", "")
                live.write(options["live"], options["numbers"], fetched, token=token, api=options["api"])
                self._read(fetched, all_or_nothing)
        except NothingStored as why:
            tell(self.stdout, file.name if file else "live", why.tally)
            raise CommandError(str(why), returncode=2) from why
        except Refused as why:
            raise CommandError(str(why), returncode=2) from why

    def _read(self, file: Path, whole: bool) -> None:
        tell(self.stdout, file.name, PullRequests().reader.read(file, whole=whole))
