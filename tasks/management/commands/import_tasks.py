"""Tasks of a benchmark, or of our own format, become approved scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.importing.instances import Instances
from tasks.importing.reading import NothingStored, Tally
from tasks.importing.rows import Refused
from tasks.management.telling import tell


class Command(BaseCommand):
    help = (
        "Imports tasks from JSON Lines, JSON or Parquet (see docs/importing.md). Repeating it adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dataset", default="swe-bench", help="what the set is called (swe-bench)")
        parser.add_argument("--repositories", type=Path, help="a folder of bare repositories owner+name")
        parser.add_argument("--all-or-nothing", action="store_true", help="one refused row refuses all")

    def handle(
        self,
        *args: Any,
        file: Path,
        dataset: str,
        repositories: Path | None,
        all_or_nothing: bool,
        **options: Any,
    ) -> None:
        def progress(tally: Tally) -> None:
            self.stderr.write(f"{file.name}: {tally.rows:,} rows", ending="\r")

        try:
            tally = Instances(dataset, repositories).reader.read(
                file, whole=all_or_nothing, progress=progress
            )
        except NothingStored as why:
            tell(self.stdout, file.name, why.tally)
            raise CommandError(str(why), returncode=2) from why
        except Refused as why:
            raise CommandError(str(why), returncode=2) from why
        tell(self.stdout, file.name, tally)
