"""The reviewer's queue of scenarios: read, approve, or send back with a reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks import scenarios as desk
from tasks.markdown import as_html
from tasks.models import TEXTS, Category, Scenario, ScenarioReview

GONE = "Somebody else reads or has decided about this one. Take the next."
COLUMNS = (
    lists.Column("Title", "title", "title"),
    lists.Column("Repository", "repository", "repository__name"),
    lists.Column("Category", "category", "category"),
    lists.Column("Proposed", "proposed", "proposed_at"),
)
CATEGORY = lists.Choice.of_words("Category", "category", Category.values, "category")
DECIDED_COLUMNS = (
    lists.Column("Scenario", "scenario", "scenario__title"),
    lists.Column("Repository", "repository", "scenario__repository__name"),
    lists.Column("Decided", "decided", "decided_at"),
    lists.Column("Decision", "decision", "decision"),
)
DECISION = lists.Choice("Decision", "decision", ScenarioReview.Decision.choices, field="decision")
LATELY = 5
MOST_MERGES = 5


@role_required(Role.REVIEWER)
@require_safe
def approvals(request: PersonRequest) -> HttpResponse:
    """What waits, the oldest first if nothing else is asked for; and what this person decided lately."""
    asked, waiting = lists.Asked(request, CATEGORY), desk.waiting_for(request.user)
    if asked.words:
        waiting = waiting.about(asked.words)
    context = {
        "decided": _decided(request).order_by("-pk")[:LATELY],
        "decided_columns": [column.heading for column in DECIDED_COLUMNS],
        "all_decided": reverse("tasks:decided"),
    }
    return render(request, "tasks/approvals.html", context | asked.listed(waiting, COLUMNS, usual="proposed"))


@role_required(Role.REVIEWER)
@require_safe
def decided(request: PersonRequest) -> HttpResponse:
    """All that this person has decided."""
    asked, rows = lists.Asked(request, DECISION), _decided(request)
    if asked.words:
        rows = rows.filter(scenario__in=Scenario.objects.about(asked.words).values("pk"))
    context = {"what_waits": reverse("tasks:approvals")}
    return render(
        request, "tasks/decided.html", context | asked.listed(rows, DECIDED_COLUMNS, usual="-decided")
    )


def _decided(request: PersonRequest) -> QuerySet[ScenarioReview]:
    return ScenarioReview.objects.filter(reviewer=request.user).select_related("scenario__repository")


@role_required(Role.REVIEWER)
@require_safe
def approval(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Opening it takes it for a while; the list leaves it out for others."""
    waiting = desk.waiting_for(request.user)
    scenario = get_object_or_404(waiting, public_id=public_id)
    if not desk.take(scenario, request.user):
        messages.info(request, GONE)
        return redirect("tasks:approvals")
    return render(request, "tasks/approvals/page.html", _context(scenario))


def _context(scenario: Scenario) -> dict[str, Any]:
    texts = scenario.texts()
    return {
        "scenario": scenario,
        "prompt": as_html(scenario.prompt),
        "findings": desk.warnings(scenario, texts),
        "merges": scenario.repository.pull_requests.filter(base_commit=scenario.base_commit)[:MOST_MERGES],
        "changes": desk.changed_since(scenario),
        "alike": desk.near_duplicate(scenario, scenario.prompt, compared=True),
        "reviews": scenario.reviews.order_by("-pk"),
        "categories": Category.values,
        "parts": TEXTS.items(),
        "commit": scenario.repository.commits.filter(name=scenario.base_commit).first(),
    }


@role_required(Role.REVIEWER)
@require_POST
def decide(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """What was written stays in the form when it is refused."""
    scenario = get_object_or_404(
        Scenario.objects.select_related("repository", "author"), public_id=public_id, author__isnull=False
    )
    if scenario.author == request.user:
        messages.error(request, "Nobody approves their own scenario.")
        return redirect("tasks:approvals")
    posted = {name: request.POST.get(name, "") for name in ("decision", "reason", "field", "category")}
    try:
        desk.decide(scenario, posted.pop("decision"), by=request.user, **posted)
    except desk.Refused as why:
        context = {**_context(scenario), "refused": str(why), "posted": posted}
        return render(request, "tasks/approvals/page.html", context, status=422)
    except WrongState:
        messages.info(request, GONE)
    return redirect("tasks:approvals")
