"""The admin's experiments: make a draft, start, pause, watch what it costs, choose scenarios and gold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Case, Count, Exists, OuterRef, Subquery, When
from django.db.models.functions import Coalesce
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from grading import progress
from grading.forms import LONGEST_GUIDELINES, ExperimentForm, GoldForm
from grading.models import Assignment, Gold
from grading.results import stopping
from grading.results.behind import patch_lines
from marlin import lists
from marlin.events import record
from marlin.models import Event, Role
from marlin.refusals import told
from marlin.roles import PersonRequest, role_required
from marlin.states import WrongState
from tasks import experiments as work
from tasks.markdown import as_html
from tasks.models import AgentVersion, Category, Experiment, Scenario, Task

COLUMNS = (
    lists.Column("Experiment", "name", "name"),
    lists.Column("Tasks", "tasks", "tasks_made", is_number=True),
    lists.Column("Accepted", "accepted", "accepted", is_number=True),
    lists.Column("Made", "created", "created_at"),
)
SCENARIO_COLUMNS = (
    lists.Column("Title", "title", "title"),
    lists.Column("Repository", "repository", "repository__name"),
    lists.Column("Category", "category", "category"),
    lists.Column("Begun", "begun", "created_at"),
)
TASK_COLUMNS = (
    lists.Column("Title", "title", "scenario__title"),
    lists.Column("Repository", "repository", "scenario__repository__name"),
    lists.Column("Kind", "kind", "gold__kind"),
    lists.Column("Accepted readings", "accepted", "read", is_number=True),
    lists.Column("Opened", "opened", "opened_at"),
    lists.Column("State", "state", "state"),
)
STATE = lists.Choice("State", "state", Experiment.State.choices, field="state")
CATEGORY = lists.Choice.of_words("Category", "category", Category.values, "category")
INSIDE = lists.Choice(
    "In the experiment", "in", [("yes", "In it"), ("no", "Not in it")], anything="In or not"
)
TASK_STATE = lists.Choice("State", "state", Task.State.choices[1:], field="state")
ANSWER_KIND = lists.Choice.of_words("Kind", "kind", Gold.Kind.values, "gold__kind", "Of any kind")
MOST_VERSIONS = 20


@role_required(Role.ADMIN)
@require_safe
def experiments(request: PersonRequest) -> HttpResponse:
    asked, rows = (
        lists.Asked(request, STATE),
        progress.with_counts(Experiment.objects.select_related("rubric")),
    )
    if asked.words:
        rows = rows.filter(name__icontains=asked.words)
    return render(request, "grading/experiments.html", asked.listed(rows, COLUMNS, usual="-created"))


# --- Drafts -------------------------------------------------------------------------------------------------------


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    return _draft(request, Experiment())


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """A draft as it stands. What it compares is shown, so opening it is written down."""
    draft = _experiment(public_id)
    if draft.state != Experiment.State.DRAFT:
        messages.info(request, "It has been started; what it compares stays as it is.")
        return redirect("grading:experiment", public_id=public_id)
    work.note_configured(draft, by=request.user)
    return _draft(request, draft)


def _draft(request: PersonRequest, draft: Experiment) -> HttpResponse:
    form = ExperimentForm(request.POST or None, instance=draft)
    if request.method == "POST" and form.is_valid():
        try:
            work.configure(
                form.instance,
                by=request.user,
                versions=form.arms,
                quotas=form.quotas,
                qualifications=form.cleaned_data["qualifications"],
                guidelines=form.cleaned_data["guidelines"],
            )
        except WrongState as why:
            messages.info(request, str(why))
        return redirect("grading:experiment", public_id=form.instance.public_id)
    context = {"form": form, "experiment": draft, "longest": LONGEST_GUIDELINES}
    return render(request, "grading/experiments/draft.html", context, status=422 if form.errors else 200)


@role_required(Role.ADMIN)
@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """How the guidelines will be read."""
    text = request.POST.get("guidelines", "")[:LONGEST_GUIDELINES]
    context = {"html": as_html(text), "is_empty": not text.strip()}
    return render(request, "tasks/scenarios/_preview.html", context)


# --- One of them --------------------------------------------------------------------------------------------------


@role_required(Role.ADMIN)
@require_safe
def experiment(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Without what it compares, unless this person has looked at that before."""
    found = _experiment(public_id)
    knows = _has_configured(request, found)
    guidelines = found.newest_guidelines()
    context = {
        **_progress(found),
        "knows": knows,
        "versions": _versions(found) if knows else [],
        "in_the_way": work.standing_in_the_way(found) if found.state == Experiment.State.DRAFT else [],
        "quotas": found.quotas.order_by("category"),
        "qualifications": found.qualifications.order_by("name"),
        "guidelines": guidelines,
        "guidelines_html": as_html(guidelines.text) if guidelines else "",
        "longest": LONGEST_GUIDELINES,
        "paused_because": _paused_because(found),
        "judged_at": stopping.judged_at(found) if found.stops_when_decided else None,
    }
    return render(request, "grading/experiments/page.html", context)


