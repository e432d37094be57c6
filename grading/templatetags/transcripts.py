"""What both sides did and said: steps by phase, and the tests that fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from django import template

from grading.blinding import BlindSide, BlindTurn, TranscriptStep
from grading.reading import Reading

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
#: What can be shown alone: name, label, and the kinds of steps.
GROUPS = (
    ("said", "Said", ("say", "note")),
    ("read", "Read", ("read", "search")),
    ("edited", "Edited", CHANGES),
    ("ran", "Ran", ("run", "retry", "error")),
)
PHASES = ("Finding out", "Changing", "Checking")
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
    #: Where the file that it changed stands among the patches.
    file_url: str = ""

    @property
    def group(self) -> str:
        """Which of the buttons above the transcripts shows it."""
        return next((name for name, _, kinds in GROUPS if self.kind in kinds), "")

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

    def holds(self, words: str) -> bool:
        return any(words in text.lower() for text in (self.path, self.text, *self.results))


@dataclass(frozen=True)
class Phase:
    """The steps of both sides before the first change, until the last, and after."""

    name: str
    a: list[ShownStep]
    b: list[ShownStep]


@dataclass(frozen=True)
class Transcripts:
    """Both transcripts beside each other; with words, the steps that hold them."""

    phases: list[Phase]
    counts: dict[str, int]
    query: str

    @property
    def sentence(self) -> str:
        if not self.query:
            return ""
        return f"Steps with “{self.query}”: {self.counts['A']} of A, {self.counts['B']} of B."


@dataclass(frozen=True)
class FailingTest:
    """A test that fails with A, with B or with both; in words, which may also be that a side was not run."""

    name: str
    a: str
    b: str

    @property
    def tells_apart(self) -> bool:
        return self.a != self.b


@register.simple_tag
def transcripts(reading: Reading, query: str) -> Transcripts:
    """The steps of both sides; those that changed a file of the patches lead there."""
    patches = reading.tabs[0]["url"]
    numbers = _numbers(reading)
    sides = [_shown(side.steps) for side in reading.turn.sides]
    for step in chain(*sides):
        if step.kind in CHANGES and step.path in numbers:
            step.file_url = f"{patches}#file-{numbers[step.path]}"
    held = [[_held(step, query) for step in side] for side in sides]
    counts = {letter: sum(marks) for letter, marks in zip("AB", held, strict=True)}
    columns = [[[step for step in part if _held(step, query)] for part in _in_phases(side)] for side in sides]
    found = [Phase(name, a, b) for name, a, b in zip(PHASES, *columns, strict=True)]
    return Transcripts([phase for phase in found if phase.a or phase.b], counts, query)


def _numbers(reading: Reading) -> dict[str, int]:
    """The place of each file in the list, by every path it has or had."""
    found: dict[str, int] = {}
    for number, entry in enumerate(reading.page().index["files"]):
        sides = [side for side in (entry["left"], entry["right"]) if side]
        names = [entry["path"], *(side["path"] for side in sides), *(side["old_path"] for side in sides)]
        for name in names:
            if name:
                found.setdefault(name, number)
    return found


def _held(step: ShownStep, query: str) -> bool:
    return not query or step.holds(query.lower())


@register.simple_tag
def step_groups() -> list[tuple[str, str]]:
    return [("", "All"), *((name, label) for name, label, _ in GROUPS)]


@register.filter
def step_count(steps: Iterable[TranscriptStep]) -> int:
    return sum(step.kind != "result" for step in steps)


@register.simple_tag
def failing_tests(turn: BlindTurn) -> list[FailingTest]:
    """What fails with one side alone comes first: it tells them apart."""
    names = dict.fromkeys(chain(*(side.evidence.failures for side in turn.sides)))
    tests = [FailingTest(name, *(_outcome(side, name) for side in turn.sides)) for name in names]
    return sorted(tests, key=lambda test: (not test.tells_apart, test.name))


def _outcome(side: BlindSide, test: str) -> str:
    if not side.evidence.ran:
        return "not run"
    return "fails" if test in side.evidence.failures else "does not fail"


@register.filter
def is_long(text: str) -> bool:
    return text.count("\n") >= MOST_SHOWN or len(text) > MOST_SHOWN * 100


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
