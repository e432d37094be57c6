"""Forms of what people set for themselves."""

from __future__ import annotations

from typing import Any

from django import forms

from marlin import tokens
from marlin.models import Scope, User

DAYS = ((7, "A week"), (30, "30 days"), (90, "90 days"), (365, "A year"))


class TokenForm(forms.Form):
    """What a new token is called, what it may, and for how long."""

    name = forms.CharField(max_length=60)
    scopes = forms.TypedMultipleChoiceField(
        choices=Scope.choices,
        coerce=Scope,
        error_messages={"required": "Choose at least one thing it may do."},
    )
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=30)

    def __init__(self, person: User, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.live = person.tokens.not_revoked()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.live.filter(name=name).exists():
            raise forms.ValidationError(
                "You have a token of this name. Revoke it first, or take another name."
            )
        return name

    def clean(self) -> None:
        if self.live.count() >= tokens.MOST:
            raise forms.ValidationError(f"You have {tokens.MOST} tokens. Revoke one that you no longer need.")
