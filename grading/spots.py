"""Where a page about a pair stands: an assignment, and one of its turns. Without a turn, the newest."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import register_converter


@dataclass(frozen=True)
class Spot:
    """The part of an address between “work/” or “review/” and the page."""

    assignment: UUID
    turn: int | None = None

    def __str__(self) -> str:
        return str(self.assignment) if self.turn is None else f"{self.assignment}/turns/{self.turn}"


class SpotConverter:
    regex = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:/turns/[1-9][0-9]{0,3})?"

    def to_python(self, value: str) -> Spot:
        assignment, _, turn = value.partition("/turns/")
        return Spot(UUID(assignment), int(turn) if turn else None)

    def to_url(self, value: Spot | UUID | str) -> str:
        return str(value)


register_converter(SpotConverter, "spot")
