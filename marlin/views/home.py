"""The front door and the pulse."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from marlin.roles import PersonRequest, places_of


@login_required
@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Everybody lands where their work is."""
    places = places_of(request.user)
    if places:
        return redirect(places[0].route)
    return render(request, "home.html")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Says "ok" while the database answers. The broker is not asked: pages work without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
