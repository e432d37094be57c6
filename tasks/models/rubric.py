"""The versioned set of rated qualities. Rubrics are data: an experiment names one version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marlin.sources import now


class Need(models.TextChoices):
    """When a text must be written."""

    HIDDEN = "hidden", "not asked for"
    OPTIONAL = "optional", "may be left empty"
    LEANING = "leaning", "needed when one side is preferred"
    ALWAYS = "always", "always needed"


class Rubric(models.Model):
    """What raters are asked, and on which scale."""

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    #: 8 has no middle, 7 has a neutral one.
    points = models.PositiveSmallIntegerField(default=8)
    may_skip = models.BooleanField(default=False)
    #: How many words of justification an overall rating needs before it can be handed in.
    least_words = models.PositiveSmallIntegerField(default=10)
    justification = models.CharField(max_length=10, choices=Need, default=Need.ALWAYS)
    #: The strengths and weaknesses of both sides. "Leaning" asks for the strengths of the side that is
    #: preferred and the weaknesses of the other.
    strengths = models.CharField(max_length=10, choices=Need, default=Need.OPTIONAL)
    strengths_words = models.PositiveSmallIntegerField(default=0)
    weaknesses = models.CharField(max_length=10, choices=Need, default=Need.OPTIONAL)
    weaknesses_words = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_rubric_per_name_and_version"),
            models.CheckConstraint(condition=Q(points__in=[7, 8]), name="seven_or_eight_points"),
            models.CheckConstraint(condition=~Q(justification="hidden"), name="a_reason_can_always_be_given"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def asks_for_sides(self) -> bool:
        return bool(self.sides_title)

    @property
    def sides_title(self) -> str:
        """What is asked about each side, as the form calls it."""
        asked = [name for name in ("strengths", "weaknesses") if getattr(self, name) != Need.HIDDEN]
        return " and ".join(asked).capitalize()


class Axis(models.Model):
    """One rated quality."""

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="axes")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    question = models.CharField(max_length=200)
    #: Shown under the question to whoever asks.
    help = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "axes"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["rubric", "key"], name="one_axis_per_key"),
            models.UniqueConstraint(fields=["rubric", "position"], name="one_axis_per_position"),
        ]
