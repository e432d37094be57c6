"""Results: what the preferences of an experiment say so far, with its arms masked, as the pages show it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field

from grading.api.access import Bearer, TokenRequest
from grading.api.experiments import found
from grading.api.paging import PublicId
from grading.results import asking
from marlin.models import Scope

router = Router(auth=Bearer(Scope.RESULTS_READ), tags=["Results"])


class ResultOut(Schema):
    """One computation. A ready one never changes."""

    id: UUID = Field(description="Pages show it for as long as it is kept: `/results/at/{id}/`.")
    experiment: UUID
    computed_at: datetime | None
    accepted: int = Field(description="Assignments that were accepted when it was computed.")
    accepted_now: int = Field(description="And now: when it is more, a newer result would differ.")
    sha256: str = Field(description="Of `found`: what a citation names.")
    frozen_at: datetime | None = Field(description="Since when it is kept for a citation, if it is.")
    found: dict[str, Any] = Field(
        description="Ratings, intervals, agreement, blinding, decisions: a number, or the sentence why there is "
        "none. Arms are called by number. docs/analysis.md tells what each means."
    )


@router.get("/experiments/{public_id}/results", response=ResultOut, operation_id="get_results")
def results(request: TokenRequest, public_id: PublicId) -> ResultOut:
    """The newest computed result over all accepted preferences, its arms masked.

    Nothing is computed for the question: the page of results asks for a newer one. Reading it is written down
    once for each experiment, and from then on you cannot rate or review in it.
    """
    experiment = found(public_id)
    result = asking.newest_result(experiment)
    if result is None:
        raise Http404
    asking.note_seen(request.auth.person, experiment, token=str(request.auth.public_id))
    return ResultOut(
        id=result.public_id,
        experiment=experiment.public_id,
        computed_at=result.computed_at,
        accepted=result.basis,
        accepted_now=asking.accepted(experiment),
        sha256=result.digest,
        frozen_at=result.frozen_at,
        found=result.found,
    )
