"""What came from outside: imports, and the outputs of agents that ran elsewhere. Guarded where it names them."""

from __future__ import annotations

from django.db import models

from marlin.models import User
from marlin.sources import new_public_id, now
from tasks.models.agent import AgentVersion
from tasks.models.scenario import Scenario


class Reference(models.Model):
    """How a scenario was solved in the real repository. For admins and reviewers of scenarios, never for raters."""

    scenario = models.OneToOneField(Scenario, on_delete=models.CASCADE, related_name="reference")
    patch = models.TextField(blank=True)
    test_patch = models.TextField(blank=True)
    #: Names of tests: those that the patch mends, and those that it must not break.
    fail_to_pass = models.JSONField(default=list)
    pass_to_pass = models.JSONField(default=list)


class ImportSource(models.Model):
    """One file that was read, with what became of its rows. Guarded: file names name agents."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # SHA-256 of the file, in hex
    by = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, related_name="+")
    read_at = models.DateTimeField(default=now)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    #: Rows that were there already.
    known = models.PositiveIntegerField(default=0)
    #: [line, reason] of each row that was refused.
    refused = models.JSONField(default=list)


class RecordedOutput(models.Model):
    """What an agent version made of a scenario somewhere else; its replay gives this back. Guarded."""

    agent_version = models.ForeignKey(AgentVersion, on_delete=models.DO_NOTHING, related_name="recorded")
    scenario = models.ForeignKey(Scenario, on_delete=models.DO_NOTHING, related_name="+")
    source = models.ForeignKey(ImportSource, on_delete=models.DO_NOTHING, null=True, related_name="outputs")
    line = models.PositiveIntegerField(default=0)
    patch = models.BinaryField(default=bytes)
    #: One step a line, as tasks.agents.transcripts reads them.
    transcript = models.BinaryField(default=bytes)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agent_version", "scenario"], name="one_recorded_output_per_scenario"
            ),
        ]
