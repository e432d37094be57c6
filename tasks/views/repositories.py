"""The admin's page of repositories: add one, watch it being copied and proven."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marlin.events import record
from marlin.jobs import ring
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks.forms import RepositoryForm
from tasks.models import Repository


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def repositories(request: PersonRequest) -> HttpResponse:
    """The list, and the form under it. A form that is refused comes back with what was typed."""
    form = RepositoryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            repository = form.save()
            record("repository.added", repository, by=request.user, after=repository.state)
            ring("tasks.jobs.clone_repository", repository.pk)
        return redirect("tasks:repositories")
    context = {"repositories": Repository.objects.order_by("name"), "form": form}
    return render(request, "tasks/repositories.html", context, status=422 if form.errors else 200)


@role_required(Role.ADMIN)
@require_safe
def row(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One line of the list; it asks again while a job is at it."""
    repository = get_object_or_404(Repository, public_id=public_id)
    return render(request, "tasks/repositories/_row.html", {"repository": repository})


@role_required(Role.ADMIN)
@require_POST
def refresh(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Copy it again: after a failure, or to see newer commits. A second click changes nothing."""
    repository = get_object_or_404(Repository, public_id=public_id)
    try:
        with transaction.atomic():
            repository.refresh(by=request.user)
            ring("tasks.jobs.clone_repository", repository.pk)
    except WrongState:
        pass  # it is being copied already
    return redirect("tasks:repositories")
