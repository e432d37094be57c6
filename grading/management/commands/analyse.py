"""Say what the preferences in a file mean: ratings with intervals, biases, agreement, a decision."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading.analysis import reading, report, text
from grading.analysis.votes import SCALES, BadVotes


class Command(BaseCommand):
    help = (
        "Analyses preferences.jsonl or preferences.csv of an export, or a CSV with the columns "
        "rater,task,model_a,model_b,side,rating."
    )
    # It reads a file and writes to the terminal: no database, no settings to check.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the preferences")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--points",
            type=int,
            choices=SCALES,
            help="the length of the scale, where the file is silent",
        )
        parser.add_argument("--reference", help="the model to compare the others with")
        parser.add_argument(
            "--price", type=Decimal, help="of one more task, to say what a decision will cost"
        )

    def handle(self, *args: Any, file: Path, json: bool, points: int | None, **options: Any) -> None:
        choices = report.Choices(reference=options["reference"], price=options["price"])
        try:
            read = reading.read(file, points)
        except BadVotes as why:
            raise CommandError(str(why), returncode=2) from why
        except OSError as why:
            raise CommandError(f"{file} cannot be read: {why.strerror}.", returncode=2) from why
        found = report.report(read, choices=choices)
        self.stdout.write(_as_json(found) if json else text.as_text(found))


def _as_json(found: dict[str, Any]) -> str:
    # Not a number and infinity are no JSON, and no result either: better to stop here.
    return json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False)
