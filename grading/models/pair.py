"""Which candidate of a turn this rater sees as A, and which as B."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from grading.models.assignment import Assignment
from marlin.sources import now
from tasks.models import Candidate, Turn


class BlindPair(models.Model):
    """Drawn once by the database (see migration 0002), never changed. Rows are not written from Python."""

    class Method(models.TextChoices):
        COIN = "coin"  # fair
        STICK = "stick"  # forced, since one side had led by three
        MIRROR = "mirror"  # the image of what the first reader of this pair saw

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="pairs")
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="+")
    attempt = models.PositiveSmallIntegerField()
    a = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="+")
    b = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=10, choices=Method)
    #: Of this arrangement, under the rule that drew it.
    probability = models.FloatField()
    drawn_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "turn", "attempt"], name="one_pair_per_assignment_and_turn"
            ),
            models.CheckConstraint(condition=~Q(a=F("b")), name="two_different_sides"),
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1), name="probability_between_0_and_1"
            ),
        ]