@role_required(Role.ADMIN)
@require_safe
def figures(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """The counts alone; they are asked for again while the experiment runs."""
    return render(request, "grading/experiments/_figures.html", _progress(_experiment(public_id)))


def _progress(experiment: Experiment) -> dict[str, Any]:
    return {"experiment": experiment, "progress": progress.progress_of(experiment)}


def _paused_because(experiment: Experiment) -> str:
    if experiment.state != Experiment.State.PAUSED:
        return ""
    events = Event.objects.filter(name="experiment.paused", subject=str(experiment.public_id))
    last = events.order_by("-pk").first()
    return last.why if last else ""


def _has_configured(request: PersonRequest, experiment: Experiment) -> bool:
    known = Event.objects.filter(actor=request.user, name=work.CONFIGURED, subject=str(experiment.public_id))
    return known.exists()


def _versions(experiment: Experiment) -> list[AgentVersion]:
    versions = AgentVersion.objects.using("unblind").filter(arms__experiment=experiment)
    return list(versions.order_by("arms__position")[:MOST_VERSIONS])


@role_required(Role.ADMIN)
@require_POST
def look(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Show this person what is compared, from now on. Twice is once."""
    work.note_configured(_experiment(public_id), by=request.user)
    return redirect("grading:experiment", public_id=public_id)


@role_required(Role.ADMIN)
@require_POST
def start(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _done(request, public_id, lambda found: work.start(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def pause(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _done(request, public_id, lambda found: work.pause(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def resume(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _done(request, public_id, lambda found: work.resume(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def finish(request: PersonRequest, public_id: UUID) -> HttpResponse:
    return _done(request, public_id, lambda found: work.finish(found, by=request.user))


@role_required(Role.ADMIN)
@require_POST
def write_guidelines(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """A new version, in any state: raters confirm it before they claim again."""
    text = request.POST.get("guidelines", "")[:LONGEST_GUIDELINES]
    return _done(request, public_id, lambda found: work.write_guidelines(found, text, by=request.user))


def _done(request: PersonRequest, public_id: UUID, act: Callable[[Experiment], object]) -> HttpResponse:
    """Back to the page. A second click finds it done; a refusal is told there."""
    found = _experiment(public_id)
    with told(request, work.Refused):
        act(found)
    return redirect("grading:experiment", public_id=public_id)


def _experiment(public_id: UUID) -> Experiment:
    """Through `unblind`: what it does writes arms, and counts what agents cost."""
    rows = Experiment.objects.using("unblind").select_related("rubric")
    return get_object_or_404(rows, public_id=public_id)


# --- Its scenarios ------------------------------------------------------------------------------------------------


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def scenarios(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Approved ones, in it or not; ticked ones are added or taken out."""
    found = get_object_or_404(Experiment, public_id=public_id)
    if request.method == "POST":
        return _choose(request, found)
    asked = lists.Asked(request, CATEGORY, INSIDE)
    approved = Scenario.objects.filter(state=Scenario.State.APPROVED).select_related("repository")
    rows = (approved.about(asked.words) if asked.words else approved).annotate(
        # As a case, so that the database looks into one hash and does not ask about each scenario by itself.
        is_in=Case(When(pk__in=found.scenarios.values("pk"), then=True), default=False),
        has_task=Exists(Task.objects.filter(experiment=found, scenario=OuterRef("pk"))),
    )
    if asked["in"]:
        rows = rows.filter(is_in=asked["in"] == "yes")
    context = asked.listed(rows, SCENARIO_COLUMNS, usual="-begun") | {"experiment": found}
    return render(request, "grading/experiments/scenarios.html", context)


def _choose(request: PersonRequest, experiment: Experiment) -> HttpResponse:
    if experiment.state == Experiment.State.FINISHED:
        messages.error(request, "It is finished: nothing is added or taken out any more.")
        return _back(request, "grading:experiment_scenarios", experiment.public_id)
    ticked = [one for one in request.POST.getlist("scenario") if len(one) == 36]
    chosen = Scenario.objects.filter(public_id__in=_uuids(ticked), state=Scenario.State.APPROVED)
    with transaction.atomic():
        if request.POST.get("act") == "remove":
            chosen = chosen.exclude(tasks__experiment=experiment)  # what has a task stays
            count = chosen.count()
            experiment.scenarios.remove(*chosen)
        else:
            chosen = chosen.exclude(experiments=experiment)
            count = chosen.count()
            experiment.scenarios.add(*chosen)
        record("experiment.scenarios", experiment, by=request.user, changed=count)
    words = "taken out" if request.POST.get("act") == "remove" else "added"
    messages.info(request, f"{count:,} {'scenario' if count == 1 else 'scenarios'} {words}.")
    return _back(request, "grading:experiment_scenarios", experiment.public_id)


def _uuids(words: list[str]) -> list[UUID]:
    found = []
    for word in words:
        try:
            found.append(UUID(word))
        except ValueError:
            continue  # not one of our boxes
    return found


def _back(request: PersonRequest, name: str, public_id: UUID) -> HttpResponseRedirect:
    """To the same page of the list."""
    answer = redirect(name, public_id=public_id)
    if query := request.GET.urlencode():
        answer["Location"] += f"?{query}"
    return answer


# --- Its tasks, and those whose answer is known --------------------------------------------------------------------


@role_required(Role.ADMIN)
@require_safe
def tasks(request: PersonRequest, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(Experiment, public_id=public_id)
    asked = lists.Asked(request, TASK_STATE, ANSWER_KIND)
    accepted = Assignment.objects.filter(task=OuterRef("pk"), state=Assignment.State.ACCEPTED).order_by()
    rows = found.tasks.select_related("scenario__repository", "experiment", "gold").annotate(
        read=Coalesce(Subquery(accepted.values("task").annotate(n=Count("pk")).values("n")), 0)
    )
    if asked.words:
        rows = rows.filter(scenario__title__icontains=asked.words)
    context = asked.listed(rows, TASK_COLUMNS, usual="-opened") | {"experiment": found}
    return render(request, "grading/experiments/tasks.html", context)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def gold(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """Both patches in an order that tells nothing, and the form that says which is better and why."""
    task = get_object_or_404(
        Task.objects.select_related("scenario__repository", "experiment"), public_id=public_id
    )
    turn = task.turns.filter(number=1).with_newest().first()
    pair = turn.pair(turn.newest) if turn else []  # type: ignore[attr-defined]  # annotated by with_newest
    there = Gold.objects.filter(task=task).first()
    form = GoldForm(request.POST or None, initial=_written(there, pair))
    if request.method == "POST" and pair and form.is_valid():
        _keep_gold(request, task, form, pair)
        return redirect("grading:experiment_tasks", public_id=task.experiment.public_id)
    sides = [(number, one, patch_lines(bytes(one.patch))) for number, one in enumerate(pair, 1)]
    context = {"task": task, "experiment": task.experiment, "gold": there, "form": form, "sides": sides}
    return render(request, "grading/experiments/gold.html", context, status=422 if form.errors else 200)


def _written(gold: Gold | None, pair: list[Any]) -> dict[str, Any]:
    if gold is None:
        return {"share": 1}
    chosen = "same"
    for number, candidate in enumerate(pair, 1):
        if candidate.pk == gold.expected_id:
            chosen = str(number)
    return {
        "kind": gold.kind,
        "expected": chosen,
        "why": gold.why,
        "share": gold.share,
        "retires_on": gold.retires_on,
    }


@transaction.atomic
def _keep_gold(request: PersonRequest, task: Task, form: GoldForm, pair: list[Any]) -> None:
    said = form.cleaned_data
    fields = {name: said[name] for name in ("kind", "why", "share", "retires_on")}
    fields["expected"] = form.expected_of(pair)
    Gold.objects.update_or_create(
        task=task, defaults=fields, create_defaults={**fields, "made_by": request.user}
    )
    record("task.gold", task, by=request.user, kind=said["kind"])
