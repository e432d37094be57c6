"""The files of a repository at one commit, for whoever reads around a patch. Made by jobs, read by pages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from django.db import models

from tasks.models import Repository

#: path, size in bytes, git's name of the content ("" for a link or a submodule), lexer.
Entry = tuple[str, int, str, str]


class BaseFile(models.Model):
    """A text as coloured rows, once for whatever repository and commit it is in: the key is its content."""

    #: Git's name of the content.
    name = models.CharField(max_length=64)
    lexer = models.CharField(max_length=60, blank=True)
    version = models.PositiveSmallIntegerField()
    rows = models.PositiveIntegerField(default=0)
    #: Why it is not coloured, or not shown at all; a sentence.
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
    #: Compressed JSON; empty while no job has been there.
    entries = models.BinaryField(default=bytes)
    #: Why there is no list.
    failure = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    again_at = models.DateTimeField()
    #: Those of its files that are stored: what no tree holds any more is removed.
    files = models.ManyToManyField(BaseFile, related_name="trees")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "commit"], name="one_tree_per_commit"),
        ]

    @property
    def is_ready(self) -> bool:
        return bool(self.entries)

    @staticmethod
    def packed(entries: Sequence[Entry]) -> bytes:
        return gzip.compress(
            json.dumps(entries, separators=(",", ":")).encode("ascii"), compresslevel=6, mtime=0
        )

    def listed(self) -> list[Entry]:
        """In the order of their paths."""
        if not self.entries:
            return []
        return [
            (path, size, name, lexer) for path, size, name, lexer in json.loads(gzip.decompress(self.entries))
        ]
