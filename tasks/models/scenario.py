"""One pull request turned into work."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

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


#: What each is for, as the desk tells.
MEANINGS = {
    Category.FEATURE: "behaviour that was not there before",
    Category.BUG_FIX: "something that is wrong and can be shown to be",
    Category.REFACTORING: "the same behaviour in better order",
    Category.PERFORMANCE: "less time or memory, measured",
    Category.TESTING: "tests that catch what could break",
    Category.DOCUMENTATION: "words for those who use or read the code",
    Category.CHORE: "versions, settings, builds",
    Category.CODE_REVIEW: "an opinion on a change; the answer is text",
    Category.EXPLAINING: "how something works; the answer is text",
    Category.DISCUSSION: "a choice weighed before code is written",
    Category.AMBIGUOUS: "too little is said: the right answer is a question",
    Category.GIT_WORK: "history, branches, conflicts",
    Category.GREENFIELD: "a beginning in an empty repository",
    Category.OTHER: "what fits none of these",
}


class ScenarioQuerySet(models.QuerySet["Scenario"]):
    def about(self, words: str) -> ScenarioQuerySet:
        """Whose title or repository holds these words."""
        # Asked for first: a join beside a title would keep the database from using an index for either.
        repositories = list(
            Repository.objects.using(self.db).filter(name__icontains=words).values_list("pk", flat=True)
        )
        return self.filter(Q(title__icontains=words) | Q(repository__in=repositories))


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
    #: What near repeats of the prompt share with it: see tasks.repeats. Written with the prompt.
    bands = ArrayField(models.BigIntegerField(), default=list)
    #: The claim on writing about this commit: renewed by each save. When it ends the text stays.
    held_until = models.DateTimeField(null=True)
    #: Who reads it, and until when nobody else is offered it.
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reviewed_until = models.DateTimeField(null=True)
    proposed_at = models.DateTimeField(null=True)
    #: "data set:instance" of an imported scenario: importing it again finds it.
    imported_as = models.CharField(max_length=200, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(default=now)

    objects = ScenarioQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="approved") | ~Q(prompt=""), name="approved_scenario_has_a_prompt"
            ),
        ]
        indexes = [
            GinIndex(fields=["bands"], name="scenarios_by_bands"),
            models.Index(fields=["author", "-created_at"], name="scenarios_of_an_author"),
            models.Index(
                fields=["-created_at", "-id"], condition=Q(state="approved"), name="approved_scenarios_by_age"
            ),
            # As a list looks for words in titles: without regard to case.
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="words_of_scenario_titles"),
            models.Index(
                fields=["proposed_at", "id"], condition=Q(state="in_review"), name="scenarios_that_wait"
            ),
        ]

    def propose(self, *, by: User | None) -> None:
        self.move_to(self.State.IN_REVIEW, by=by, proposed_at=now(), reviewer=None, reviewed_until=None)

    def approve(self, *, by: User | None) -> None:
        self.move_to(self.State.APPROVED, by=by)

    def send_back(self, *, by: User, why: str) -> None:
        self.move_to(self.State.SENT_BACK, by=by, why=why)

    def retire(self, *, by: User) -> None:
        self.move_to(self.State.RETIRED, by=by)

    def texts(self) -> dict[str, str]:
        """What was written, by field, in the order of the form."""
        return {field: getattr(self, field) for field in TEXTS}

    def last_decision(self) -> ScenarioReview | None:
        return self.reviews.order_by("-pk").first()


#: What a write-up consists of, in the order of the form, and what the parts are called.
TEXTS = {
    "title": "Title",
    "about": "What the repository does",
    "change": "What should change, for whom and why",
    "edge_cases": "Edge cases",
    "acceptance": "Acceptance criteria",
    "ideal_answer": "What an ideal answer looks like",
    "difficulty": "Why it is hard",
    "prompt": "Opening prompt",
}


class ScenarioRevision(models.Model):
    """What stood in the form at one save. Rows are added and never changed."""

    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    #: By field, with `effort_hours` as text.
    texts = models.JSONField(default=dict)
    #: Which browser tab wrote it, and that tab's how-manieth save it was.
    tab = models.CharField(max_length=40, blank=True)
    sequence = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(default=now)
    #: It was handed to the reviewers as it stands here.
    is_proposed = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["scenario", "number"], name="one_scenario_revision_per_number"),
            models.UniqueConstraint(
                fields=["scenario", "tab", "sequence"],
                condition=~Q(tab=""),
                name="one_scenario_revision_per_save",
            ),
        ]


class ScenarioReview(models.Model):
    """A reviewer's decision on one version of a write-up."""

    class Decision(models.TextChoices):
        APPROVED = "approved"
        SENT_BACK = "sent_back", "sent back"

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(ScenarioRevision, on_delete=models.PROTECT, null=True, related_name="+")
    decision = models.CharField(max_length=20, choices=Decision)
    #: The field the reason is about; empty for the whole.
    field = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision="approved") | ~Q(reason=""), name="what_is_sent_back_says_why"
            ),
        ]

    @property
    def part(self) -> str:
        """What the reason is about, as the form calls it."""
        return TEXTS.get(self.field, "")


class CategoryRule(models.Model):
    """What a category is for, and whether it takes more scenarios."""

    category = models.CharField(max_length=20, choices=Category, unique=True)
    is_open = models.BooleanField(default=True)
    #: Scenarios that are wanted; None for any number.
    quota = models.PositiveIntegerField(null=True, blank=True)
