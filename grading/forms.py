"""Forms of the admin's pages about experiments, gold and rubrics. What is refused comes back with what was typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.forms import BoundField

from grading.models import Gold
from marlin.sources import now
from tasks.models import AgentVersion, Arm, Candidate, Category, Experiment, Qualification, Rubric

if TYPE_CHECKING:
    ExperimentBase = forms.ModelForm[Experiment]
else:
    ExperimentBase = forms.ModelForm

LONGEST_GUIDELINES = 50_000
CURRENCY = r"^[A-Z]{3}$"
BUDGETS = ("pay_budget", "provider_budget", "task_budget", "run_budget")
WHOLE = {"invalid": "Write a whole number."}
NUMBER = {"invalid": "Write a number, such as 280 or 280.00.", "min_value": "This cannot be negative."}


@dataclass(frozen=True)
class Option:
    """One box or entry of a choice."""

    value: str
    label: str
    says: str
    is_chosen: bool


@dataclass(frozen=True)
class QuotaRow:
    """One category of the form: whether it is taken, and how many tasks of it."""

    label: str
    takes: BoundField
    wanted: BoundField


class ExperimentForm(ExperimentBase):
    """Everything that a draft says. Agent versions are read through `unblind`, and through nothing else."""

    versions = forms.ModelMultipleChoiceField(
        AgentVersion.objects.none(),
        required=False,
        error_messages={"invalid_choice": "One of these agent versions is gone."},
    )
    control = forms.ModelChoiceField(AgentVersion.objects.none(), required=False)
    qualifications = forms.ModelMultipleChoiceField(Qualification.objects.none(), required=False)
    guidelines = forms.CharField(required=False, max_length=LONGEST_GUIDELINES, strip=False)

    class Meta:
        model = Experiment
        fields = [
            "name",
            "rubric",
            "gathers",
            "pairing",
            "raters_wanted",
            "second_share",
            "gold_share",
            "practice_wanted",
            "turns_least",
            "turns_wanted",
            "language",
            "lead",
            "author_days",
            "grades_failures",
            "rate",
            "scenario_rate",
            "review_rate",
            "currency",
            "pay_budget",
            "provider_budget",
            "task_budget",
            "run_budget",
            "stop_after",
            "stops_when_decided",
        ]
        error_messages: ClassVar = {"name": {"unique": "There is an experiment of this name."}}

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        active = AgentVersion.State.ACTIVE
        versions = AgentVersion.objects.using("unblind").filter(state=active).order_by("name")
        self.fields["versions"].queryset = self.fields["control"].queryset = versions  # type: ignore[attr-defined]
        self.fields["qualifications"].queryset = Qualification.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["rubric"].queryset = Rubric.objects.order_by("name", "-version")  # type: ignore[attr-defined]
        self.fields["rubric"].empty_label = "Choose one"  # type: ignore[attr-defined]
        self.fields["rubric"].error_messages["required"] = "Choose what raters are asked."
        self.fields["name"].error_messages["required"] = "Give it a name; raters read it."
        for name in self.fields:
            if isinstance(self.fields[name], forms.IntegerField):
                self.fields[name].error_messages |= WHOLE if not _is_decimal(self.fields[name]) else NUMBER
        for index, category in enumerate(Category.values):
            self.fields[f"takes_{index}"] = forms.BooleanField(required=False, label=category)
            self.fields[f"wanted_{index}"] = forms.IntegerField(
                required=False, min_value=1, error_messages=WHOLE, label=category
            )
        self._begin()

    def _begin(self) -> None:
        """What a draft that is opened again has beside its own columns."""
        draft = self.instance
        if not draft.pk:
            self.initial.update(turns_wanted=1, currency="USD")
            return
        arms = list(
            Arm.objects.using("unblind").filter(experiment=draft).values_list("agent_version", flat=True)
        )
        guidelines = draft.newest_guidelines()
        self.initial.update(
            versions=arms,
            control=arms[0] if arms else None,
            qualifications=list(draft.qualifications.values_list("pk", flat=True)),
            guidelines=guidelines.text if guidelines else "",
        )
        quotas = dict(draft.quotas.values_list("category", "wanted"))
        for index, category in enumerate(Category.values):
            self.initial[f"takes_{index}"] = category in quotas
            self.initial[f"wanted_{index}"] = quotas.get(category)

    def version_boxes(self) -> list[Option]:
        return self._options("versions")

    def control_options(self) -> list[Option]:
        return self._options("control")

    def _options(self, name: str) -> list[Option]:
        chosen = self._chosen(name)
        return [
            Option(
                str(one.pk),
                one.name,
                f"{one.pinned}, {one.model}",
                str(one.pk) in chosen,
            )
            for one in self.fields[name].queryset  # type: ignore[attr-defined]
        ]

    def qualification_boxes(self) -> list[Option]:
        chosen = self._chosen("qualifications")
        return [
            Option(str(one.pk), one.name, one.about, str(one.pk) in chosen)
            for one in self.fields["qualifications"].queryset  # type: ignore[attr-defined]
        ]

    def _chosen(self, name: str) -> set[str]:
        """As text, whether it was posted or kept."""
        value = self[name].value()
        values = value if isinstance(value, (list, tuple)) else [value]
        return {str(one) for one in values}

    def quota_rows(self) -> Iterator[QuotaRow]:
        for index, category in enumerate(Category.values):
            yield QuotaRow(str(category), self[f"takes_{index}"], self[f"wanted_{index}"])

    def clean_name(self) -> str:
        """Raters read it: it must not tell them what is compared."""
        name: str = " ".join(self.cleaned_data["name"].split())
        told = AgentVersion.objects.using("unblind").values_list("name", "harness", "model", "provider")
        for words in told:
            for word in words:
                if len(word) > 2 and word.casefold() in name.casefold():
                    raise forms.ValidationError(
                        f"Raters read this name, and “{word}” would tell them what is compared."
                    )
        return name

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].strip().upper()
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            raise forms.ValidationError("Three letters, such as USD or EUR.")
        return currency

    def clean_language(self) -> str:
        language: str = self.cleaned_data["language"].strip()
        return language[:1].upper() + language[1:]

    def clean(self) -> dict[str, Any]:
        super().clean()
        for rule in (self._turns, self._counts, self._money, self._arms, self._quotas):
            rule()
        return self.cleaned_data

    def _turns(self) -> None:
        least, most = self.cleaned_data.get("turns_least"), self.cleaned_data.get("turns_wanted")
        if least == 0 or most == 0:
            self.add_error("turns_least" if least == 0 else "turns_wanted", "A session has a turn at least.")
        elif least and most and least > most:
            self.add_error("turns_least", f"The fewest cannot be more than the most, {most}.")

    def _counts(self) -> None:
        if self.cleaned_data.get("raters_wanted") == 0:
            self.add_error("raters_wanted", "A task needs a rater at least.")
        for name in ("second_share", "gold_share"):
            if (self.cleaned_data.get(name) or 0) > 100:
                self.add_error(name, "A share is of 100: write 0 to 100.")

    def _money(self) -> None:
        rate, budget = self.cleaned_data.get("rate"), self.cleaned_data.get("pay_budget")
        for name in ("rate", "scenario_rate", "review_rate", *BUDGETS):
            if (self.cleaned_data.get(name) or 0) < 0:
                self.add_error(name, "This cannot be negative.")
        if rate and budget and Decimal(0) < budget < rate:
            self.add_error("pay_budget", "This does not pay for a single comparison. 0 is no limit.")

    def _arms(self) -> None:
        control, versions = self.cleaned_data.get("control"), self.cleaned_data.get("versions")
        if self.cleaned_data.get("pairing") != Experiment.Pairing.CONTROL or versions is None:
            return
        if control is None:
            self.add_error("control", "Choose the version that the others are set against.")
        elif control not in versions:
            self.add_error("control", "It is not among the versions that are compared.")

    def _quotas(self) -> None:
        for index, category in enumerate(Category.values):
            takes = self.cleaned_data.get(f"takes_{index}")
            if self.cleaned_data.get(f"wanted_{index}") is not None and not takes:
                self.add_error(f"wanted_{index}", f"Tick “{category}” too, or leave its number empty.")

    @property
    def arms(self) -> list[AgentVersion]:
        """In the order of their positions: the control first."""
        control = self.cleaned_data.get("control")
        versions = list(self.cleaned_data["versions"])
        return sorted(versions, key=lambda version: (version != control, version.name))

    @property
    def quotas(self) -> dict[str, int | None]:
        return {
            str(category): self.cleaned_data.get(f"wanted_{index}")
            for index, category in enumerate(Category.values)
            if self.cleaned_data.get(f"takes_{index}")
        }


def _is_decimal(field: forms.Field) -> bool:
    return isinstance(field, forms.DecimalField)


class GoldForm(forms.Form):
    """The expected answer of a task, and why."""

    kind = forms.ChoiceField(
        choices=Gold.Kind.choices, error_messages={"required": "Choose whether it is gold or practice."}
    )
    expected = forms.ChoiceField(
        choices=[("1", "1 is better"), ("2", "2 is better"), ("same", "About the same")],
        error_messages={"required": "Choose the expected answer."},
    )
    why = forms.CharField(
        max_length=5_000, error_messages={"required": "Say why; whoever is measured by it may ask."}
    )
    share = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=1,
        error_messages={**WHOLE, "min_value": "Write 1 to 100.", "max_value": "Write 1 to 100."},
    )
    retires_on = forms.DateField(required=False, error_messages={"invalid": "Write a date as 2027-03-31."})

    def clean_retires_on(self) -> Any:
        day = self.cleaned_data["retires_on"]
        if day and day <= now().date():
            raise forms.ValidationError("Choose a day that is still to come.")
        return day

    def expected_of(self, pair: list[Candidate]) -> Candidate | None:
        chosen = self.cleaned_data["expected"]
        return None if chosen == "same" else pair[int(chosen) - 1]
