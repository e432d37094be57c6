"""The rater's verdict on a blind pair: a draft from the first keystroke, then locked."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from grading.models.assignment import Assignment
from grading.models.pair import BlindPair
from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful


class Preference(Stateful):
    """What one rater thinks of one pair. The words are in its revisions."""

    class State(models.TextChoices):
        DRAFT = "draft"  # every save is a revision
        LOCKED = "locked"  # `locked_revision` counts

    TRANSITIONS = {State.DRAFT: {State.LOCKED}, State.LOCKED: set()}

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    pair = models.OneToOneField(BlindPair, on_delete=models.PROTECT, related_name="preference")
    state = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    locked_revision = models.ForeignKey("Revision", on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="locked") | Q(locked_revision__isnull=False),
                name="locked_preference_names_its_revision",
            ),
        ]

    def lock(self, revision: Revision, *, by: User) -> None:
        self.move_to(self.State.LOCKED, by=by, locked_revision=revision)

    def newest(self) -> Revision | None:
        return self.revisions.order_by("-number").first()

    def story(self) -> str:
        return self.pair.assignment.story()


class Revision(models.Model):
    """What stood in the form at one save. Rows are added and never changed."""

    preference = models.ForeignKey(Preference, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    #: Ratings as shown: axis key -> 1…K from "A clearly" to "B clearly"; `overall` among them.
    ratings = models.JSONField(default=dict)
    #: Keys of the axes that this person finds not applicable.
    not_applicable = models.JSONField(default=list)
    key_axis = models.CharField(max_length=40, blank=True)
    #: By name of the field: strengths and weaknesses of each side, justification.
    texts = models.JSONField(default=dict)
    #: The side that both go on from, and what is asked for next. "" takes the side that is better overall.
    continue_from = models.CharField(max_length=1, blank=True, default="", db_default="")
    next_prompt = models.TextField(blank=True, default="", db_default="")
    #: Which browser tab wrote it, and that tab's how-manieth save it was.
    tab = models.CharField(max_length=40, blank=True)
    sequence = models.PositiveIntegerField(default=0)
    #: The revision this save was written upon. When it is not the one before, two tabs wrote.
    based_on = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["preference", "number"], name="one_revision_per_number"),
            models.UniqueConstraint(
                fields=["preference", "tab", "sequence"], condition=~Q(tab=""), name="one_revision_per_save"
            ),
        ]


class Receipt(models.Model):
    """What the rater keeps: this was handed in, with these revisions, at this time."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="receipts")
    revisions = models.ManyToManyField(Revision, related_name="+")
    stored_at = models.DateTimeField(default=now)

    @property
    def number(self) -> str:
        """Short enough to read out over the telephone."""
        return self.public_id.hex[:8].upper()
