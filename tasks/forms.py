"""Forms of the admin's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.conf import settings

from tasks.addresses import RefusedUrl, check_url
from tasks.models import Repository

if TYPE_CHECKING:
    Base = forms.ModelForm[Repository]
else:
    Base = forms.ModelForm


class RepositoryForm(Base):
    """A repository to copy. What is refused is refused here, with the reason, before any job starts."""

    class Meta:
        model = Repository
        fields = ["name", "url", "language", "licence", "setup_command", "test_command"]

    def clean_url(self) -> str:
        try:
            return check_url(self.cleaned_data["url"], allow_local=settings.ALLOW_LOCAL_REPOSITORIES)
        except RefusedUrl as why:
            raise forms.ValidationError(str(why)) from why


class RecipeForm(Base):
    """How a repository is set up and tested."""

    class Meta:
        model = Repository
        fields = ["language", "licence", "setup_command", "test_command", "test_seconds"]
