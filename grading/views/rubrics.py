"""Rubrics: the list, and the editor with the rating form beside it as raters will see it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from grading.reading import ShownAxis
from grading.rubric import OVERALL, steps, word
from grading.submission import LONGEST
from marlin import lists
from marlin.models import Role
from marlin.roles import PersonRequest, role_required
from tasks import rubrics as writing
from tasks.models import Experiment, Need, Rubric
from tasks.rubrics import AxisRow, Draft

COLUMNS = (
    lists.Column("Rubric", "name", "name"),
    lists.Column("Version", "version", "version", is_number=True),
    lists.Column("Scale", "scale", "points"),
    lists.Column("Axes", "axes", "axes_asked", is_number=True),
    lists.Column("Used by experiments", "used", "used", is_number=True),
    lists.Column("Written", "written", "created_at"),
)
VERSIONS = lists.Choice("Versions", "versions", [("all", "Older ones too")], anything="The newest of each")
EMPTY = AxisRow("", "", "", "", "")


@role_required(Role.ADMIN)
@require_safe
def rubrics(request: PersonRequest) -> HttpResponse:
    """The newest version of each, or all of them."""
    asked = lists.Asked(request, VERSIONS)
    newer = Rubric.objects.filter(name=OuterRef("name"), version__gt=OuterRef("version"))
    started = ~Q(experiment__state=Experiment.State.DRAFT)
    rows = Rubric.objects.annotate(
        is_newest=~Exists(newer),
        axes_asked=Count("axes", distinct=True),
        used=Count("experiment", filter=started, distinct=True),
    )
    if not asked["versions"]:
        rows = rows.filter(is_newest=True)
    if asked.words:
        rows = rows.filter(name__icontains=asked.words)
    context = asked.listed(rows, COLUMNS, usual="name") | {"missing": writing.not_there()}
    return render(request, "grading/rubrics.html", context)


@role_required(Role.ADMIN)
@require_POST
def ship(request: PersonRequest) -> HttpResponse:
    """Add those that come with Marlin and are not there. Twice is once."""
    for name in writing.not_there():
        writing.shipped(name)
    return redirect("grading:rubrics")


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    return _editor(request, None)


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, pk: int) -> HttpResponse:
    return _editor(request, get_object_or_404(Rubric, pk=pk))


def _editor(request: PersonRequest, base: Rubric | None) -> HttpResponse:
    status = 200
    if request.method != "POST":
        draft = writing.draft_of(base) if base else Draft(axes=[EMPTY] * 3)
    else:
        draft = writing.read(request.POST, base)
        if "add" in request.POST:
            # One more row is no attempt to keep it: nothing is wrong yet.
            draft.errors, draft.axes = {}, [*draft.axes, EMPTY]
        elif not draft.errors:
            try:
                return _kept(request, writing.write(draft, base, by=request.user), base)
            except IntegrityError:  # somebody took the name in this very moment
                draft.errors["name"] = "There is a rubric of this name by now; take another one."
        status = 422 if draft.errors else 200
    context = {
        **_preview(draft),
        "draft": draft,
        "base": base,
        "is_fixed": base is not None and writing.is_fixed(base),
        "needs": Need.choices,
        "texts": _texts(draft),
        "rows": list(enumerate(draft.axes, 1)),
        "longest_of": writing.LONGEST,
    }
    return render(request, "grading/rubrics/editor.html", context, status=status)


def _kept(request: PersonRequest, rubric: Rubric, base: Rubric | None) -> HttpResponse:
    if base is not None and rubric.pk != base.pk:
        messages.info(
            request, f"Kept as version {rubric.version}; version {base.version} stays as it was answered."
        )
    else:
        messages.info(request, "Kept.")
    return redirect("grading:rubric", pk=rubric.pk)


def _texts(draft: Draft) -> list[dict[str, Any]]:
    """The three kinds of text, with when each is needed and how long it is at least."""
    rows = (
        ("strengths", "Strengths of each side", "strengths_words"),
        ("weaknesses", "Weaknesses of each side", "weaknesses_words"),
        ("justification", "Why: the reason for the overall rating", "least_words"),
    )
    return [
        {
            "name": name,
            "label": label,
            "need": getattr(draft, name),
            "words_name": words,
            "words": getattr(draft, words),
            "needs": [one for one in Need.choices if name != "justification" or one[0] != Need.HIDDEN],
            "error": draft.errors.get(name, "") or draft.errors.get(words, ""),
        }
        for name, label, words in rows
    ]


@role_required(Role.ADMIN)
@require_POST
def preview(request: PersonRequest) -> HttpResponse:
    """The rating form of what stands in the editor, kept or not."""
    return render(request, "grading/rubrics/_preview.html", _preview(writing.read(request.POST, None)))


def _preview(draft: Draft) -> dict[str, Any]:
    rubric = Rubric(name=draft.name, version=1, **draft.fields())
    nothing = word(rubric.points, None)
    shown = [ShownAxis("overall", "Overall", OVERALL, None, nothing)]
    shown += [
        ShownAxis(axis.key, axis.name, axis.question, None, nothing, axis.help, rubric.may_skip)
        for axis in draft.written_axes()
    ]
    return {
        "rubric": rubric,
        "axes": shown,
        "steps": steps(rubric.points),
        "is_editable": True,
        "longest": LONGEST,
    }
