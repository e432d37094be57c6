"""The admin's page of candidates that are held because a line of them names somebody."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks import holding
from tasks.models import Candidate

ALIAS = "unblind"
VERBS = {"release": holding.release, "withdraw": holding.withdraw}


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PersonRequest) -> HttpResponse:
    """Each with its lines; a decision comes back to the list, with what was wrong about it."""
    if request.method == "POST":
        _decide(request)
        return redirect("tasks:held")
    return render(request, "tasks/held.html", {"held": holding.held(using=ALIAS)})


def _decide(request: PersonRequest) -> None:
    candidate = _asked(request.POST.get("candidate", ""))
    verb = VERBS.get(request.POST.get("decision", ""))
    if candidate is None or verb is None:
        messages.error(request, "It is not held any more.")
        return
    try:
        verb(candidate, by=request.user, why=request.POST.get("why", ""))
    except (holding.Refused, WrongState) as why:
        messages.error(request, str(why))


def _asked(public_id: str) -> Candidate | None:
    try:
        asked = UUID(public_id)
    except ValueError:
        return None
    held = Candidate.objects.using(ALIAS).filter(public_id=asked, is_held=True)
    return held.select_related("turn__task").first()
