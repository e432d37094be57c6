"""The finished comparison of a pair, rendered once by a job. Web processes only read it."""

from __future__ import annotations

import gzip

from django.db import models
from django.db.models import F, Q

from tasks.models import Candidate, Turn


class PairPage(models.Model):
    """One orientation of a pair: `left` stands in A's column. Both orientations are stored."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="pages")
    attempt = models.PositiveSmallIntegerField()
    left = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")
    right = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveSmallIntegerField()
    #: What stands in the file list: see grading.diffs.compare.
    index = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["left", "right", "version"], name="one_page_per_orientation"),
            models.CheckConstraint(condition=~Q(left=F("right")), name="page_has_two_sides"),
        ]


class Fragment(models.Model):
    """The rows of one file, or of one gap between its hunks, as compressed HTML."""

    page = models.ForeignKey(PairPage, on_delete=models.CASCADE, related_name="fragments")
    file = models.PositiveIntegerField()
    #: 0 is the file itself, n its n-th gap.
    gap = models.PositiveIntegerField(default=0)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["page", "file", "gap"], name="one_fragment_per_place"),
        ]

    @staticmethod
    def packed(html: str) -> bytes:
        # No time in the header: equal rows are equal bytes.
        return gzip.compress(html.encode(), compresslevel=6, mtime=0)

    @property
    def html(self) -> str:
        return gzip.decompress(self.body).decode()
