"""The admin's pages of agent versions: what each is and how it is started, added, looked over by a worker, retired.

They name agents, and neither what an agent made nor the experiments that compare it: whoever looks is not barred from
rating. All is read and written through `unblind`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks import providers, versions
from tasks.forms import AgentForm, WrittenAgentForm
from tasks.models import AgentCheck, AgentVersion
from tasks.presets import presets

ALIAS = "unblind"
COLUMNS = (
    lists.Column("Name", "name", "name"),
    lists.Column("Harness", "harness", "harness"),
    lists.Column("Model", "model", "model"),
    lists.Column("Provider", "provider", "provider"),
)
STATE = lists.Choice("State", "state", AgentVersion.State.choices, field="state")


def _all() -> QuerySet[AgentVersion]:
    newest = AgentCheck.objects.using(ALIAS).order_by("agent_version", "-pk").distinct("agent_version")
    every = AgentVersion.objects.using(ALIAS).select_related("served_by")
    return every.prefetch_related(Prefetch("checks", newest, to_attr="newest_checks"))


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def agents(request: PersonRequest) -> HttpResponse:
    """The list, and two ways to add to it; what is refused comes back with what was typed."""
    form = AgentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        added = _added(form, lambda: versions.add(told.pop("preset"), **told, by=request.user, using=ALIAS))
        if added:
            return _looked_over(request, added)
    return _list(request, form=form)


@role_required(Role.ADMIN)
@require_POST
def write(request: PersonRequest) -> HttpResponse:
    form = WrittenAgentForm(request.POST)
    if form.is_valid():
        toml = form.cleaned_data["toml"]
        added = _added(form, lambda: versions.add_written(toml, by=request.user, using=ALIAS))
        if added:
            return _looked_over(request, added)
    return _list(request, written=form)


def _added(form: forms.Form, add: Callable[[], AgentVersion]) -> AgentVersion | None:
    try:
        return add()
    except versions.Refused as why:
        form.add_error(why.field if why.field in form.fields else None, why.sentence)
        return None


def _looked_over(request: PersonRequest, added: AgentVersion) -> HttpResponse:
    """What only a worker can tell is told as soon as it is there."""
    versions.ask_check(added, by=request.user)
    return redirect("tasks:agent", public_id=added.public_id)


def _list(
    request: PersonRequest, *, form: AgentForm | None = None, written: WrittenAgentForm | None = None
) -> HttpResponse:
    asked, rows = lists.Asked(request, STATE), _all()
    if words := asked.words:
        rows = rows.filter(
            Q(name__icontains=words)
            | Q(harness__icontains=words)
            | Q(model__icontains=words)
            | Q(provider__icontains=words)
        )
    form, written = form or AgentForm(), written or WrittenAgentForm()
    context = {
        **asked.listed(rows, COLUMNS, usual="name"),
        "form": form,
        "written": written,
        "presets": [preset for preset in presets().values() if preset.install or preset.lacks],
    }
    status = 422 if form.errors or written.errors else 200
    return render(request, "tasks/agents.html", context, status=status)


@role_required(Role.ADMIN)
@require_safe
def agent(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = _agent(public_id)
    priced = providers.prices_of(found.served_by) if found.served_by else []
    context = {
        "agent": found,
        "check": _check_of(found),
        "toml": versions.written(found),
        "price": next((price for price in priced if price.model == found.model), None),
    }
    return render(request, "tasks/agents/page.html", context)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Has it looked over; asked again and again meanwhile, it is the part of the page that tells how far that is."""
    found = _agent(public_id)
    if request.method == "POST":
        versions.ask_check(found, by=request.user)
    if request.method == "POST" and not request.htmx:
        return redirect("tasks:agent", public_id=public_id)
    context = {"agent": found, "check": _check_of(found)}
    return render(request, "tasks/agents/_check.html", context)


@role_required(Role.ADMIN)
@require_POST
def retire(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _moved(request, public_id, lambda found: found.retire(by=request.user))


@role_required(Role.ADMIN)
@require_POST
def restore(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _moved(request, public_id, lambda found: found.restore(by=request.user))


def _moved(request: PersonRequest, public_id: UUID, move: Callable[[AgentVersion], Any]) -> HttpResponse:
    """A second click finds it done."""
    try:
        move(_agent(public_id))
    except WrongState:
        messages.info(request, "That was done already.")
    return redirect("tasks:agent", public_id=public_id)


def _agent(public_id: UUID) -> AgentVersion:
    return get_object_or_404(
        AgentVersion.objects.using(ALIAS).select_related("served_by"), public_id=public_id
    )


def _check_of(found: AgentVersion) -> AgentCheck | None:
    checks = AgentCheck.objects.using(ALIAS).filter(agent_version=found)
    return checks.select_related("by").order_by("-pk").first()
