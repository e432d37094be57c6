"""What a rater is asked to heed in one experiment, and the button that says it was read."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from grading import queue
from grading.models import Assignment, Confirmation
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from tasks.markdown import as_html
from tasks.models import Guidelines


@role_required(Role.RATER)
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """The newest version; only of experiments in which this person has, or could take, work."""
    newest = _newest(request, public_id)
    confirmed = Confirmation.objects.filter(person=request.user, guidelines=newest).first()
    if request.method == "POST":
        if request.POST.get("version") != str(newest.version):
            messages.info(request, "They were changed while you read. This is the newest version.")
            return redirect("grading:guidelines", public_id=public_id)
        queue.confirm(newest, by=request.user)
        return redirect("grading:work")
    context = {"guidelines": newest, "html": as_html(newest.text), "confirmed": confirmed}
    return render(request, "grading/guidelines.html", context)


def _newest(request: PersonRequest, public_id: UUID) -> Guidelines:
    versions = Guidelines.objects.filter(experiment__public_id=public_id).exclude(text="")
    newest = versions.select_related("experiment").order_by("-version").first()
    to_confirm = queue.guidelines_to_confirm(request.user)
    works = Assignment.objects.filter(rater=request.user, task__experiment__public_id=public_id)
    read = Confirmation.objects.filter(person=request.user, guidelines__experiment__public_id=public_id)
    if newest is not None and (works.exists() or read.exists() or to_confirm.filter(pk=newest.pk).exists()):
        return newest
    return get_object_or_404(versions.none())
