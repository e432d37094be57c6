"""Outputs that models made elsewhere become pairs to grade, through the replay agent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks import experiments, rubrics
from tasks.importing.instances import Instances
from tasks.importing.predictions import Predictions, gather
from tasks.importing.reading import NothingStored, Reader
from tasks.importing.rows import Refused
from tasks.management.telling import tell


class Command(BaseCommand):
    help = (
        "Imports prediction files (instance_id, model_name_or_path, model_patch) of two models or more and opens "
        "a task for each instance that two of them answered. Repeating it adds nothing. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", type=Path, nargs="+")
        parser.add_argument("--instances", type=Path, help="a file of tasks to import first")
        parser.add_argument("--dataset", default="swe-bench", help="what the set is called (swe-bench)")
        parser.add_argument("--repositories", type=Path, help="a folder of bare repositories owner+name")
        parser.add_argument("--experiment", default="Imported predictions", help="its name, new or known")
        parser.add_argument("--rubric", default="default", choices=rubrics.shipped_names())
        parser.add_argument(
            "--all-or-nothing", action="store_true", help="one refused row refuses its file and what follows"
        )

    def handle(
        self,
        *args: Any,
        files: Sequence[Path],
        instances: Path | None,
        dataset: str,
        repositories: Path | None,
        experiment: str,
        rubric: str,
        all_or_nothing: bool,
        **options: Any,
    ) -> None:
        predictions = Predictions(dataset)
        if instances is not None:
            self._read(Instances(dataset, repositories).reader, instances, all_or_nothing)
        for file in files:
            self._read(predictions.reader, file, all_or_nothing)
        if len(predictions.versions) < 2:
            raise CommandError(
                "A comparison needs the outputs of two models or more; nothing is offered for grading yet.",
                returncode=2,
            )
        try:
            gathered = gather(experiment, predictions.versions.values(), dataset, rubrics.shipped(rubric))
        except experiments.Refused as why:
            raise CommandError(str(why), returncode=2) from why
        self.stdout.write(f"“{experiment}”: {gathered.scenarios:,} tasks with two outputs or more.")
        if gathered.lonely:
            self.stdout.write(
                f"{gathered.lonely:,} tasks have the output of one model alone and are left out."
            )

    def _read(self, reader: Reader[Any], file: Path, whole: bool) -> None:
        try:
            tally = reader.read(file, whole=whole)
        except NothingStored as why:
            tell(self.stdout, file.name, why.tally)
            raise CommandError(str(why), returncode=2) from why
        except Refused as why:
            raise CommandError(str(why), returncode=2) from why
        tell(self.stdout, file.name, tally)
