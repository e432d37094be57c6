"""The stored lines of a frozen part, straight out of PostgreSQL: no row becomes a Python object on the way."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from grading.export.writers.pieces import Block
from grading.models import Export, ExportPart, Judgement

#: Bytes handed to the writers at once, or one record if that is longer.
BLOCK = 2**20

#: The list is sorted before the lines are fetched, so that the sort never holds them. As CSV with a quote and
#: a delimiter that JSON text cannot hold, each line comes as it is; COPY's own text form doubles backslashes.
LINES = """
COPY (
    SELECT (
        SELECT record FROM {judgements}
        WHERE preference_id = place.preference AND revision_id = place.revision
    )
    FROM (
        SELECT listed.preference, listed.revision
        FROM {parts} AS part,
            unnest(part.preferences, part.revisions) WITH ORDINALITY AS listed(preference, revision, number)
        WHERE part.export_id = {export} AND part.number = {number}
        ORDER BY listed.number
    ) AS place
) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')
"""


class Gone(Exception):
    """A judgement of the frozen list is not there any more."""


def blocks(export: Export, number: int) -> Iterator[Block]:
    """The records of one part in their order. Raises Gone."""
    query = LINES.format(
        judgements=Judgement._meta.db_table,
        parts=ExportPart._meta.db_table,
        export=int(export.pk),
        number=int(number),
    )
    lines: list[memoryview | bytes] = []
    size = 0
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for line in copy:  # PostgreSQL sends one message a row
            if len(line) == 1:
                raise Gone(f"A judgement of export {export.pk}, part {number}, was deleted.")
            lines.append(line)
            size += len(line)
            if size >= BLOCK:
                yield Block(b"".join(lines))
                lines, size = [], 0
    if lines:
        yield Block(b"".join(lines))
