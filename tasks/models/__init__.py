"""What turns a pull request into candidates, in the order of the story."""

from tasks.models.agent import AgentCheck, AgentVersion
from tasks.models.bringing import Import, ImportFile, PullRequest
from tasks.models.experiment import Arm, Experiment, Guidelines, Quota
from tasks.models.origin import Origin, Run, RunLog, ScrubHit, Snapshot
from tasks.models.provider import (
    ModelAccess,
    ModelRequest,
    Outcome,
    Price,
    Provider,
    ProviderSecret,
    SealingKey,
    Spending,
)
from tasks.models.qualification import Grant, Qualification
from tasks.models.recording import ImportSource, RecordedOutput, Reference
from tasks.models.repository import Commit, Environment, HostToken, MirrorKey, Repository
from tasks.models.rubric import Axis, Need, Rubric
from tasks.models.scenario import (
    MEANINGS,
    TEXTS,
    Category,
    CategoryRule,
    Scenario,
    ScenarioReview,
    ScenarioRevision,
)
from tasks.models.task import Task
from tasks.models.turn import Candidate, Failure, Turn
from tasks.models.worker import Holding, Worker

__all__ = [
    "MEANINGS",
    "TEXTS",
    "AgentCheck",
    "AgentVersion",
    "Arm",
    "Axis",
    "Candidate",
    "Category",
    "CategoryRule",
    "Commit",
    "Environment",
    "Experiment",
    "Failure",
    "Grant",
    "Guidelines",
    "Holding",
    "HostToken",
    "Import",
    "ImportFile",
    "ImportSource",
    "MirrorKey",
    "ModelAccess",
    "ModelRequest",
    "Need",
    "Origin",
    "Outcome",
    "Price",
    "Provider",
    "ProviderSecret",
    "PullRequest",
    "Qualification",
    "Quota",
    "RecordedOutput",
    "Reference",
    "Repository",
    "Rubric",
    "Run",
    "RunLog",
    "Scenario",
    "ScenarioReview",
    "ScenarioRevision",
    "ScrubHit",
    "SealingKey",
    "Snapshot",
    "Spending",
    "Task",
    "Turn",
    "Worker",
]
