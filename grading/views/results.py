"""What the preferences say: the experiments, one of them under filters, a frozen state, the records behind a number."""

from __future__ import annotations

import csv
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from grading.checks import Refused
from grading.export.writers.csv import safe
from grading.models import Result
from grading.results import asking, behind, filters, masks, page
from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from tasks import unblinding
from tasks.models import Experiment

COLUMNS = (
    lists.Column("Experiment", "name", "name"),
    lists.Column("State", "state", "state"),
    lists.Column("Made", "made", "created_at"),
    lists.Column("Accepted", "accepted", "accepted", is_number=True),
)
STATE = lists.Choice("State", "state", Experiment.State.choices[1:], field="state")


@role_required(Role.RESEARCHER)
@require_safe
def experiments(request: PersonRequest) -> HttpResponse:
    asked, rows = lists.Asked(request, STATE), page.overview()
    if asked.words:
        rows = rows.filter(name__icontains=asked.words)
    context = asked.listed(rows, COLUMNS, usual="-made")
    context |= {
        "rows": page.with_verdicts(context["page"].object_list),
        "is_rater": request.user.has_role(Role.RATER, Role.REVIEWER),
    }
    return render(request, "grading/results.html", context)


@role_required(Role.RESEARCHER)
@require_safe
def detail(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """The newest result under these filters. What is not there yet is asked for, and the page asks again."""
    experiment = _experiment(public_id)
    asking.note_seen(request.user, experiment)
    offered = filters.choices(experiment)
    chosen = filters.read(request.GET, offered)
    result = asking.newest_result(experiment, chosen)
    failed = asking.last_failure(experiment, chosen, since=result)
    waiting = None
    if (result is None or result.basis != asking.accepted(experiment)) and failed is None:
        waiting = asking.ask(experiment, chosen)
    context = _context(request, experiment, result, chosen) | {
        "selects": filters.selects(chosen, offered),
        "waiting": waiting,
        "failed": failed,
        "address": request.get_full_path(),
    }
    return render(request, _template(request, "result", "_answer"), context)


@role_required(Role.RESEARCHER)
@require_POST
def ask(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Once more, after a failure."""
    experiment = _experiment(public_id)
    chosen = filters.read(request.POST, filters.choices(experiment))
    asking.ask(experiment, chosen)
    return _to(experiment, chosen.query)


@role_required(Role.RESEARCHER)
@require_safe
def state(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One computation, as it was: what a citation points at."""
    result = _result(public_id)
    asking.note_seen(request.user, result.experiment)
    chosen = filters.Filters(**QueryDict(result.query).dict())
    context = _context(request, result.experiment, result, chosen) | {"frozen": True}
    return render(request, "grading/result.html", context)


@role_required(Role.RESEARCHER)
@require_safe
def chart(request: PersonRequest, public_id: UUID, key: str) -> HttpResponse:
    """The numbers of one chart as CSV, with the names that this reader sees."""
    result = _result(public_id)
    asking.note_seen(request.user, result.experiment)
    shown = page.look(result, _names(request, result.experiment, result), request.GET, records="")
    drawn = page.chart(shown, key)
    if drawn is None:
        raise Http404
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{drawn.key}.csv"'
    writer = csv.writer(response)
    writer.writerow([safe(name) for name in drawn.columns])
    writer.writerows([[safe(cell) for cell in row] for row in drawn.rows])
    return response


@role_required(Role.RESEARCHER)
@require_POST
def freeze(request: PersonRequest, public_id: UUID) -> HttpResponse:
    result = asking.freeze(_result(public_id), by=request.user)
    return redirect("grading:result_state", public_id=result.public_id)


@role_required(Role.RESEARCHER)
@require_POST
@reauthentication_required  # keeps what was posted, and goes on with it once the password is given
def unblind(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Names instead of masks, for this person, from now on. Twice is once."""
    experiment = _experiment(public_id)
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    if len(reason.split()) < unblinding.LEAST_REASON:
        return _refused(request, experiment, reason)
    if not unblinding.has_unblinded(request.user, experiment):
        unblinding.unblind(experiment, by=request.user, reason=reason)
    return _to(experiment, "")


@role_required(Role.RESEARCHER)
@require_safe
def records(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """What a number was counted from."""
    experiment = _experiment(public_id)
    asking.note_seen(request.user, experiment)
    axes = page.axes_of(experiment)
    chosen = filters.read(request.GET, filters.choices(experiment))
    narrow = behind.narrowed(request.GET, axes)
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
    listed = behind.listed(experiment, chosen, narrow, list(axes), number)
    names = _names(request, experiment, None)
    context = {
        "experiment": experiment,
        "filters": chosen,
        "listed": listed,
        "rows": page.named(listed.rows, names),
        "narrow": page.said(narrow, axes, names),
        "more": page.pages(listed, {**chosen.chosen, **narrow.query}),
    }
    return render(request, "grading/result/records.html", context)


@role_required(Role.RESEARCHER)
@require_safe
def record(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One preference as it was given, read-only."""
    vote = behind.counted(public_id)
    experiment = _experiment(behind.experiment_of(vote))
    asking.note_seen(request.user, experiment)
    whole = behind.whole(experiment, vote, page.axes_of(experiment))
    context = {
        "experiment": experiment,
        "record": whole,
        "names": page.sides_named(whole, _names(request, experiment, None)),
    }
    return render(request, "grading/result/record.html", context)


def _experiment(public_id: UUID) -> Experiment:
    return get_object_or_404(asking.with_results().select_related("rubric"), public_id=public_id)


def _result(public_id: UUID) -> Result:
    ready = Result.objects.filter(state=Result.State.READY).select_related("experiment__rubric", "frozen_by")
    result: Result = get_object_or_404(ready, public_id=public_id)
    return result


def _names(request: PersonRequest, experiment: Experiment, result: Result | None) -> dict[int, str]:
    """The agents' names for who has un-blinded, unless they ask for the masks; numbers for everybody else."""
    arms = list(result.found["arms"]) if result else []
    if request.GET.get("arms") == "masked" or not unblinding.has_unblinded(request.user, experiment):
        return masks.masked(arms)
    return masks.names(experiment)


def _context(
    request: PersonRequest, experiment: Experiment, result: Result | None, chosen: filters.Filters
) -> dict[str, Any]:
    unblinded = unblinding.has_unblinded(request.user, experiment)
    context: dict[str, Any] = {
        "experiment": experiment,
        "filters": chosen,
        "result": result,
        "unblinded": unblinded,
        "masked": not unblinded or request.GET.get("arms") == "masked",
        "view": page.kept(request.GET),
    }
    if result:
        names = masks.masked(list(result.found["arms"]))
        if not context["masked"]:
            names = masks.names(experiment)
        address = reverse("grading:result_records", args=[experiment.public_id])
        shown = page.look(result, names, request.GET, records=address, filters=chosen.chosen)
        context |= page.context(shown)
    return context


def _refused(request: PersonRequest, experiment: Experiment, reason: str) -> HttpResponse:
    result = asking.newest_result(experiment)
    context = _context(request, experiment, result, asking.ANY) | {
        "selects": filters.selects(asking.ANY, filters.choices(experiment)),
        "refused": Refused("Say in a few words what you need the names for.", field="reason"),
        "reason": reason,
    }
    return render(request, "grading/result.html", context, status=422)


def _to(experiment: Experiment, query: str) -> HttpResponseRedirect:
    place = reverse("grading:result", args=[experiment.public_id])
    return redirect(f"{place}?{query}" if query else place)


def _template(request: PersonRequest, name: str, part: str) -> str:
    return f"grading/{name}/{part}.html" if request.htmx else f"grading/{name}.html"
