"""The versioned set of rated qualities. Rubrics are data: an experiment names one version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Rubric(models.Model):
    """What raters are asked, and on which scale."""

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    #: 8 has no middle, 7 has a neutral one.
    points = models.PositiveSmallIntegerField(default=8)
    may_skip = models.BooleanField(default=False)
    #: How many words of justification an overall rating needs before it can be handed in.
    least_words = models.PositiveSmallIntegerField(default=10)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_rubric_per_name_and_version"),
            models.CheckConstraint(condition=Q(points__in=[7, 8]), name="seven_or_eight_points"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Axis(models.Model):
    """One rated quality."""

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="axes")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    question = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "axes"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["rubric", "key"], name="one_axis_per_key"),
            models.UniqueConstraint(fields=["rubric", "position"], name="one_axis_per_position"),
        ]
