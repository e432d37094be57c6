"""Draw every state table into docs/states.md."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marlin.states import Stateful

PAGE: Path = settings.BASE_DIR / "docs" / "states.md"


class Command(BaseCommand):
    help = "Writes docs/states.md from the TRANSITIONS of the models; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the drawing is stale")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        page = draw()
        if not check:
            PAGE.write_text(page)
        elif not PAGE.exists() or PAGE.read_text() != page:
            raise CommandError("docs/states.md is stale: run `manage.py draw_states`.")


def draw() -> str:
    """The whole page: a diagram and a legend for each model with states."""
    models = sorted(
        (model for model in apps.get_models() if issubclass(model, Stateful)), key=lambda m: m.__name__
    )
    head = "# States\n\nDrawn by `manage.py draw_states` from the tables beside the models; do not edit.\n"
    return head + "".join(_diagram(model) for model in models)


def _diagram(model: type[Stateful]) -> str:
    first, *_ = model.TRANSITIONS
    arcs = [
        f"    {state} --> {target}"
        for state, targets in model.TRANSITIONS.items()
        for target in sorted(targets)
    ]
    legend = [f"- **{value}**: {comment}" for value, comment in _comments(model)]
    lines = [
        "",
        f"## {model.__name__}",
        "",
        (model.__doc__ or "").strip(),
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {first}",
        *arcs,
        "```",
        "",
        *legend,
    ]
    return "\n".join(lines) + "\n"


def _comments(model: type[Stateful]) -> list[tuple[str, str]]:
    source = inspect.getsource(model.State)  # type: ignore[attr-defined]
    return re.findall(r'= "(\w+)"  # (.+)', source)
