"""The reviewer's pages: what waits, one submission as the rater saw it, and the decision."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from grading import checks, looks, pieces, reviewing
from grading.models import Assignment, BlindPair, Review
from grading.reading import Reading, reading_of
from grading.spots import Spot
from grading.views import patches as answers
from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks.models import Category, Scenario

COLUMNS = (
    lists.Column("Task", "task", "task__scenario__title"),
    lists.Column("Repository", "repository", "task__scenario__repository__name"),
    lists.Column("Category", "category", "task__scenario__category"),
    lists.Column("Handed in", "handed_in", "submitted_at"),
)
CATEGORY = lists.Choice.of_words("Category", "category", Category.values, "task__scenario__category")
DECIDED_COLUMNS = (
    lists.Column("Task", "task", "assignment__task__scenario__title"),
    lists.Column("Repository", "repository", "assignment__task__scenario__repository__name"),
    lists.Column("Decided", "decided", "decided_at"),
    lists.Column("Decision", "decision", "decision"),
)
DECISION = lists.Choice("Decision", "decision", Review.Decision.choices, field="decision")
LATELY = 5


@role_required(Role.REVIEWER)
@require_safe
def queue(request: PersonRequest) -> HttpResponse:
    """What waits, the oldest first if nothing else is asked for; and what this person decided lately."""
    asked, waiting = lists.Asked(request, CATEGORY), reviewing.waiting_for(request.user)
    if asked.words:
        waiting = waiting.filter(task__scenario__in=Scenario.objects.about(asked.words).values("pk"))
    context = {
        "decided": _decided(request).order_by("-pk")[:LATELY],
        "decided_columns": [column.heading for column in DECIDED_COLUMNS],
        "all_decided": reverse("grading:decided"),
    }
    return render(
        request, "grading/reviews.html", context | asked.listed(waiting, COLUMNS, usual="handed_in")
    )


@role_required(Role.REVIEWER)
@require_safe
def decided(request: PersonRequest) -> HttpResponse:
    """All that this person has decided."""
    asked, rows = lists.Asked(request, DECISION), _decided(request)
    if asked.words:
        about = Scenario.objects.about(asked.words).values("pk")
        rows = rows.filter(assignment__task__scenario__in=about)
    context = {"what_waits": reverse("grading:reviews")}
    return render(
        request, "grading/decided.html", context | asked.listed(rows, DECIDED_COLUMNS, usual="-decided")
    )


def _decided(request: PersonRequest) -> QuerySet[Review]:
    return request.user.reviews.select_related("assignment__task__scenario__repository")


@role_required(Role.REVIEWER)
@require_safe
@gzip_page  # no secret stands in it unmasked beside what a request could choose
def page(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return looks.remember(request, _page(request, _reading(request, public_id, steps=False)))


@role_required(Role.REVIEWER)
@require_safe
def transcripts(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "transcripts")


@role_required(Role.REVIEWER)
@require_safe
def tests(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "tests")


@role_required(Role.REVIEWER)
@require_safe
def write_up(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "write_up")


@role_required(Role.REVIEWER)
@require_safe
def file(request: PersonRequest, public_id: Spot, number: int) -> HttpResponse:
    if request.htmx:
        return answers.fragment(request, _pairs(request, public_id), number)
    return answers.alone(request, _reading(request, public_id, steps=False), number)


@role_required(Role.REVIEWER)
@require_safe
def gap(request: PersonRequest, public_id: Spot, number: int, gap: int) -> HttpResponse:
    return answers.fragment(request, _pairs(request, public_id), number, gap)


@role_required(Role.REVIEWER)
@require_POST
def mark(request: PersonRequest, public_id: Spot, number: int) -> HttpResponse:
    back = reverse("grading:review", args=[public_id])
    return answers.mark(request, _pairs(request, public_id), number, back)


@role_required(Role.REVIEWER)
@require_safe
def image(request: PersonRequest, public_id: Spot, number: int, which: str) -> HttpResponse:
    return answers.picture(_pairs(request, public_id), number, which)


@role_required(Role.REVIEWER)
@require_safe
def search(request: PersonRequest, public_id: Spot) -> HttpResponse:
    reading = None if request.htmx else _reading(request, public_id, steps=False)
    return answers.found(request, _pairs(request, public_id), reading)


@role_required(Role.REVIEWER)
@require_safe
def base(request: PersonRequest, public_id: Spot) -> HttpResponse:
    reading = None if request.htmx else _reading(request, public_id, steps=False)
    panel = reviewing.panel_context(reading) if reading else {}
    return answers.browsed(request, _pairs(request, public_id), reading, panel)


@role_required(Role.REVIEWER)
@require_POST
def decide(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Accept or reject. A second click finds the decision made and shows it."""
    assignment = _reviewable(request, public_id)
    decision, reason = request.POST.get("decision", ""), request.POST.get("reason", "")
    try:
        reviewing.decide(assignment, decision, by=request.user, reason=reason)
    except checks.Refused as why:
        reading = reading_of(assignment, prefix="review_")
        return _page(request, reading, refused=why, reason=reason, status=422)
    except WrongState:  # decided meanwhile: the page says how to who did it, the others are told here
        if not reviewing.visible_to(request.user).filter(pk=assignment.pk).exists():
            messages.info(request, "Somebody else has decided this meanwhile.")
            return redirect("grading:reviews")
    return redirect("grading:review", public_id=public_id)


def _reviewable(request: PersonRequest, public_id: UUID) -> Assignment:
    return get_object_or_404(reviewing.visible_to(request.user), public_id=public_id)


def _pairs(request: PersonRequest, public_id: Spot) -> QuerySet[BlindPair]:
    """The short way: of one assignment this reviewer may see, nothing but its pairs."""
    visible = reviewing.visible_to(request.user).filter(public_id=public_id.assignment).order_by()
    return pieces.at(BlindPair.objects.filter(assignment__in=visible.values("pk")), public_id)


def _reading(request: PersonRequest, public_id: Spot, *, steps: bool = True) -> Reading:
    return reading_of(
        _reviewable(request, public_id.assignment), turn=public_id.turn, prefix="review_", steps=steps
    )


def _tab(request: PersonRequest, public_id: Spot, tab: str) -> HttpResponse:
    reading = _reading(request, public_id)
    context = reading.context(tab) | reviewing.panel_context(reading)
    return render(request, f"grading/compare/{tab}.html", context)


def _page(
    request: PersonRequest,
    reading: Reading,
    refused: Exception | None = None,
    reason: str = "",
    status: int = 200,
) -> HttpResponse:
    context = (
        reading.context("patches")
        | reviewing.panel_context(reading)
        | reading.patches(request)
        | {"refused": refused, "reason": reason}
    )
    return render(request, "grading/review.html", context, status=status)
