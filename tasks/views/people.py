"""People as the admin sees them: their languages, and the qualifications granted by hand."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from marlin import lists
from marlin.events import record
from marlin.models import Role, User
from marlin.roles import PersonRequest, role_required
from tasks.models import Grant, Qualification

MOST_LANGUAGES = 20
COLUMNS = (lists.Column("Name", "name", "name"), lists.Column("Joined", "joined", "joined_at"))
ROLE = lists.Choice.of_words("Role", "role", Role.values)


@role_required(Role.ADMIN)
@require_safe
def people(request: PersonRequest) -> HttpResponse:
    qualifications = Qualification.objects.annotate(people=Count("grants")).order_by("name")
    asked = lists.Asked(request, ROLE, _granted(qualifications))
    grants = Grant.objects.select_related("qualification").order_by("qualification__name")
    rows = User.objects.filter(is_active=True).prefetch_related(Prefetch("grants", queryset=grants))
    if words := asked.words:
        rows = rows.filter(Q(name__icontains=words) | Q(email__icontains=words))
    if role := asked["role"]:
        rows = rows.filter(roles__contains=[role])
    context = asked.listed(rows, COLUMNS, usual="name") | {"qualifications": qualifications}
    return render(request, "tasks/people.html", context)


def _granted(qualifications: Iterable[Qualification]) -> lists.Choice:
    named = [(each.name, each.name) for each in qualifications]
    return lists.Choice("Qualification", "qualification", named, field="grants__qualification__name")


class QualificationForm(forms.Form):
    """Something an admin can grant."""

    name = forms.CharField(max_length=60, error_messages={"required": "Give it a name."})
    about = forms.CharField(max_length=300, required=False)

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if Qualification.objects.filter(name__iexact=name).exists():
            raise forms.ValidationError("There is a qualification of this name.")
        return name


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def new_qualification(request: PersonRequest) -> HttpResponse:
    form = QualificationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            made = Qualification.objects.create(**form.cleaned_data)
            record("qualification.made", made, by=request.user, qualification=made.name)
        return redirect("tasks:people")
    status = 422 if form.errors else 200
    return render(request, "tasks/people/qualification.html", {"form": form}, status=status)


class PersonForm(forms.Form):
    """Languages in words with commas between, and boxes of qualifications."""

    languages = forms.CharField(max_length=400, required=False)
    qualifications = forms.ModelMultipleChoiceField(Qualification.objects.order_by("name"), required=False)

    def clean_languages(self) -> list[str]:
        words = [" ".join(word.split()) for word in self.cleaned_data["languages"].split(",")]
        languages = list(dict.fromkeys(word[:1].upper() + word[1:] for word in words if word))
        if any(len(word) > 40 for word in languages):
            raise forms.ValidationError("A language is at most 40 letters long; put commas between them.")
        if len(languages) > MOST_LANGUAGES:
            raise forms.ValidationError(f"At most {MOST_LANGUAGES} languages.")
        return languages


@role_required(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: PersonRequest, public_id: UUID) -> HttpResponse:
    """What one person may take part in. Nobody grants to themselves."""
    found = get_object_or_404(User, public_id=public_id)
    held = set(found.grants.values_list("qualification", flat=True))
    form = PersonForm(
        request.POST or None, initial={"languages": ", ".join(found.languages), "qualifications": held}
    )
    if request.method == "POST" and form.is_valid():
        if found == request.user:
            messages.error(request, "Nobody grants to themselves: ask another admin.")
        else:
            _keep(found, form, request)
        return redirect("tasks:people")
    chosen = {str(one) for one in (form["qualifications"].value() or ())}
    boxes = [(one, str(one.pk) in chosen) for one in Qualification.objects.order_by("name")]
    context = {"person": found, "form": form, "boxes": boxes, "is_self": found == request.user}
    return render(request, "tasks/people/person.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _keep(person: User, form: PersonForm, request: PersonRequest) -> None:
    """Grants that are there stay as they are, with who gave them."""
    # Two admins at once would both grant the same.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if person.languages != form.cleaned_data["languages"]:
        User.objects.filter(pk=person.pk).update(languages=form.cleaned_data["languages"])
        record("user.languages", person, by=request.user, languages=form.cleaned_data["languages"])
    chosen = set(form.cleaned_data["qualifications"])
    for grant in person.grants.select_related("qualification"):
        if grant.qualification in chosen:
            chosen.remove(grant.qualification)
            continue
        record("qualification.taken_back", person, by=request.user, qualification=grant.qualification.name)
        grant.delete()
    for qualification in chosen:
        Grant.objects.create(qualification=qualification, person=person, granted_by=request.user)
        record("qualification.granted", person, by=request.user, qualification=qualification.name)
