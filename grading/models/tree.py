"""The files of a repository at one commit, for whoever reads around a patch. Made by jobs, read by pages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import NamedTuple

from django.db import models

from marlin.sources import now
from tasks.models import Repository

#: A text of more bytes is not shown.
MOST_BYTES = 1_000_000


class Entry(NamedTuple):
    """One file of a tree: git's mode and name of its content, bytes, and the lexer its name asks for."""

    path: str
    mode: str
    name: str
    size: int
    lexer: str


class BaseFile(models.Model):
    """A text as finished rows, once for whatever repository and commit it is in: the key is its content."""

    #: Git's name of the content.
    name = models.CharField(max_length=64)
    lexer = models.CharField(max_length=80, blank=True)
    version = models.PositiveSmallIntegerField()
    lines = models.PositiveIntegerField(default=0)
    #: A sentence: why it has no colours, or why it is not shown at all.
    note = models.CharField(max_length=200, blank=True)
    #: Compressed HTML.
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "lexer", "version"], name="one_row_per_content"),
        ]

    @property
    def html(self) -> str:
        return gzip.decompress(self.body).decode()


class BaseTree(models.Model):
    """The list of all files of a repository at one commit."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="trees")
    commit = models.CharField(max_length=64)
    #: Compressed JSON; empty while there is no list.
    entries = models.BinaryField(default=bytes)
    count = models.PositiveIntegerField(default=0)
    #: Of a list that could not be made: how often it was tried, why not, and when it is tried again.
    tries = models.PositiveIntegerField(default=0)
    reason = models.TextField(blank=True)
    again_at = models.DateTimeField()
    #: Those of its files that are stored. What no tree holds any more is removed.
    files = models.ManyToManyField(BaseFile, related_name="trees")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "commit"], name="one_tree_per_commit"),
        ]

    @property
    def is_ready(self) -> bool:
        return bool(self.entries)

    def words_at_hand(self) -> TreeWords | None:
        return TreeWords.objects.filter(tree=self).first()

    @staticmethod
    def packed(entries: Sequence[Entry]) -> bytes:
        return gzip.compress(json.dumps(entries).encode("ascii"), compresslevel=6, mtime=0)

    def listed(self) -> list[Entry]:
        """In the order of their paths; [] while there is no list."""
        return [Entry(*entry) for entry in json.loads(gzip.decompress(self.entries))] if self.entries else []


class TreeWords(models.Model):
    """The lines of a tree's texts for the search inside its files, as PageWords holds those of a pair.

    Written when somebody first looks for something there, and forgotten when nobody has for a while.
    """

    tree = models.OneToOneField(BaseTree, on_delete=models.CASCADE, primary_key=True, related_name="words")
    places = models.BinaryField()
    lines = models.BinaryField()
    #: Whether there are more texts than are searched.
    cut = models.BooleanField(default=False)
    written_at = models.DateTimeField(default=now)
