"""The researcher's pages: ask for an export, watch it, take it away. Un-blinding needs a reason."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from grading import checks
from grading.export import filters, formats, snapshot
from grading.export.filters import Filters
from grading.export.ranges import send
from grading.models import Export, Gold
from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks.models import Experiment

COLUMNS = (
    lists.Column("Experiment", "name", "experiment__name"),
    lists.Column("Asked for", "asked", "asked_at"),
    lists.Column("State", "state", "state"),
)
STATE = lists.Choice("State", "state", Export.State.choices, field="state")


@role_required(Role.RESEARCHER)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    """With an experiment in the address, the form offers what that one has."""
    if request.htmx:
        return render(request, "grading/exports/_choices.html", {"form": _form(request.GET)})
    return _page(request, request.GET)


@role_required(Role.RESEARCHER)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: PersonRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("grading:exports")  # somebody came back by the address bar
    answer: HttpResponse = _ask(request)
    return answer


@reauthentication_required  # keeps what was posted, and goes on with it once the password is given
def _ask(request: PersonRequest) -> HttpResponse:
    posted = request.POST
    try:
        export = snapshot.ask(
            posted.get("experiment", ""),
            by=request.user,
            reason=posted.get("reason", ""),
            wanted=filters.read(posted),
            keys=posted.getlist("formats"),
        )
    except checks.Refused as why:
        return _page(request, posted, refused=why, status=422)
    return redirect("grading:export", public_id=export.public_id)


@role_required(Role.RESEARCHER)
@require_safe
def detail(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Polls itself until the files are there."""
    export = _mine(request, public_id)
    template = "grading/export/_state.html" if request.htmx else "grading/export.html"
    context = {
        "export": export,
        "files": snapshot.files_of(export),
        "checksum": snapshot.checksum(export),
        "sentences": Filters.from_json(export.filters).sentences(),
        "formats": [formats.BY_KEY[key] for key in export.formats],
    }
    return render(request, template, context)


@role_required(Role.RESEARCHER)
@require_POST
def retry(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """A second click finds it queued already, and ends on the same page."""
    export = _mine(request, public_id)
    with contextlib.suppress(WrongState):
        snapshot.retry(export, by=request.user)
    return redirect("grading:export", public_id=public_id)


@role_required(Role.RESEARCHER)
@require_safe
@reauthentication_required
def download(request: PersonRequest, public_id: UUID, name: str) -> HttpResponseBase:
    export = _mine(request, public_id)
    if name not in snapshot.files_of(export):
        raise Http404
    return send(export, name, by=request.user, headers=request.headers)


def _mine(request: PersonRequest, public_id: UUID) -> Export:
    mine = Export.objects.filter(asked_by=request.user)
    export: Export = get_object_or_404(mine.select_related("experiment", "asked_by"), public_id=public_id)
    return export


@dataclass(frozen=True)
class Listed:
    """A line of the list."""

    export: Export

    def sentences(self) -> list[str]:
        return Filters.from_json(self.export.filters).sentences()

    def checksum(self) -> str:
        return snapshot.checksum(self.export)


@dataclass(frozen=True)
class Option:
    """One box to tick. `refused` says why it cannot be ticked."""

    value: str
    label: str
    says: str = ""
    is_chosen: bool = False
    refused: str = ""


@dataclass(frozen=True)
class Group:
    """Boxes under one heading; none is all."""

    name: str
    label: str
    options: list[Option]


@dataclass(frozen=True)
class Form:
    """What the form shows: what can be chosen, and what was."""

    experiment: str
    reason: str
    since: str
    until: str
    groups: list[Group]
    formats: list[Option]
    known: list[Option]
    is_filtered: bool = field(default=False)


#: Left out unless somebody ticks them.
_KNOWN = {
    Gold.Kind.GOLD.value: "hidden among the others",
    Gold.Kind.PRACTICE.value: "read before the others",
}


def _form(posted: QueryDict) -> Form:
    """As it was sent, whether or not it can be done."""
    experiment = _experiment(posted)
    offer = filters.offer(experiment)
    groups = [
        _group(posted, "languages", "Language", offer.languages),
        _group(posted, "repositories", "Repository", offer.repositories),
        _group(posted, "categories", "Category", offer.categories),
        _group(posted, "turns", "Turn", [str(turn) for turn in offer.turns]),
    ]
    since, until = posted.get("since", ""), posted.get("until", "")
    return Form(
        experiment=posted.get("experiment", ""),
        reason=posted.get("reason", ""),
        since=since,
        until=until,
        groups=[group for group in groups if len(group.options) > 1],
        formats=list(_formats(posted, experiment)),
        known=_known(posted),
        is_filtered=bool(since or until)
        or any(posted.getlist(name) for name in ("known", *(group.name for group in groups))),
    )


def _group(posted: QueryDict, name: str, label: str, values: Any) -> Group:
    chosen = posted.getlist(name)
    return Group(name, label, [Option(value, value, is_chosen=value in chosen) for value in values])


def _known(posted: QueryDict) -> list[Option]:
    chosen = posted.getlist("known")
    return [Option(kind, f"{kind}: {says}", is_chosen=kind in chosen) for kind, says in _KNOWN.items()]


def _formats(posted: QueryDict, experiment: Experiment | None) -> list[Option]:
    chosen = posted.getlist("formats") if "reason" in posted else list(formats.USUAL)
    return [
        Option(
            each.key,
            each.name,
            each.says,
            is_chosen=each.key in chosen,
            refused=formats.refusal(each.key, experiment.rubric) if experiment else "",
        )
        for each in formats.FORMATS
    ]


def _experiment(posted: QueryDict) -> Experiment | None:
    try:
        return snapshot.find(posted.get("experiment", ""))
    except checks.Refused:
        return None


def _page(
    request: PersonRequest, posted: QueryDict, refused: Exception | None = None, status: int = 200
) -> HttpResponse:
    asked, exports = lists.Asked(request, STATE), request.user.exports.select_related("experiment")
    if words := asked.words:
        exports = exports.filter(Q(experiment__name__icontains=words) | Q(reason__icontains=words))
    context = asked.listed(exports, COLUMNS, usual="-asked")
    context |= {
        "exports": [Listed(export) for export in context["page"].object_list],
        "experiments": snapshot.exportable(),
        "form": _form(posted),
        "refused": refused,
    }
    return render(request, "grading/exports.html", context, status=status)
