"""The job behind a result: judgements become votes, votes become findings with masked arms."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import QueryDict

from grading.export import judging
from grading.models import Result
from grading.results import asking, ballots, filters, masks, votes
from grading.results.findings import findings


def compute(result: Result) -> dict[str, Any]:
    """Everything the page shows. Needs a worker: it reads who made what, and says it in masks."""
    experiment = result.experiment
    judging.write_missing(experiment.pk)
    votes.write_missing(experiment)
    axes = dict(experiment.rubric.axes.order_by("position").values_list("key", "name"))
    chosen = filters.Filters(**QueryDict(result.query).dict())  # what was written was checked
    found = findings(ballots.read(experiment, chosen.votes()), axes)
    done = asking.accepted(experiment)
    return {
        **found,
        "arms": sorted(masks.draw(experiment).values()),
        # What one more task costs, with all the raters it wants.
        "rate": str(experiment.rate * experiment.raters_wanted),
        "currency": experiment.currency,
        "spent": str(done * experiment.rate),
    }


def digest_of(found: dict[str, Any]) -> str:
    """SHA-256 of the findings as canonical JSON."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
