"""The admin's page of categories: which take more scenarios, and how many."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from tasks import scenarios as desk


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def categories(request: PersonRequest) -> HttpResponse:
    """One form for all; what is refused comes back as it was typed."""
    rows = desk.rules()
    if request.method != "POST":
        return render(request, "tasks/categories.html", {"rows": rows})
    try:
        desk.set_rules(request.POST, by=request.user)
    except desk.Refused as why:
        for row in rows:
            row["is_open"] = f"open-{row['category']}" in request.POST
            row["quota"] = request.POST.get(f"quota-{row['category']}", "")
        return render(request, "tasks/categories.html", {"rows": rows, "refused": str(why)}, status=422)
    messages.success(request, "Kept.")
    return redirect("tasks:categories")
