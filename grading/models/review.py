"""A reviewer's decision on what was handed in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from grading.models.assignment import Assignment
from grading.models.preference import Receipt
from marlin.models import User
from marlin.sources import new_public_id, now


class Review(models.Model):
    """One decision, with its reason. A row is never changed; a later decision is another row."""

    class Decision(models.TextChoices):
        ACCEPT = "accept", "Accept"
        SEND_BACK = "send_back", "Send back"
        REJECT = "reject", "Reject"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="reviews")
    #: What was judged: one decision for each time it was handed in.
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="review")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    decision = models.CharField(max_length=10, choices=Decision)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision="accept") | ~Q(reason=""), name="a_refusal_gives_its_reason"
            ),
        ]
