"""The admin's page of what is being made: workers, candidates and why they wait, one task's story, a run's log.

Runs are read through `unblind`, and shown by ids that name nobody. What a run printed names its agent, so it is
shown only to who has un-blinded the experiment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from marlin.models import Role
from marlin.refusals import told
from marlin.roles import PersonRequest, role_required
from tasks import experiments, operations, queues, unblinding
from tasks.models import Candidate, Experiment, Failure, Holding, Task, Turn

ALIAS = "unblind"
MOST_EXPERIMENTS = 200
#: Bytes of each stream on a log's page; the beginning and the end of a longer one.
MOST_SHOWN = 512 * 1024


@role_required(Role.ADMIN)
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    asked = operations.read(request.GET)
    listed, lines = operations.lines(asked, alias=ALIAS)
    counts = operations.counts()
    context = {
        "asked": asked,
        "page": listed,
        "lines": lines,
        "counts": counts,
        "troubles": queues.troubles(alias=ALIAS),
        "workers": operations.workers(alias=ALIAS),
        "is_busy": any(counts[state] for state in operations.AT_WORK),
        "address": request.get_full_path(),
    }
    if request.htmx:
        return render(request, "tasks/operations/_now.html", context)
    context |= {
        "states": [("open", "Not at their end"), ("all", "All"), *Candidate.State.choices],
        "failures": Failure.choices,
        "experiments": list(Experiment.objects.order_by("-created_at")[:MOST_EXPERIMENTS]),
        "holdings": list(Holding.objects.order_by("machine", "kind")),
    }
    return render(request, "tasks/operations.html", context)


@role_required(Role.ADMIN)
@require_safe
def task(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """One task from its events: every pair, every run, every move."""
    found = _task(public_id)
    return render(request, _template(request, "task", "_story"), _story(request, found))


@role_required(Role.ADMIN)
@require_POST
@reauthentication_required  # keeps what was posted, and goes on with it once the password is given
def unblind(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Logs and names for this person in this experiment, from now on. Twice is once."""
    found = _task(public_id)
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    if len(reason.split()) < unblinding.LEAST_REASON:
        messages.error(request, "Say in a few words what you need the names for.")
    elif not unblinding.has_unblinded(request.user, found.experiment):
        unblinding.unblind(found.experiment, by=request.user, reason=reason)
    return redirect("tasks:story", public_id=public_id)


@role_required(Role.ADMIN)
@require_safe
def log(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """What a run printed: the newest of this candidate, or the one that is asked for. It follows while it runs."""
    candidate = _candidate(public_id)
    unblinded = unblinding.has_unblinded(request.user, candidate.turn.task.experiment)
    context: dict[str, Any] = {"candidate": candidate, "task": candidate.turn.task, "unblinded": unblinded}
    if unblinded:
        runs = list(candidate.runs.order_by("-pk").select_related("log"))
        wanted = request.GET.get("run", "")
        run = next((each for each in runs if str(each.pk) == wanted), runs[0] if runs else None)
        context |= {
            "runs": runs,
            "run": run,
            "log": _printed(run) if run else None,
            "version": candidate.origin.agent_version,
        }
    return render(request, _template(request, "log", "_printed"), context)


@role_required(Role.ADMIN)
@require_POST
def retry(request: PersonRequest, public_id: UUID) -> HttpResponse:
    candidate = _candidate(public_id)
    return _done(request, candidate.turn.task, lambda: operations.retry(candidate, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def cancel(request: PersonRequest, public_id: UUID) -> HttpResponse:
    candidate = _candidate(public_id)
    return _done(request, candidate.turn.task, lambda: operations.cancel(candidate, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def regenerate(request: PersonRequest, public_id: UUID, number: int) -> HttpResponse:
    """Another pair for a turn, for a reason."""
    found = _task(public_id)
    turn = get_object_or_404(Turn.objects.using(ALIAS), task_id=found.pk, number=number)
    why = request.POST.get("why", "").replace("\0", "").strip()
    return _done(request, found, lambda: operations.regenerate(turn, by=request.user, why=why))


@role_required(Role.ADMIN)
@require_POST
def pause(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Nothing new is generated or claimed in this experiment; what runs is given back."""
    experiment = get_object_or_404(Experiment, public_id=public_id)
    return _done(request, None, lambda: experiments.pause(experiment, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def resume(request: PersonRequest, public_id: UUID) -> HttpResponse:
    experiment = get_object_or_404(Experiment, public_id=public_id)
    return _done(request, None, lambda: experiments.resume(experiment, by=request.user))


def _task(public_id: UUID) -> Task:
    return get_object_or_404(
        Task.objects.select_related("experiment", "scenario__repository"), public_id=public_id
    )


def _candidate(public_id: UUID) -> Candidate:
    """Through the alias that may write what hangs on it."""
    found = Candidate.objects.using(ALIAS).select_related("turn__task__experiment", "turn__task__scenario")
    candidate: Candidate = get_object_or_404(
        found.defer("patch", "transcript", "evidence"), public_id=public_id
    )
    return candidate


def _story(request: PersonRequest, found: Task) -> dict[str, Any]:
    pairs = operations.pairs(found, alias=ALIAS)
    return {
        "task": found,
        "pairs": pairs,
        "events": operations.events(found),
        "unblinded": unblinding.has_unblinded(request.user, found.experiment),
        "is_busy": any(pair.is_at_work for pair in pairs),
        "address": request.get_full_path(),
    }


def _printed(run: Any) -> dict[str, str]:
    printed = getattr(run, "log", None)
    if printed is None:
        return {}
    return {"stdout": _text(bytes(printed.stdout)), "stderr": _text(bytes(printed.stderr))}


def _text(printed: bytes) -> str:
    half = MOST_SHOWN // 2
    if len(printed) > MOST_SHOWN:
        printed = printed[:half] + b"\n[... left out on this page ...]\n" + printed[-half:]
    text = printed.decode("utf-8", "replace")
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{MIDDLE DOT}" for letter in text
    )


def _template(request: PersonRequest, name: str, part: str) -> str:
    return f"tasks/{name}/{part}.html" if request.htmx else f"tasks/{name}.html"


def _done(request: PersonRequest, task: Task | None, act: Callable[[], None]) -> HttpResponse:
    """Back to where it was asked for. Where somebody was faster the page shows what is; a refusal is told there."""
    with told(request, operations.Refused):
        act()
    if task is None or request.POST.get("back") == "list":
        query = operations.read(request.POST).query
        return redirect(f"{reverse('tasks:operations')}{'?' if query else ''}{query}")
    return redirect("tasks:story", public_id=task.public_id)
