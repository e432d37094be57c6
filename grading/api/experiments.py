"""Experiments: what is compared about, on which rubric. Never what is compared."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import Field

from grading.api.access import Bearer, TokenRequest
from grading.api.paging import Page, Paging, PublicId, newest_first
from grading.export import snapshot
from tasks.models import Experiment

router = Router(auth=Bearer(), tags=["Experiments"])


class AxisOut(Schema):
    """One rated quality."""

    key: str = Field(description="Its name in `ratings`.")
    name: str
    question: str


class RubricOut(Schema):
    """What raters are asked."""

    name: str
    version: int
    points: int = Field(description="Ratings run from 1, “A clearly”, to this, “B clearly”.")
    axes: list[AxisOut]


class ExperimentOut(Schema):
    """One experiment. Its agent versions are named in exports only."""

    id: UUID
    name: str
    state: str = Field(description="`running`, `paused` or `finished`.")
    rubric: RubricOut
    raters_wanted: int = Field(description="Readers of each task.")
    turns_wanted: int
    created_at: datetime


@router.get("/experiments", response=Page[ExperimentOut], operation_id="list_experiments")
def experiments(request: TokenRequest, paging: Query[Paging]) -> Page[ExperimentOut]:
    """Every experiment that has begun, newest first."""
    items, following = newest_first(_readable(), paging, shown)
    return Page[ExperimentOut](items=items, next=following)


@router.get("/experiments/{public_id}", response=ExperimentOut, operation_id="get_experiment")
def experiment(request: TokenRequest, public_id: PublicId) -> ExperimentOut:
    """One experiment with its rubric."""
    return shown(found(public_id))


def found(public_id: UUID) -> Experiment:
    """Raises Http404."""
    experiment: Experiment = get_object_or_404(_readable(), public_id=public_id)
    return experiment


def _readable() -> QuerySet[Experiment]:
    return snapshot.exportable().select_related("rubric").prefetch_related("rubric__axes")


def shown(experiment: Experiment) -> ExperimentOut:
    rubric = experiment.rubric
    axes = [AxisOut(key=axis.key, name=axis.name, question=axis.question) for axis in rubric.axes.all()]
    return ExperimentOut(
        id=experiment.public_id,
        name=experiment.name,
        state=experiment.state,
        rubric=RubricOut(name=rubric.name, version=rubric.version, points=rubric.points, axes=axes),
        raters_wanted=experiment.raters_wanted,
        turns_wanted=experiment.turns_wanted,
        created_at=experiment.created_at,
    )
