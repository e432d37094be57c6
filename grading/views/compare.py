"""The compare page of the rater who holds the task: look, save, submit."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from grading import checks, looks, pieces, submission
from grading.models import Assignment, BlindPair
from grading.reading import Reading, reading_of
from grading.spots import Spot
from grading.views import patches as answers
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState

NOT_YOURS = "This task is no longer yours to hand in. What you wrote is kept."


def _mine(request: PersonRequest, public_id: Spot) -> Assignment:
    mine = request.user.assignments.with_practice().select_related(
        "task__scenario__repository", "task__experiment__rubric", "rater"
    )
    return get_object_or_404(mine, public_id=public_id.assignment)


def _reading(request: PersonRequest, public_id: Spot, *, steps: bool = True) -> Reading:
    return reading_of(_mine(request, public_id), turn=public_id.turn, steps=steps)


def _pairs(request: PersonRequest, public_id: Spot) -> QuerySet[BlindPair]:
    """The short way: of this rater's own assignment, nothing but its pairs."""
    return pieces.at(
        BlindPair.objects.filter(assignment__public_id=public_id.assignment, assignment__rater=request.user),
        public_id,
    )


@role_required(Role.RATER)
@require_safe
@gzip_page  # no secret stands in it unmasked beside what a request could choose
def patches(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return looks.remember(request, _page(request, _reading(request, public_id, steps=False)))


@role_required(Role.RATER)
@require_safe
def transcripts(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "transcripts")


@role_required(Role.RATER)
@require_safe
def tests(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "tests")


@role_required(Role.RATER)
@require_safe
def write_up(request: PersonRequest, public_id: Spot) -> HttpResponse:
    return _tab(request, public_id, "write_up")


@role_required(Role.RATER)
@require_safe
def file(request: PersonRequest, public_id: Spot, number: int) -> HttpResponse:
    """The rows of one file, when it comes into view. Without htmx: alone on a page."""
    if request.htmx:
        return answers.fragment(request, _pairs(request, public_id), number)
    return answers.alone(request, _reading(request, public_id, steps=False), number)


@role_required(Role.RATER)
@require_safe
def gap(request: PersonRequest, public_id: Spot, number: int, gap: int) -> HttpResponse:
    return answers.fragment(request, _pairs(request, public_id), number, gap)


@role_required(Role.RATER)
@require_POST
def mark(request: PersonRequest, public_id: Spot, number: int) -> HttpResponse:
    back = reverse("grading:compare", args=[public_id])
    return answers.mark(request, _pairs(request, public_id), number, back)


@role_required(Role.RATER)
@require_safe
def image(request: PersonRequest, public_id: Spot, number: int, which: str) -> HttpResponse:
    return answers.picture(_pairs(request, public_id), number, which)


@role_required(Role.RATER)
@require_safe
def search(request: PersonRequest, public_id: Spot) -> HttpResponse:
    reading = None if request.htmx else _reading(request, public_id, steps=False)
    return answers.found(request, _pairs(request, public_id), reading)


@role_required(Role.RATER)
@require_safe
def base(request: PersonRequest, public_id: Spot) -> HttpResponse:
    reading = None if request.htmx else _reading(request, public_id, steps=False)
    panel = submission.form_context(reading) if reading else {}
    return answers.browsed(request, _pairs(request, public_id), reading, panel)


@role_required(Role.RATER)
@require_POST
def save_draft(request: PersonRequest, public_id: Spot) -> HttpResponse:
    """Every change ends here, a second later. What arrives is kept, whatever state the work is in."""
    assignment = _mine(request, public_id)
    saved = submission.save_draft(assignment, request.POST, turn=public_id.turn)
    if request.htmx:
        return render(request, "grading/compare/_saved.html", {"saved": saved, "assignment": assignment})
    return redirect("grading:compare", public_id=assignment.public_id)


@role_required(Role.RATER)
@require_POST
def submit(request: PersonRequest, public_id: Spot) -> HttpResponse:
    assignment = _mine(request, public_id)
    preference, number = submission.waiting_after(assignment), None
    if preference is None:  # else the turn is graded, and the page that hands in has no form
        # In a transaction of its own: kept even when refused.
        saved = submission.save_draft(assignment, request.POST, turn=public_id.turn)
        preference, number = saved.preference, saved.revision

    try:
        receipt = submission.submit(assignment, preference, number=number)
    except (WrongState, checks.Refused) as why:
        handed_in = assignment.last_receipt()
        if handed_in and assignment.is_handed_in():  # sent twice ends where once does
            return redirect("grading:receipt", public_id=handed_in.public_id)
        # Something is missing, or the work is not theirs any more: the page says which.
        refused = why if isinstance(why, checks.Refused) else checks.Refused(NOT_YOURS)
        return _page(request, _reading(request, public_id), refused=refused, status=422)
    return redirect("grading:receipt", public_id=receipt.public_id)


@role_required(Role.RATER)
@require_POST
def go_on(request: PersonRequest, public_id: Spot) -> HttpResponse:
    """The turn is graded: both sides go on from the chosen one, or a second reader reads the next."""
    assignment = _mine(request, public_id)
    saved = submission.save_draft(assignment, request.POST, turn=public_id.turn)

    try:
        submission.go_on(assignment, saved.preference, number=saved.revision)
    except checks.Refused as why:
        return _page(request, _reading(request, public_id), refused=why, status=422)
    except WrongState:
        pass  # asked twice ends where once does: on the page that shows how it stands
    return redirect("grading:compare", public_id=assignment.public_id)


@role_required(Role.RATER)
@require_safe
def waiting(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Whether the next turn is there; a page that asks is led to it."""
    reading = _reading(request, Spot(public_id), steps=False)
    form = submission.form_context(reading)
    if form["is_waiting"]:
        return render(
            request, "grading/compare/_waiting.html", {"reading": reading, "assignment": reading.assignment}
        )
    answer = HttpResponse(status=204)
    answer["HX-Redirect"] = reverse("grading:compare", args=[public_id])
    return answer


def _tab(request: PersonRequest, public_id: Spot, tab: str) -> HttpResponse:
    reading = _reading(request, public_id)
    context = reading.context(tab) | submission.form_context(reading)
    return render(request, f"grading/compare/{tab}.html", context)


def _page(
    request: PersonRequest, reading: Reading, refused: checks.Refused | None = None, status: int = 200
) -> HttpResponse:
    context = (
        reading.context("patches")
        | submission.form_context(reading)
        | reading.patches(request)
        | {"refused": refused}
    )
    return render(request, "grading/compare.html", context, status=status)
