"""The finished comparison of a pair, rendered once by a job. Web processes only read it, and mark what was read."""

from __future__ import annotations

import gzip

from django.db import models
from django.db.models import F, Q

from grading.models.pair import BlindPair
from marlin.models import User
from tasks.models import Candidate, Turn


class View(models.TextChoices):
    """The ways in which a pair is drawn and stored. One side alone is a stored one with the other side hidden."""

    PAIR = "pair"  # A and B side by side, each against the base
    THREE = "three"  # base, A and B
    DIRECT = "direct"  # A against B
    CELLS = "cells"  # a notebook as its cells, side by side as in "pair"; other files have none


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
    """The rows of one file, or of one gap between its hunks, in one view, as compressed HTML."""

    page = models.ForeignKey(PairPage, on_delete=models.CASCADE, related_name="fragments")
    view = models.CharField(max_length=10, choices=View, default=View.PAIR, db_default=View.PAIR)
    file = models.PositiveIntegerField()
    #: 0 is the file itself, n its n-th gap.
    gap = models.PositiveIntegerField(default=0)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["page", "view", "file", "gap"], name="one_fragment_per_place"),
        ]

    @staticmethod
    def packed(html: str) -> bytes:
        # No time in the header: equal rows are equal bytes.
        return gzip.compress(html.encode(), compresslevel=6, mtime=0)

    @staticmethod
    def unpacked(body: bytes | memoryview[int]) -> str:
        return gzip.decompress(body).decode()

    @property
    def html(self) -> str:
        return self.unpacked(bytes(self.body))


class PageWords(models.Model):
    """All lines of both patches for the search, those that are not loaded too: line n of `lines` stands at `places`."""

    page = models.OneToOneField(PairPage, on_delete=models.CASCADE, primary_key=True, related_name="words")
    #: One line each, compressed: file, side, number and kind, between tabs.
    places = models.BinaryField()
    #: The text alone, so that nobody finds the number of a line when they look for a number.
    lines = models.BinaryField()
    #: Whether there were more lines than are kept.
    cut = models.BooleanField(default=False)


class Picture(models.Model):
    """An image that a pair adds, changes or removes, as it stands in the base, in A or in B."""

    page = models.ForeignKey(PairPage, on_delete=models.CASCADE, related_name="pictures")
    file = models.PositiveIntegerField()
    #: base, a or b
    which = models.CharField(max_length=4)
    #: Its content type, told by its first bytes and never by its name: see grading.diffs.images.
    kind = models.CharField(max_length=40)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["page", "file", "which"], name="one_picture_per_place"),
            models.CheckConstraint(condition=Q(which__in=["base", "a", "b"]), name="picture_of_a_version"),
        ]


class ReadMark(models.Model):
    """This reader says to have read this file of this pair."""

    pair = models.ForeignKey(BlindPair, on_delete=models.CASCADE, related_name="marks")
    reader = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    #: SHA-256 of the path: a path may be longer than an index takes.
    file = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pair", "reader", "file"], name="one_mark_per_reader_and_file"),
        ]


class Trouble(models.Model):
    """A pair whose rendering was begun and has not ended well: how often, why, and when it is tried again."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="+")
    attempt = models.PositiveSmallIntegerField()
    tries = models.PositiveIntegerField(default=0)
    reason = models.TextField(default="It was begun and not finished: the worker may have died of it.")
    again_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["turn", "attempt"], name="one_trouble_per_pair"),
        ]
