"""The rater's desk for scenarios: choose a commit, write, hand it to the reviewers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.sources import now, source
from marlin.states import WrongState
from tasks import scenarios as desk
from tasks.markdown import as_html
from tasks.models import Category, Commit, PullRequest, Repository, Scenario

PAGE = 50
COLUMNS = (
    lists.Column("Title", "title", "title"),
    lists.Column("Repository", "repository", "repository__name"),
    lists.Column("Category", "category", "category"),
    lists.Column("Begun", "begun", "created_at"),
    lists.Column("State", "state", "state"),
)
CATEGORY = lists.Choice.of_words("Category", "category", Category.values, "category")
STATE = lists.Choice("State", "state", Scenario.State.choices, field="state")
MOST_MERGES = 10
TAKEN = "This write-up is with the reviewers now. What you wrote is kept."


@role_required(Role.RATER)
@require_safe
def scenarios(request: PersonRequest) -> HttpResponse:
    """One's own."""
    asked, mine = lists.Asked(request, CATEGORY, STATE), request.user.scenarios.select_related("repository")
    if asked.words:
        mine = mine.about(asked.words)
    context = asked.listed(mine, COLUMNS, usual="-begun") | {"usable": _usable().exists()}
    return render(request, "tasks/scenarios.html", context)


def _usable() -> QuerySet[Repository]:
    return Repository.objects.filter(state=Repository.State.USABLE, patch_only=False)


@role_required(Role.RATER)
@require_safe
def new(request: PersonRequest) -> HttpResponse:
    """Repository, commit and category. Everything chosen stands in the address."""
    chosen = _usable().filter(name=request.GET.get("repository", "")).first()
    query = request.GET.get("q", "").strip()
    commits = _found(chosen, query) if chosen else Commit.objects.none()
    context = {
        "repositories": _usable().order_by("name"),
        "repository": chosen,
        "query": query,
        "page": Paginator(commits, PAGE).get_page(request.GET.get("page")),
        "merges": _merges(chosen, query) if chosen and query else [],
        "categories": desk.categories(),
    }
    part = request.htmx and request.htmx.target == "commits"
    return render(request, "tasks/scenarios/_commits.html" if part else "tasks/scenarios/new.html", context)


def _found(repository: Repository, query: str) -> QuerySet[Commit]:
    commits = repository.commits.order_by("position")
    number = query.lstrip("#")
    if number.isascii() and number.isdigit():
        return commits.filter(Q(merged=int(number[:9])) | Q(name__startswith=number))
    return (
        commits.filter(Q(subject__icontains=query) | Q(name__startswith=query.lower())) if query else commits
    )


def _merges(repository: Repository, query: str) -> QuerySet[PullRequest]:
    """Imported pull requests, by number or words of the title. Their text and diff are not for raters."""
    number = query.lstrip("#")
    is_number = number.isascii() and number.isdigit()
    wanted = Q(number=int(number[:9])) if is_number else Q(title__icontains=query)
    found = repository.pull_requests.filter(wanted).order_by("-number")
    return found.only("number", "title", "base_commit", "merged_at")[:MOST_MERGES]


@role_required(Role.RATER)
@require_POST
def begin(request: PersonRequest) -> HttpResponse:
    repository = get_object_or_404(_usable(), name=request.POST.get("repository", ""))
    try:
        scenario = desk.begin(
            request.user, repository, request.POST.get("commit", ""), request.POST.get("category", "")
        )
    except desk.Refused as why:
        messages.error(request, str(why))
        chosen = urlencode({"repository": repository.name, "q": request.POST.get("q", "")})
        return redirect(f"{reverse('tasks:new_scenario')}?{chosen}")
    return redirect("tasks:scenario", public_id=scenario.public_id)


def _mine(request: PersonRequest, public_id: UUID) -> Scenario:
    return get_object_or_404(request.user.scenarios.select_related("repository"), public_id=public_id)


def _context(scenario: Scenario) -> dict[str, Any]:
    newest = scenario.revisions.last()
    texts = newest.texts if newest else {**scenario.texts(), "effort_hours": ""}
    until = scenario.held_until
    return {
        "scenario": scenario,
        "texts": texts,
        "is_editable": scenario.state in desk.WRITABLE,
        "findings": desk.warnings(scenario, texts),
        "saved_at": newest.saved_at if newest else None,
        "form_tab": source().token("form tab"),
        "seconds_left": max(0.0, (until - now()).total_seconds()) if until else 0.0,
        "commit": scenario.repository.commits.filter(name=scenario.base_commit).first(),
        "review": scenario.last_decision(),
        "changes": desk.changed_since(scenario),
        "longest": desk.LONGEST,
    }


@role_required(Role.RATER)
@require_safe
def scenario(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return render(request, "tasks/scenarios/desk.html", _context(_mine(request, public_id)))


@role_required(Role.RATER)
@require_POST
def save(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Keep what stands in the form; without htmx the page comes back with it."""
    mine = _mine(request, public_id)
    try:
        saved = desk.save(mine, request.POST)
    except WrongState:
        if request.htmx:
            return HttpResponse(TAKEN, status=409, content_type="text/plain")
        messages.error(request, TAKEN)
        return redirect("tasks:scenario", public_id=public_id)
    if not request.htmx:
        return redirect("tasks:scenario", public_id=public_id)
    context = {
        "saved": saved,
        "findings": saved.findings,
        "scenario": mine,
        "seconds_left": settings.SCENARIO_LEASE,
    }
    return render(request, "tasks/scenarios/_saved.html", context)


@role_required(Role.RATER)
@require_POST
def propose(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """What stands in the form is kept first: nothing typed is lost by a refusal."""
    mine = _mine(request, public_id)
    try:
        desk.save(mine, request.POST)
        desk.propose(mine, by=request.user)
    except desk.Refused as why:
        context = {**_context(_mine(request, public_id)), "refused": str(why)}
        return render(request, "tasks/scenarios/desk.html", context, status=422)
    except WrongState:
        pass  # a second click: it is with the reviewers already
    return redirect("tasks:scenarios")


@role_required(Role.RATER, Role.REVIEWER)
@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """How a text in Markdown will be read."""
    text = request.POST.get("prompt", "")[: desk.LONGEST]
    return render(
        request, "tasks/scenarios/_preview.html", {"html": as_html(text), "is_empty": not text.strip()}
    )
