"""Write an experiment's accepted preferences into a directory, with a manifest."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading.checks import Refused
from grading.export import formats, snapshot, writing
from grading.export.filters import Filters
from grading.models import Gold
from marlin.models import User
from tasks.models import Experiment


class Command(BaseCommand):
    help = (
        "Exports an experiment with a signed manifest. Un-blinds it, so --reason is written down. "
        "Filters may be repeated; without any, every accepted preference is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("experiment", help="name or id of the experiment")
        parser.add_argument("--out", type=Path, required=True, help="a directory that is new or empty")
        parser.add_argument("--reason", required=True, help="what the export is for")
        parser.add_argument("--by", help="e-mail of the researcher who asks")
        parser.add_argument(
            "--format",
            action="append",
            choices=[each.key for each in formats.FORMATS],
            help=f"may be repeated; without it: {', '.join(formats.USUAL)}",
        )
        for name in ("language", "repository", "category"):
            parser.add_argument(f"--{name}", action="append", default=[])
        parser.add_argument("--turn", action="append", type=int, default=[])
        parser.add_argument("--since", type=date.fromisoformat, help="first day handed in, like 2026-11-23")
        parser.add_argument("--until", type=date.fromisoformat, help="last day handed in")
        parser.add_argument(
            "--known",
            action="append",
            choices=Gold.Kind.values,
            default=[],
            help="also answers to tasks whose answer is known, which are no preferences",
        )

    def handle(
        self, *args: Any, experiment: str, out: Path, reason: str, by: str | None, **options: Any
    ) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CommandError(f"{out} is not an empty directory.")
        try:
            export = snapshot.ask(
                _id_of(experiment),
                by=_person(by),
                reason=reason,
                wanted=_filters(options),
                keys=options["format"] or formats.USUAL,
            )
        except Refused as why:
            raise CommandError(why.sentence) from why
        # Here and now; a worker that hears the bell finds it taken.
        writing.run(export)
        out.mkdir(parents=True, exist_ok=True)
        for name in snapshot.files_of(export):
            with (
                snapshot.open_file(export, name, by=export.asked_by) as file,
                (out / name).open("wb") as copy,
            ):
                shutil.copyfileobj(file, copy)
        self.stdout.write(
            f"{export.manifest['rows']} preferences in {out}, described by {snapshot.MANIFEST}."
        )


def _filters(options: dict[str, Any]) -> Filters:
    return Filters(
        languages=tuple(options["language"]),
        repositories=tuple(options["repository"]),
        categories=tuple(options["category"]),
        turns=tuple(options["turn"]),
        since=options["since"],
        until=options["until"],
        known=tuple(sorted(set(options["known"]))),
    )


def _id_of(experiment: str) -> str:
    named = Experiment.objects.filter(name=experiment).first()
    return str(named.public_id) if named else experiment


def _person(email: str | None) -> User | None:
    if not email:
        return None
    person = User.objects.filter(email=email.lower()).first()
    if person is None:
        raise CommandError(f"Nobody here has the e-mail address {email}.")
    return person
