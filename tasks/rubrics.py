"""The rubrics that come with Marlin. They are data like any other: an admin adds versions of their own."""

from __future__ import annotations

import tomllib
from pathlib import Path

from django.db import transaction

from tasks.models import Axis, Rubric

_FILE = Path(__file__).with_name("rubrics.toml")


def shipped_names() -> list[str]:
    return [str(rubric["name"]) for rubric in _shipped()]


@transaction.atomic
def shipped(name: str = "default") -> Rubric:
    """Version 1 of a rubric that comes with Marlin, made when it is not there. Raises KeyError."""
    found = {str(rubric["name"]): rubric for rubric in _shipped()}[name]
    rubric, is_new = Rubric.objects.get_or_create(
        name=name, version=1, defaults={"points": found["points"], "least_words": found["least_words"]}
    )
    if is_new:
        Axis.objects.bulk_create(
            Axis(rubric=rubric, position=position, **axis) for position, axis in enumerate(found["axes"])
        )
    return rubric


def _shipped() -> list[dict]:  # type: ignore[type-arg]  # as TOML gives it
    return list(tomllib.loads(_FILE.read_text(encoding="utf-8"))["rubrics"])
