"""The rater's home: what there is to do, what is in hand, what was handed in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from grading import guessing, queue
from grading.models import Receipt
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState


@role_required(Role.RATER)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    return render(request, "grading/work.html", queue.overview(request.user))


@role_required(Role.RATER)
@require_POST
def claim(request: PersonRequest) -> HttpResponse:
    """The next task, or the one already in hand: a second click leads to the same page."""
    assignment = queue.claim_next(request.user)
    if assignment is None:
        if unread := queue.guidelines_to_confirm(request.user).first():
            return redirect("grading:guidelines", public_id=unread.experiment.public_id)
        messages.info(request, "Nothing is ready for you now. New tasks appear here by themselves.")
        return redirect("grading:work")
    return redirect("grading:compare", public_id=assignment.public_id)


@role_required(Role.RATER)
@require_POST
def resume(request: PersonRequest, public_id: UUID) -> HttpResponse:
    assignment = get_object_or_404(request.user.assignments, public_id=public_id)
    try:
        queue.resume(assignment)
    except WrongState as why:
        messages.info(request, str(why))
        return redirect("grading:work")
    return redirect("grading:compare", public_id=assignment.public_id)


@role_required(Role.RATER)
@require_POST
def release(request: PersonRequest, public_id: UUID) -> HttpResponse:
    assignment = get_object_or_404(request.user.assignments, public_id=public_id)
    try:
        queue.release(assignment)
    except WrongState as why:
        messages.info(request, str(why))
    return redirect("grading:work")


@role_required(Role.RATER)
@require_safe
def receipt(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = _receipt_of(request, public_id)
    asked = guessing.questions(found)
    context = {
        "receipt": found,
        "assignment": found.assignment,
        "questions": asked,
        "is_asking": any(not question.answer for question in asked),
    }
    return render(request, "grading/receipt.html", context)


@role_required(Role.RATER)
@require_POST
def guess(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Which side looked newer: optional, and asked once."""
    found = _receipt_of(request, public_id)
    try:
        told = guessing.answer(found, request.POST)
    except WrongState as why:
        messages.info(request, str(why))
    else:
        messages.info(request, "Thank you, that is kept." if told else "Nothing new was chosen.")
    return redirect("grading:receipt", public_id=public_id)


def _receipt_of(request: PersonRequest, public_id: UUID) -> Receipt:
    receipts = Receipt.objects.filter(assignment__rater=request.user)
    return get_object_or_404(
        receipts.select_related("assignment__task__scenario", "assignment__task__experiment"),
        public_id=public_id,
    )
