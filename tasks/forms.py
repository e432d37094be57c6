"""Forms of the admin's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings

from tasks.addresses import HOST, PRIVATE_NAMES, RefusedUrl, as_ip, check_url
from tasks.models import Price, Provider, Repository
from tasks.presets import presets
from tasks.providers import CHANGEABLE, LONGEST_KEY, address_refused

if TYPE_CHECKING:
    Base = forms.ModelForm[Repository]
    ProviderBase = forms.ModelForm[Provider]
    PriceBase = forms.ModelForm[Price]
else:
    Base = ProviderBase = PriceBase = forms.ModelForm


class RepositoryForm(Base):
    """A repository to copy or unpack. What can be refused at once is refused here, before any job starts."""

    archive = forms.FileField(required=False)

    class Meta:
        model = Repository
        fields = ["name", "url", "language", "licence", "setup_command", "test_command", "test_seconds"]

    def __init__(self, *arguments: Any, left_out: str = "", **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.left_out = left_out

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if not url:
            return url
        try:
            return check_url(url, allow_local=settings.ALLOW_LOCAL_REPOSITORIES)
        except RefusedUrl as why:
            raise forms.ValidationError(str(why)) from why

    def clean(self) -> None:
        super().clean()
        if self.left_out:
            self.add_error("archive", self.left_out)
        elif not {"url", "archive"} & set(self.errors) and self._gives_none_or_both():
            self.add_error("url", "Give an address, or send a file: one of the two.")

    def _gives_none_or_both(self) -> bool:
        return bool(self.cleaned_data["url"]) == bool(self.cleaned_data["archive"])

    def save(self, commit: bool = True) -> Repository:
        if (archive := self.cleaned_data["archive"]) is not None:
            self.instance.upload = archive
            self.instance.uploaded_as = archive.name[:255]
        return super().save(commit)


class ArchiveForm(forms.Form):
    """A newer bundle or tarball of a repository that came as one."""

    archive = forms.FileField(error_messages={"required": "Choose the newer bundle or tarball."})


class RecipeForm(Base):
    """How a repository is set up and tested."""

    class Meta:
        model = Repository
        fields = [
            *("language", "licence", "setup_command", "setup_hosts", "test_command", "report_path"),
            *("check_commands", "test_seconds"),
        ]

    def clean_setup_hosts(self) -> str:
        hosts: list[str] = self.cleaned_data["setup_hosts"].lower().split()
        for host in hosts:
            name = host.removeprefix("*.")
            if not HOST.fullmatch(name) or as_ip(name) or name.endswith(PRIVATE_NAMES):
                raise forms.ValidationError(f"“{host[:80]}” is not the name of a host outside this network.")
        return "\n".join(hosts)

    def clean_report_path(self) -> str:
        path: str = self.cleaned_data["report_path"].strip()
        if path.startswith("/") or ".." in path.split("/"):
            raise forms.ValidationError("Give a path inside the repository.")
        return path

    def clean_check_commands(self) -> str:
        text: str = self.cleaned_data["check_commands"].strip()
        for line in filter(None, map(str.strip, text.splitlines())):
            name, colon, script = line.partition(":")
            if not (name.strip() and colon and script.strip()):
                raise forms.ValidationError(f"“{line[:80]}” is not a name, a colon and a command.")
        return text


class ChangedProviderForm(ProviderBase):
    """What of a provider may change."""

    class Meta:
        model = Provider
        fields = [*CHANGEABLE]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        # Kept with eight decimals, since tokens cost less than a cent; a budget is read and typed without them.
        if budget := self.initial.get("monthly_budget"):
            self.initial["monthly_budget"] = format(budget.normalize(), "f")

    def clean(self) -> None:
        super().clean()
        why = address_refused(
            self.cleaned_data.get("base_url", ""), is_local=bool(self.cleaned_data.get("is_local"))
        )
        if why and "base_url" not in self.errors:
            self.add_error("base_url", why)
        if (self.cleaned_data.get("concurrency") or 1) < 1:
            self.add_error("concurrency", "It takes at least one request at a time.")
        if (self.cleaned_data.get("monthly_budget") or 0) < 0:
            self.add_error("monthly_budget", "A budget is not negative.")

    def validate_unique(self) -> None:
        """Left to the database: this process may look only through another alias."""


class ProviderForm(ChangedProviderForm):
    """A new one."""

    class Meta(ChangedProviderForm.Meta):
        fields = ["name", "dialect", *CHANGEABLE]


class AgentForm(forms.Form):
    """A version of a known harness. Whether it runs, a worker finds out."""

    preset = forms.ChoiceField()
    name = forms.CharField(max_length=100)
    model = forms.CharField(max_length=100)
    provider = forms.CharField(max_length=100)
    directory = forms.CharField(max_length=500, required=False)
    version = forms.CharField(max_length=40, required=False)
    released_on = forms.DateField(required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        chosen: Any = self.fields["preset"]
        chosen.choices = [
            (name, f"{preset.title} {preset.version}".strip()) for name, preset in presets().items()
        ]


class WrittenAgentForm(forms.Form):
    """The same as TOML, for a harness that Marlin does not know."""

    toml = forms.CharField(max_length=65_536, strip=False)


class KeyForm(forms.Form):
    """A provider's key: it goes in and never comes back."""

    key = forms.CharField(max_length=LONGEST_KEY)


class PriceForm(PriceBase):
    """US dollars per million tokens of one model."""

    class Meta:
        model = Price
        fields = ["model", "input", "output", "cache_read", "cache_write"]

    def clean(self) -> None:
        super().clean()
        for name in ("input", "output", "cache_read", "cache_write"):
            if (self.cleaned_data.get(name) or 0) < 0:
                self.add_error(name, "A price is not negative.")
