"""Check that a folder is still the export that was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading.export import signing, verifying


class Command(BaseCommand):
    help = "Finds any changed bit, any missing and any added file of an export, by its signed manifest."
    # It reads files alone: no database.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the folder with manifest.json")
        parser.add_argument(
            "--key",
            type=_key,
            help="the public key to trust, in hexadecimal; without it, this installation's",
        )

    def handle(self, *args: Any, path: Path, key: bytes | None, **options: Any) -> None:
        if not path.is_dir():
            raise CommandError(f"{path} is not a folder.")
        trusted = key or signing.public_key(verifying.seed_of(settings.SECRET_KEY))
        try:
            faults = verifying.faults(path, trusted)
        except OSError as why:
            raise CommandError(f"{path} cannot be read: {why.strerror}.") from why
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write(f"{path} is whole: every file is as it was signed with {trusted.hex()}.")


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != 32:
        raise ValueError("A public key has 32 bytes.")
    return key
