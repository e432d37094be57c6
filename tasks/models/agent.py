"""One coding agent at one version. Guarded: pages of raters and reviewers cannot read this table."""

from __future__ import annotations

from django.db import models

from marlin.sources import new_public_id
from tasks.models.provider import Provider


class AgentVersion(models.Model):
    """Harness, model, settings, command: everything needed to run it again."""

    class Kind(models.TextChoices):
        COMMAND = "command"  # any command line, in the sandbox
        REPLAY = "replay"  # applies recorded outputs

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.COMMAND)
    harness = models.CharField(max_length=100)
    harness_version = models.CharField(max_length=40)
    model = models.CharField(max_length=100)
    provider = models.CharField(max_length=100)
    #: Through the model gateway, which asks it for `model`. Without one the agent reaches no model.
    served_by = models.ForeignKey(
        Provider, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="agent_versions"
    )
    #: For *command*: {"argv": [...], "env": {...}}. A *replay* has recorded outputs instead.
    settings = models.JSONField(default=dict)
    #: A directory of this machine that is mounted read-only at /opt/agent.
    directory = models.CharField(max_length=500, blank=True)
    #: Overrides of settings.AGENT_LIMITS, by name.
    limits = models.JSONField(default=dict, blank=True)
    #: Price per million tokens by kind, as decimal strings.
    prices = models.JSONField(default=dict, blank=True)
    released_on = models.DateField(null=True, blank=True)
