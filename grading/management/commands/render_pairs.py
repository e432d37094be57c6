"""Renders what pages show of pairs, again after a change of the engine, and says what failed and why."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading import rendering
from grading.diffs.version import VERSION
from grading.models import BaseTree, PairPage, Trouble
from tasks.models import Turn


class Command(BaseCommand):
    help = "Renders the pairs that have no page in this version of the engine. Safe beside running workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help="those of closed tasks and of earlier turns and attempts too"
        )
        parser.add_argument(
            "--status", action="store_true", help="only say what there is to do, and what failed"
        )

    def handle(self, *args: Any, status: bool = False, **options: Any) -> None:
        pairs = rendering.outdated(closed_too=options["all"])
        self.stdout.write(f"Version {VERSION}: {_rendered():,} pairs rendered, {len(pairs):,} to do.")
        if not status:
            self._render(pairs)
        self._troubles()

    def _render(self, pairs: list[tuple[int, int]]) -> None:
        failed = 0
        for done, (turn_id, number) in enumerate(pairs, start=1):
            began = time.monotonic()
            reason = rendering.attempt(turn_id, number)
            failed += bool(reason)
            said = f"failed: {reason}" if reason else f"{time.monotonic() - began:.1f} s"
            self.stdout.write(
                f"{done:>{len(str(len(pairs)))}} of {len(pairs)}  {_name(turn_id, number)}  {said}"
            )
        if failed:
            self._troubles()
            raise CommandError(f"{failed} of {len(pairs)} pairs could not be rendered.")

    def _troubles(self) -> None:
        for trouble in Trouble.objects.order_by("again_at"):
            again = f"{trouble.again_at:%Y-%m-%d %H:%M} UTC"
            name = _name(trouble.turn_id, trouble.attempt)
            self.stdout.write(f"  ! {name}  tried {trouble.tries} times, again at {again}: {trouble.reason}")
        for tree in BaseTree.objects.exclude(reason="").select_related("repository"):
            self.stdout.write(f"  ! files of {tree.repository.name} at {tree.commit[:12]}: {tree.reason}")


def _rendered() -> int:
    return PairPage.objects.filter(version=VERSION).values("turn", "attempt").distinct().count()


def _name(turn_id: int, number: int) -> str:
    turn = Turn.objects.select_related("task").get(pk=turn_id)
    return f"task {turn.task.public_id} turn {turn.number} attempt {number}"
