"""The admin's page of what is brought in: send files, watch them being read, see each refused row with its reason.

File names name agents, so all of it is read and written through `unblind`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from marlin.uploads import left_out
from tasks import imports as upkeep
from tasks.models import Import, ImportFile
from tasks.rubrics import shipped_names

COLUMNS = (
    lists.Column("Asked for", "asked", "asked_at"),
    lists.Column("Kind", "kind", "kind"),
    lists.Column("Data set", "dataset", "dataset"),
)
KIND = lists.Choice("Kind", "kind", Import.Kind.choices, field="kind")
STATE = lists.Choice("State", "state", Import.State.choices, field="state")
#: In place of headings, which a list of cards has not.
ORDERS = (("", "Newest first"), ("asked", "Oldest first"), ("kind", "By kind"), ("dataset", "By data set"))
OF_FILES = ("kind", "dataset", "experiment", "rubric")
OF_A_HOST = ("repository", "numbers", "api")


def _all() -> QuerySet[Import]:
    return Import.objects.using("unblind").select_related("by").prefetch_related("files")


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: PersonRequest) -> HttpResponse:
    """The list, and the form beside it; what is refused comes back with what was typed."""
    typed = {name: request.POST.get(name, "") for name in (*OF_FILES, *OF_A_HOST)}
    refused = ""
    if request.method == "POST":
        whole = "whole" in request.POST
        try:
            if why := left_out(request):
                raise upkeep.Refused(why)
            if typed["kind"] == Import.Kind.LIVE:
                upkeep.ask_live(typed["repository"], typed["numbers"], typed["api"], by=request.user)
                return redirect("tasks:imports")
            fields = {name: typed[name] for name in OF_FILES}
            upkeep.ask(files=request.FILES.getlist("files"), by=request.user, whole=whole, **fields)
            return redirect("tasks:imports")
        except upkeep.Refused as why_not:
            refused = str(why_not)
    context = {
        **_listed(request),
        "by_file": [(one.value, one.label) for one in upkeep.BY_FILE],
        "rubrics": shipped_names(),
        "typed": typed,
        "refused": refused,
    }
    return render(request, "tasks/imports.html", context, status=422 if refused else 200)


def _listed(request: PersonRequest) -> dict[str, Any]:
    asked, rows = lists.Asked(request, KIND, STATE), _all()
    if words := asked.words:
        named = ImportFile.objects.using("unblind").filter(asked=OuterRef("pk"), name__icontains=words)
        rows = rows.filter(Q(dataset__icontains=words) | Q(experiment__icontains=words) | Exists(named))
    return asked.listed(rows, COLUMNS, usual="-asked") | {"orders": ORDERS}


@role_required(Role.ADMIN)
@require_safe
def one(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One of the list; it asks again while the job is at it."""
    found = get_object_or_404(_all(), public_id=public_id)
    part = "tasks/imports/_one.html"
    return render(request, part if request.htmx else "tasks/imports/page.html", {"one": found})


@role_required(Role.ADMIN)
@require_POST
def repeat(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Read the same files again. A second click changes nothing."""
    found = get_object_or_404(_all(), public_id=public_id)
    try:
        upkeep.repeat(found, by=request.user)
    except WrongState:
        messages.info(request, "It is being read.")
    return redirect("tasks:imports")
