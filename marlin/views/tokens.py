"""A researcher's tokens: which there are, when they were last used, a new one, an end to one."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from marlin import tokens
from marlin.forms import TokenForm
from marlin.models import Role, Token
from marlin.roles import PersonRequest, role_required

#: Revoked ones stay on the page for a while; the Events keep all.
MOST_SHOWN = 50


@role_required(Role.RESEARCHER)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    return _page(request, TokenForm(request.user))


@role_required(Role.RESEARCHER)
@require_POST
@reauthentication_required  # keeps what was posted, and goes on with it once the password is given
@sensitive_variables("secret")
def create(request: PersonRequest) -> HttpResponse:
    """Answers with the token itself: a redirect would have to keep it somewhere meanwhile."""
    form = TokenForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        token, secret = tokens.create(request.user, **form.cleaned_data)
    except IntegrityError:
        # Clicked twice: the other request was first, and its answer shows the token.
        form.add_error("name", "You have just made a token of this name.")
        return _page(request, form, status=422)
    return render(request, "account/tokens/made.html", {"token": token, "secret": secret})


@role_required(Role.RESEARCHER)
@require_POST
def revoke(request: PersonRequest, public_id: UUID) -> HttpResponse:
    token: Token = get_object_or_404(request.user.tokens, public_id=public_id)
    tokens.revoke(token, by=request.user)
    messages.success(request, f"“{token.name}” opens nothing any more.")
    return redirect("tokens")


def _page(request: PersonRequest, form: TokenForm, status: int = 200) -> HttpResponse:
    context = {"tokens": request.user.tokens.order_by("-pk")[:MOST_SHOWN], "form": form}
    return render(request, "account/tokens.html", context, status=status)
