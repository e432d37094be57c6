"""The admin's page of repositories: add one, watch it being copied and proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marlin import lists
from marlin.events import record
from marlin.jobs import ring
from marlin.models import Role
from marlin.refusals import told
from marlin.roles import PersonRequest, role_required
from marlin.uploads import left_out
from tasks import hosts
from tasks import repositories as upkeep
from tasks.forms import ArchiveForm, RecipeForm, RepositoryForm
from tasks.models import Environment, Repository, Scenario

COLUMNS = (
    lists.Column("Name", "name", "name"),
    lists.Column("Address", "address", "url"),
    lists.Column("Language", "language", "language"),
    lists.Column("State", "state", "state"),
)
STATE = lists.Choice("State", "state", Repository.State.choices, field="state")
MOST_COMMITS = 12
MOST_ENVIRONMENTS = 50
MOST_SCENARIOS = 20


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def repositories(request: PersonRequest) -> HttpResponse:
    """The list, and the form under it. A form that is refused comes back with what was typed."""
    form = RepositoryForm(request.POST or None, request.FILES or None, left_out=left_out(request))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            repository = form.save()
            record("repository.added", repository, by=request.user, after=repository.state)
            ring("tasks.jobs.clone_repository", repository.pk)
        return redirect("tasks:repositories")
    context = {**_listed(request), "form": form, "hosts": hosts.listed()}
    return render(request, "tasks/repositories.html", context, status=422 if form.errors else 200)


def _listed(request: PersonRequest) -> dict[str, Any]:
    asked, rows = lists.Asked(request, STATE), Repository.objects.all()
    if asked.words:
        rows = rows.filter(Q(name__icontains=asked.words) | Q(language__iexact=asked.words))
    return asked.listed(rows, COLUMNS, usual="name")


@role_required(Role.ADMIN)
@require_POST
def keep_token(request: PersonRequest) -> HttpResponse:
    """What opens a host's private repositories. It is sealed here and never shown again."""
    try:
        hosts.keep(request.POST.get("host", ""), request.POST.get("token", ""), by=request.user)
        messages.success(request, "Kept. The next copy from that host uses it.")
    except hosts.Refused as why:
        messages.error(request, str(why))
    return redirect("tasks:repositories")


@role_required(Role.ADMIN)
@require_POST
def forget_token(request: PersonRequest) -> HttpResponse:
    hosts.forget(request.POST.get("host", ""), by=request.user)
    return redirect("tasks:repositories")


@role_required(Role.ADMIN)
@require_safe
def row(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One line of the list; it asks again while a job is at it."""
    repository = get_object_or_404(Repository, public_id=public_id)
    return render(request, "tasks/repositories/_row.html", {"repository": repository})


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def repository(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Everything about one repository; the form on it mends its recipe."""
    found = get_object_or_404(Repository, public_id=public_id)
    form = RecipeForm(request.POST or None, instance=Repository.objects.get(pk=found.pk))
    if request.method == "POST" and form.is_valid():
        upkeep.mend(found, form.cleaned_data, by=request.user)
        return redirect("tasks:repository", public_id=public_id)
    context = {**_progress(found), "form": form, "uses": upkeep.uses(found)}
    context["scenarios"] = found.scenarios.exclude(state=Scenario.State.DRAFT).order_by("-pk")[
        :MOST_SCENARIOS
    ]
    context["commits"] = found.commits.order_by("position")[:MOST_COMMITS]
    return render(request, "tasks/repositories/page.html", context, status=422 if form.errors else 200)


def _progress(repository: Repository) -> dict[str, Any]:
    """What a job changes, and the page asks for again meanwhile."""
    environments = repository.environments.order_by("state", "-pk")[:MOST_ENVIRONMENTS]
    busy = (Repository.State.CLONING, Repository.State.BASELINE)
    return {
        "repository": repository,
        "environments": environments,
        "is_busy": repository.state in busy
        or any(environment.state == Environment.State.BASELINE for environment in environments),
    }


@role_required(Role.ADMIN)
@require_safe
def progress(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(Repository, public_id=public_id)
    return render(request, "tasks/repositories/_progress.html", _progress(found))


@role_required(Role.ADMIN)
@require_POST
def refresh(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Copy it again: after a failure, or to see newer commits. A second click changes nothing."""
    found = get_object_or_404(Repository, public_id=public_id)
    return _done(request, found, lambda: upkeep.copy_again(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def send_again(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """A newer bundle or tarball of one that came as a file."""
    found = get_object_or_404(Repository, public_id=public_id)
    form = ArchiveForm(request.POST, request.FILES)
    if why := left_out(request) or " ".join(map(str, form.errors.get("archive", []))):
        messages.error(request, why)
        return redirect("tasks:repository", public_id=public_id)
    return _done(
        request, found, lambda: upkeep.send_again(found, form.cleaned_data["archive"], by=request.user)
    )


@role_required(Role.ADMIN)
@require_POST
def retire(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(Repository, public_id=public_id)
    return _done(request, found, lambda: upkeep.retire(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def waive(request: PersonRequest, public_id: UUID, pk: int) -> HttpResponse:
    """Use one environment though its own tests fail, for a reason."""
    found = get_object_or_404(Repository, public_id=public_id)
    environment = get_object_or_404(found.environments, pk=pk)
    because = request.POST.get("because", "")
    return _done(request, found, lambda: upkeep.waive(environment, because, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def try_again(request: PersonRequest, public_id: UUID, pk: int) -> HttpResponse:
    found = get_object_or_404(Repository, public_id=public_id)
    environment = get_object_or_404(found.environments, pk=pk)
    return _done(request, found, lambda: upkeep.try_again(environment, by=request.user))


def _done(request: PersonRequest, repository: Repository, act: Callable[[], None]) -> HttpResponse:
    """Back to the page. Where somebody was faster it shows what is; a refusal is told there."""
    with told(request, upkeep.Refused):
        act()
    return redirect("tasks:repository", public_id=repository.public_id)
