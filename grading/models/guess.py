"""What a rater took for the newer side, asked once the work is handed in: whether the blinding held."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from grading.models.pair import BlindPair
from marlin.sources import now


class Guess(models.Model):
    """One answer about one pair, of the rater who was shown it. Added once, never changed."""

    class Newer(models.TextChoices):
        A = "a", "A"
        B = "b", "B"
        UNKNOWN = "unknown", "I cannot tell"

    #: One pair is one assignment in one turn.
    pair = models.OneToOneField(BlindPair, on_delete=models.PROTECT, related_name="guess")
    #: By the letters that the rater saw.
    newer = models.CharField(max_length=7, choices=Newer)
    told_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(newer__in=["a", "b", "unknown"]), name="guess_is_a_side_or_unknown"
            ),
        ]
