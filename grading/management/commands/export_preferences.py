"""Write an experiment's accepted preferences into a directory, with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading.checks import Refused
from grading.export import snapshot
from grading.models import Export
from marlin.models import User
from tasks.models import Experiment


class Command(BaseCommand):
    help = (
        "Exports an experiment as JSONL and CSV with a manifest. Un-blinds it, so --reason is written down."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("experiment", help="name or id of the experiment")
        parser.add_argument("--out", type=Path, required=True, help="a directory that is new or empty")
        parser.add_argument("--reason", required=True, help="what the export is for")
        parser.add_argument("--by", help="e-mail of the researcher who asks")

    def handle(
        self, *args: Any, experiment: str, out: Path, reason: str, by: str | None, **options: Any
    ) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CommandError(f"{out} is not an empty directory.")
        try:
            export = snapshot.ask(_id_of(experiment), by=_person(by), reason=reason)
        except Refused as why:
            raise CommandError(why.sentence) from why
        _write(export)
        out.mkdir(parents=True, exist_ok=True)
        for name in snapshot.files_of(export):
            with snapshot.open_file(export, name, by=export.asked_by) as file:
                (out / name).write_bytes(file.read())
        self.stdout.write(
            f"{export.manifest['rows']} preferences in {out}, described by {snapshot.MANIFEST}."
        )


def _write(export: Export) -> None:
    """Here and now; a worker that hears the bell finds it taken."""
    token = export.take_lease(Export.State.QUEUED, 3600)
    export.start(token=token)
    export.finish(token=token, manifest=snapshot.write(export))


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
