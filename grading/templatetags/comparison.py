"""How the compare page orders what it was given: files by folder, steps by phase, words for marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django import template

from grading.blinding import BlindTurn, TranscriptStep
from grading.reading import ShownFile

register = template.Library()

VERBS = {
    "say": "said",
    "read": "read",
    "search": "searched",
    "edit": "edited",
    "write": "wrote",
    "run": "ran",
    "retry": "tried again",
    "error": "met an error",
    "note": "note",
}
CHANGES = ("edit", "write")
#: A text longer than this is folded, so that one listing does not push the next step out of sight.
MOST_SHOWN = 12  # lines


@dataclass
class ShownStep:
    """One step and what came of it, numbered as the side made it."""

    number: int
    verb: str
    kind: str
    path: str
    text: str
    exit: int | None
    results: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        """What stands in the row: a path, or the command or words of a search."""
        return self.path or (self.text if self.kind in ("run", "search", "read") else "")

    @property
    def prose(self) -> str:
        return self.text if self.kind in ("say", "note", "error", "retry") else ""

    @property
    def bodies(self) -> list[str]:
        """What was written or came back, below the row."""
        own = [self.text] if self.path and self.kind in CHANGES and self.text else []
        return own + self.results


@dataclass(frozen=True)
class Phase:
    """The steps of both sides before the first change, until the last, and after."""

    name: str
    a: list[ShownStep]
    b: list[ShownStep]


@dataclass(frozen=True)
class Folder:
    """Files of the list under one heading."""

    name: str
    files: list[ShownFile]


@register.filter
def phases(turn: BlindTurn) -> list[Phase]:
    names = ("Finding out", "Changing", "Checking")
    sides = [_in_phases(_shown(side.steps)) for side in turn.sides]
    found = [Phase(name, a, b) for name, a, b in zip(names, *sides, strict=True)]
    return [phase for phase in found if phase.a or phase.b]


@register.filter
def is_long(text: str) -> bool:
    return text.count("\n") >= MOST_SHOWN or len(text) > MOST_SHOWN * 100


@register.filter
def folders(files: Iterable[ShownFile]) -> list[Folder]:
    """Neighbours of one folder under one heading; what programs wrote stands together at the end."""
    found: list[Folder] = []
    for file in files:
        name = (
            "Generated, folded" if file.group == "generated" else file.path.rpartition("/")[0] or "Top folder"
        )
        if not found or found[-1].name != name:
            found.append(Folder(name, []))
        found[-1].files.append(file)
    return found


@register.filter
def file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _shown(steps: Iterable[TranscriptStep]) -> list[ShownStep]:
    """A result belongs to the step it answers."""
    shown: list[ShownStep] = []
    for step in steps:
        if step.kind == "result" and shown:
            shown[-1].results.append(step.text)
            continue
        verb = VERBS.get(step.kind, "note")
        shown.append(ShownStep(len(shown) + 1, verb, step.kind, step.path, step.text, step.exit))
    return shown


def _in_phases(steps: list[ShownStep]) -> tuple[list[ShownStep], list[ShownStep], list[ShownStep]]:
    changes = [index for index, step in enumerate(steps) if step.kind in CHANGES]
    if not changes:
        return steps, [], []
    first, last = changes[0], changes[-1] + 1
    return steps[:first], steps[first:last], steps[last:]
