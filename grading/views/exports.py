"""The researcher's pages: ask for an export, watch it, take it away. Un-blinding needs a reason."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from grading import checks
from grading.export import snapshot
from grading.models import Export
from marlin.models import Role
from marlin.roles import PersonRequest, role_required


@role_required(Role.RESEARCHER)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    return _page(request)


@role_required(Role.RESEARCHER)
@require_POST
@reauthentication_required  # keeps what was posted, and goes on with it once the password is given
def ask(request: PersonRequest) -> HttpResponse:
    experiment, reason = request.POST.get("experiment", ""), request.POST.get("reason", "")
    try:
        export = snapshot.ask(experiment, by=request.user, reason=reason)
    except checks.Refused as why:
        return _page(request, refused=why, reason=reason, status=422)
    return redirect("grading:export", public_id=export.public_id)


@role_required(Role.RESEARCHER)
@require_safe
def detail(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Polls itself until the files are there."""
    export = _mine(request, public_id)
    template = "grading/export/_state.html" if request.htmx else "grading/export.html"
    return render(request, template, {"export": export, "files": snapshot.files_of(export)})


@role_required(Role.RESEARCHER)
@require_safe
@reauthentication_required
def download(request: PersonRequest, public_id: UUID, name: str) -> HttpResponseBase:
    export = _mine(request, public_id)
    if name not in snapshot.files_of(export):
        raise Http404
    return FileResponse(snapshot.open_file(export, name, by=request.user), as_attachment=True, filename=name)


def _mine(request: PersonRequest, public_id: UUID) -> Export:
    mine = Export.objects.filter(asked_by=request.user)
    export: Export = get_object_or_404(mine.select_related("experiment"), public_id=public_id)
    return export


def _page(
    request: PersonRequest, refused: Exception | None = None, reason: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "exports": request.user.exports.select_related("experiment").order_by("-pk")[:50],
        "experiments": snapshot.exportable(),
        "refused": refused,
        "reason": reason,
    }
    return render(request, "grading/exports.html", context, status=status)
