"""Tasks whose answer is known: gold is hidden among the others, practice comes before them."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Q
from django.db.models.functions import Now, TruncDate

from marlin.models import User
from marlin.sources import new_public_id, now
from tasks.models import Candidate, Task


class GoldQuerySet(models.QuerySet["Gold"]):
    def live(self) -> GoldQuerySet:
        """Not retired yet, by the database's clock."""
        return self.filter(Q(retires_on=None) | Q(retires_on__gt=TruncDate(Now())))

    def measuring(self, assignment: str) -> GoldQuerySet:
        """Those that the outer query's assignment is measured by: who claimed before has stated a preference.

        `assignment` is the way there from the outer query, empty when it asks for assignments.
        """
        path = f"{assignment}__" if assignment else ""
        return self.filter(task=OuterRef(f"{path}task"), made_at__lte=OuterRef(f"{path}claimed_at"))


class Gold(models.Model):
    """The expected answer of a task, and why. Such a task has no seats: everybody may read it."""

    class Kind(models.TextChoices):
        GOLD = "gold", "gold: hidden among the others"
        PRACTICE = "practice", "practice: read first"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="gold")
    kind = models.CharField(max_length=10, choices=Kind)
    #: The better one; None when they are about the same.
    expected = models.ForeignKey(Candidate, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.TextField()
    #: Its weight among those of its kind when one is drawn.
    share = models.PositiveSmallIntegerField(default=1)
    #: From this day on it is served no more.
    retires_on = models.DateField(null=True, blank=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)

    objects = GoldQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "gold"
        constraints = [
            models.CheckConstraint(condition=~Q(why=""), name="a_known_answer_gives_its_reason"),
            models.CheckConstraint(condition=Q(share__gte=1), name="gold_has_a_share"),
        ]
