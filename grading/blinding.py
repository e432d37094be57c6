"""The wall between raters and agent names. Rater pages only ever get a BlindSide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from grading.models import Assignment, BlindPair
from marlin.sources import source
from tasks.models import Candidate, Failure, Turn


@dataclass(frozen=True)
class CheckEvidence:
    """A linter or a build on the same copy: it passes or it does not."""

    name: str
    passed: bool
    log: str = ""


@dataclass(frozen=True)
class TestEvidence:
    """What the repository's tests said on a fresh copy with the patch applied. No times, no machine."""

    ran: bool
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    log: str = ""
    sentence: str = ""
    checks: tuple[CheckEvidence, ...] = ()
    #: Counts and names of the hidden tests; their log would show what they are.
    hidden: TestEvidence | None = None

    @property
    def is_green(self) -> bool:
        return self.ran and not self.failed and not self.sentence


@dataclass(frozen=True)
class TranscriptStep:
    kind: str
    text: str
    path: str = ""
    exit: int | None = None


@dataclass(frozen=True)
class SetApart:
    """New files that one rule took out of both sides' patches."""

    rule: str
    files: int
    paths: tuple[str, ...]

    @property
    def more(self) -> int:
        return self.files - len(self.paths)


@dataclass(frozen=True)
class BlindSide:
    """One side of a pair as a rater may see it: a letter, and nothing that says who, when or how long."""

    letter: str
    failed: str
    final_message: str
    notes: tuple[str, ...]
    set_apart: tuple[SetApart, ...]
    steps: tuple[TranscriptStep, ...]
    evidence: TestEvidence
    files: int = 0
    added: int = 0
    removed: int = 0

    @property
    def css(self) -> str:
        return self.letter.lower()


@dataclass(frozen=True)
class BlindTurn:
    """Both sides of one turn, and where their finished diff lies."""

    number: int
    prompt: str
    a: BlindSide
    b: BlindSide
    sides: tuple[BlindSide, BlindSide] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sides", (self.a, self.b))


@transaction.atomic
def draw(assignment: Assignment, turn: Turn, attempt: int) -> BlindPair:
    """The pair this rater sees, drawn by the database once and for all. Asking again gives the same."""
    # Inserting by a function that runs as the owner: web cannot read what it is drawn from.
    rows = BlindPair.objects.raw(
        "SELECT * FROM draw_blind_pair(%s, %s, %s, %s)",
        [assignment.pk, turn.pk, attempt, source().coin("sides")],
    )
    return next(iter(rows))


def blind(pair: BlindPair, *, steps: bool = True) -> BlindTurn:
    """Without `steps` the transcripts are not even read."""
    return BlindTurn(
        number=pair.turn.number,
        prompt=pair.turn.prompt,
        a=_side("A", pair.a, steps=steps),
        b=_side("B", pair.b, steps=steps),
    )


def _side(letter: str, candidate: Candidate, *, steps: bool) -> BlindSide:
    return BlindSide(
        letter=letter,
        failed=Failure(candidate.failure).label if candidate.failure else "",
        final_message=candidate.final_message,
        notes=tuple(candidate.notes),
        set_apart=tuple(
            SetApart(each["rule"], each["files"], tuple(each["paths"])) for each in candidate.set_apart
        ),
        steps=tuple(_step(step) for step in candidate.transcript) if steps else (),
        evidence=_evidence(candidate.evidence),
        files=len(candidate.files),
        added=sum(file["added"] for file in candidate.files),
        removed=sum(file["removed"] for file in candidate.files),
    )


def _step(step: dict[str, Any]) -> TranscriptStep:
    return TranscriptStep(
        kind=step["kind"], text=step["text"], path=step.get("path") or "", exit=step.get("exit")
    )


def _evidence(evidence: dict[str, Any]) -> TestEvidence:
    """Named fields only: what a later version of the job stores beside them stays on this side of the wall."""
    if not evidence:
        return TestEvidence(ran=False, sentence="Tests were not run.")
    return TestEvidence(
        ran=bool(evidence.get("ran")),
        passed=int(evidence.get("passed", 0)),
        failed=int(evidence.get("failed", 0)),
        skipped=int(evidence.get("skipped", 0)),
        failures=tuple(evidence.get("failures", ())),
        log=str(evidence.get("log", "")),
        sentence=str(evidence.get("sentence", "")),
        checks=tuple(_check(check) for check in evidence.get("checks", ())),
        hidden=_evidence({**evidence["hidden"], "log": ""}) if evidence.get("hidden") else None,
    )


def _check(check: dict[str, Any]) -> CheckEvidence:
    return CheckEvidence(str(check["name"]), bool(check["passed"]), str(check.get("log", "")))
