"""One pull request turned into work."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful
from tasks.models.repository import Repository


class Category(models.TextChoices):
    FEATURE = "new feature"
    BUG_FIX = "bug fix"
    REFACTORING = "refactoring"
    PERFORMANCE = "performance"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    CHORE = "chore"
    CODE_REVIEW = "code review"
    EXPLAINING = "explaining"
    DISCUSSION = "discussion"
    AMBIGUOUS = "ambiguous"  # the right answer is a question
    GIT_WORK = "git work"
    GREENFIELD = "greenfield"  # an empty repository
    OTHER = "other"


class Scenario(Stateful):
    """A repository, a base commit, a category, a write-up and the opening prompt."""

    class State(models.TextChoices):
        DRAFT = "draft"  # being written
        IN_REVIEW = "in_review"  # waits for a reviewer
        APPROVED = "approved"  # experiments may use it
        SENT_BACK = "sent_back"  # the author has a reason to read
        RETIRED = "retired"  # opens no new tasks

    TRANSITIONS = {
        State.DRAFT: {State.IN_REVIEW},
        State.IN_REVIEW: {State.APPROVED, State.SENT_BACK},
        State.SENT_BACK: {State.IN_REVIEW},
        State.APPROVED: {State.RETIRED},
        State.RETIRED: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="scenarios")
    base_commit = models.CharField(max_length=40)
    #: None when it was imported or came with the demo.
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="scenarios")
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    category = models.CharField(max_length=20, choices=Category)
    title = models.CharField(max_length=200)
    about = models.TextField(blank=True)
    change = models.TextField(blank=True)
    edge_cases = models.TextField(blank=True)
    acceptance = models.TextField(blank=True)
    ideal_answer = models.TextField(blank=True)
    difficulty = models.TextField(blank=True)
    effort_hours = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    prompt = models.TextField()
    #: "data set:instance" of an imported scenario: importing it again finds it.
    imported_as = models.CharField(max_length=200, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(prompt=""), name="approved_scenario_has_a_prompt"
            ),
        ]

    def propose(self, *, by: User | None) -> None:
        self.move_to(self.State.IN_REVIEW, by=by)

    def approve(self, *, by: User | None) -> None:
        self.move_to(self.State.APPROVED, by=by)

    def send_back(self, *, by: User, why: str) -> None:
        self.move_to(self.State.SENT_BACK, by=by, why=why)

    def retire(self, *, by: User) -> None:
        self.move_to(self.State.RETIRED, by=by)
