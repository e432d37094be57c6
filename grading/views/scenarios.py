"""The repository beside a write-up, for its author and for who approves it. Jobs prepare what is shown."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from grading import browsing
from marlin.lists import words_of
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from tasks import scenarios as desk
from tasks.models import Scenario


@role_required(Role.RATER)
@require_safe
def mine(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """The files that one's own scenario starts from."""
    own = request.user.scenarios.select_related("repository")
    return _files(request, get_object_or_404(own, public_id=public_id), "tasks:scenario")


@role_required(Role.REVIEWER)
@require_safe
def proposed(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """The files beside a write-up that waits for a decision."""
    waiting = desk.waiting_for(request.user)
    return _files(request, get_object_or_404(waiting, public_id=public_id), "tasks:approval")


def _files(request: PersonRequest, scenario: Scenario, page: str) -> HttpResponse:
    context = {
        "scenario": scenario,
        "place": browsing.look(
            scenario.repository,
            scenario.base_commit,
            path=request.GET.get("path", ""),
            query=words_of(request),
            inside="inside" in request.GET,
        ),
        "here": request.path,
        "inside": "inside" in request.GET,
        "again": request.get_full_path(),
        "back": reverse(page, args=[scenario.public_id]),
    }
    part = "grading/scenario_files/_files.html"
    return render(request, part if request.htmx else "grading/scenario_files.html", context)
