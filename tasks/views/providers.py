"""The admin's pages of providers: their addresses, keys, prices and budgets. No run and no arm is named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from marlin import lists
from marlin.models import Role
from marlin.refusals import told
from marlin.roles import PersonRequest, role_required
from tasks import providers as upkeep
from tasks.forms import ChangedProviderForm, KeyForm, PriceForm, ProviderForm
from tasks.models import Price, Provider, ProviderSecret

Row = TypeVar("Row", Provider, Price)

#: Everything about providers is guarded: these pages read and write through this alias alone.
ALIAS = "unblind"
COLUMNS = (
    lists.Column("Name", "name", "name"),
    lists.Column("Dialect", "dialect", "dialect"),
    lists.Column("Address", "address", "base_url"),
)
STATE = lists.Choice("State", "state", Provider.State.choices, field="state")


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def providers(request: PersonRequest) -> HttpResponse:
    """The list, and the form beside it."""
    posted = request.POST if request.method == "POST" else None
    form = ProviderForm(posted, instance=_of_alias(Provider()))
    if request.method == "POST" and form.is_valid():
        try:
            added = upkeep.add(form.save(commit=False), by=request.user, using=ALIAS)
            return redirect("tasks:provider", public_id=added.public_id)
        except IntegrityError:
            form.add_error("name", "There is a provider of this name already.")
    asked, rows = lists.Asked(request, STATE), Provider.objects.using(ALIAS).select_related("secret")
    if asked.words:
        rows = rows.filter(Q(name__icontains=asked.words) | Q(base_url__icontains=asked.words))
    context = asked.listed(rows, COLUMNS, usual="name") | {"form": form}
    return render(request, "tasks/providers.html", context, status=422 if form.errors else 200)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def provider(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One provider; the form on it changes its address, its bounds and its budget."""
    found = _provider(public_id)
    posted = request.POST if request.method == "POST" else None
    form = ChangedProviderForm(posted, instance=_provider(public_id))
    if request.method == "POST" and form.is_valid():
        if upkeep.change(found, form.cleaned_data, by=request.user):
            messages.warning(request, "Its key was sealed for the old address. Set it again.")
        return redirect("tasks:provider", public_id=public_id)
    return _page(request, found, form=form)


@sensitive_post_parameters("key")
@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def key(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Where its key goes in. Needs a recent password, and nothing that was posted is kept meanwhile."""
    try:
        _asked_for_the_password(request)
    except ReauthenticationRequired:
        if request.method == "POST":
            # Asked for the password now, the request would wait in the session with the key in it.
            return redirect("tasks:provider_key", public_id=public_id)
        raise
    found = _provider(public_id)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            upkeep.set_key(found, form.cleaned_data["key"], by=request.user)
        except upkeep.Refused as why:
            form.add_error("key", str(why))
        else:
            messages.success(request, "The key is sealed. Only the gateway can read it.")
            return redirect("tasks:provider", public_id=public_id)
    context = {"provider": found, "form": form}
    return render(request, "tasks/providers/key.html", context, status=422 if form.errors else 200)


@reauthentication_required
def _asked_for_the_password(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@role_required(Role.ADMIN)
@require_POST
def price(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = _provider(public_id)
    form = PriceForm(request.POST, instance=_of_alias(Price()))
    if not form.is_valid():
        return _page(request, found, price=form)
    amounts = {name: form.cleaned_data[name] for name in form.Meta.fields if name != "model"}
    upkeep.set_price(found, form.cleaned_data["model"], amounts, by=request.user)
    return redirect("tasks:provider", public_id=public_id)


@role_required(Role.ADMIN)
@require_POST
def pause(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = _provider(public_id)
    why = request.POST.get("why", "").replace("\0", "")
    return _done(request, found, lambda: upkeep.pause(found, why, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def resume(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = _provider(public_id)
    return _done(request, found, lambda: upkeep.resume(found, by=request.user))


def _of_alias(new: Row) -> Row:
    """What is not saved yet asks for its constraints through the alias it will be written by."""
    new._state.db = ALIAS
    return new


def _provider(public_id: UUID) -> Provider:
    return get_object_or_404(Provider.objects.using(ALIAS), public_id=public_id)


def _page(
    request: PersonRequest,
    found: Provider,
    *,
    form: ChangedProviderForm | None = None,
    price: PriceForm | None = None,
) -> HttpResponse:
    secret = ProviderSecret.objects.using(ALIAS).filter(provider=found).first()
    context: dict[str, Any] = {
        "provider": found,
        "secret": secret,
        "prices": upkeep.prices_of(found),
        "use": upkeep.use_of(found),
        "form": form or ChangedProviderForm(instance=found),
        "price": price or PriceForm(),
    }
    refused = any(each is not None and each.errors for each in (form, price))
    return render(request, "tasks/providers/page.html", context, status=422 if refused else 200)


def _done(request: PersonRequest, found: Provider, act: Callable[[], None]) -> HttpResponse:
    """Back to the page; where somebody was faster it shows what is."""
    with told(request, upkeep.Refused):
        act()
    return redirect("tasks:provider", public_id=found.public_id)
