"""Masked records: what raters wrote about A and B, with nothing that tells two arms apart over tasks.

They come from tables that pages may read. How a side was drawn is left out: a forced draw would say which
sides of a rater's tasks belong together. Names stand in exports, see `grading.export.records`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, QuerySet
from ninja import Query, Router, Schema
from pydantic import Field

from grading.api.access import Bearer, TokenRequest
from grading.api.experiments import found
from grading.api.paging import Page, Paging, PublicId, by_public_id
from grading.export.records import MASK, pseudonyms, traces_of
from grading.models import Assignment, Gold, Preference
from grading.results import asking
from marlin.models import Scope
from tasks.models import Candidate, Experiment

router = Router(auth=Bearer(Scope.RECORDS_READ), tags=["Records"])


class ScenarioOut(Schema):
    """What the task was about."""

    id: UUID
    title: str
    category: str
    repository: str
    language: str
    base_commit: str


class SideOut(Schema):
    """One of the two patches, under the letter that this rater saw."""

    candidate: UUID = Field(description="The same for every reader of the task, whatever the letter.")
    state: str = Field(description="`ready`, or `failed` when the agent left no patch.")
    files: int = Field(description="Files that the patch changes.")
    added: int = Field(description="Lines.")
    removed: int = Field(description="Lines.")
    strengths: str
    weaknesses: str


class RecordOut(Schema):
    """One accepted preference, as its rater saw the two sides."""

    id: UUID
    revision: int = Field(description="Which of its saves counts.")
    experiment: UUID
    task: UUID
    turn: int
    attempt: int
    rater: str = Field(description="A pseudonym: stable in this experiment, unrelated to any other.")
    seat: int | None = Field(description="0 leads; null is an extra reading.")
    scenario: ScenarioOut
    prompt: str
    ratings: dict[str, int] = Field(
        description="By key of the axis, and `overall`: 1 is “A clearly”, the rubric's points are “B clearly”."
    )
    key_axis: str = Field(description="The axis that decided.")
    justification: str
    a: SideOut
    b: SideOut
    session_complete: bool = Field(description="False when the rater left before the last turn.")
    submitted_at: datetime | None


@router.get("/experiments/{public_id}/records", response=Page[RecordOut], operation_id="list_records")
def records(request: TokenRequest, public_id: PublicId, paging: Query[Paging]) -> Page[RecordOut]:
    """Accepted preferences, masked, ordered by id.

    Ids are random, so what is accepted later may stand anywhere in the list: walk it again, or ask for an
    export, which is frozen. Reading verdicts is written down once for each experiment, and from then on you
    cannot rate or review in it.
    """
    experiment = found(public_id)
    asking.note_seen(request.auth.person, experiment, token=str(request.auth.public_id))
    name_of = pseudonyms(experiment)
    items, following = by_public_id(
        _accepted(experiment),
        paging,
        lambda preference: _shown(preference, experiment, name_of(preference.pair.assignment.rater)),
    )
    return Page[RecordOut](items=items, next=following)


def _accepted(experiment: Experiment) -> QuerySet[Preference]:
    pair = "pair__"
    # No preference: the rater is measured by it.
    known = Gold.objects.measuring(f"{pair}assignment")
    heavy = [f"{pair}{side}__{field}" for side in "ab" for field in ("patch", "transcript", "evidence")]
    return (
        Preference.objects.filter(
            ~Exists(known),
            state=Preference.State.LOCKED,
            pair__assignment__state=Assignment.State.ACCEPTED,
            pair__assignment__task__experiment=experiment,
        )
        .select_related(
            "locked_revision",
            "pair__a",
            "pair__b",
            "pair__turn",
            "pair__assignment__rater",
            "pair__assignment__task__scenario__repository",
        )
        .defer(*heavy)
    )


def _shown(preference: Preference, experiment: Experiment, rater: str) -> RecordOut:
    pair, revision = preference.pair, preference.locked_revision
    assert revision is not None  # locked_preference_names_its_revision
    assignment = pair.assignment
    scenario = assignment.task.scenario
    people = traces_of(assignment.rater)
    texts = {name: people.sub(MASK, text) for name, text in revision.texts.items()}
    return RecordOut(
        id=preference.public_id,
        revision=revision.number,
        experiment=experiment.public_id,
        task=assignment.task.public_id,
        turn=pair.turn.number,
        attempt=pair.attempt,
        rater=rater,
        seat=assignment.seat,
        scenario=ScenarioOut(
            id=scenario.public_id,
            title=scenario.title,
            category=scenario.category,
            repository=scenario.repository.name,
            language=scenario.repository.language,
            base_commit=pair.turn.base_commit,
        ),
        prompt=pair.turn.prompt,
        ratings=revision.ratings,
        key_axis=revision.key_axis,
        justification=texts.get("justification", ""),
        a=_side(pair.a, "a", texts),
        b=_side(pair.b, "b", texts),
        session_complete=assignment.session_complete,
        submitted_at=assignment.submitted_at,
    )


def _side(candidate: Candidate, letter: str, texts: dict[str, str]) -> SideOut:
    return SideOut(
        candidate=candidate.public_id,
        state=candidate.state,
        files=len(candidate.files),
        added=sum(file["added"] for file in candidate.files),
        removed=sum(file["removed"] for file in candidate.files),
        strengths=texts.get(f"{letter}_strengths", ""),
        weaknesses=texts.get(f"{letter}_weaknesses", ""),
    )
