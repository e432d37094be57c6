"""The stored lines of a frozen part, straight out of PostgreSQL: no row becomes a Python object on the way."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Func, IntegerField

from grading.export.writers.pieces import Block
from grading.models import Export, ExportPart, Judgement

#: Bytes handed to the writers at once, or one record if that is longer.
BLOCK = 2**20
#: Records that one COPY brings.
SLICE = 2_000

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
            unnest(part.preferences[{first}:{last}], part.revisions[{first}:{last}])
                WITH ORDINALITY AS listed(preference, revision, number)
        WHERE part.export_id = {export} AND part.number = {number}
        ORDER BY listed.number
    ) AS place
) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')
"""


class Gone(Exception):
    """A judgement of the frozen list is not there any more."""


def slices(export: Export, number: int) -> Iterator[range]:
    """The places of one part, some at a time. Between two slices the connection is free for other questions."""
    part = ExportPart.objects.filter(export=export, number=number)
    size = part.annotate(
        size=Func("preferences", function="cardinality", output_field=IntegerField())
    ).values_list("size", flat=True)
    places = sum(size.all())
    for first in range(0, places, SLICE):
        yield range(first, min(first + SLICE, places))


def blocks(export: Export, number: int, places: range) -> Iterator[Block]:
    """The records of one slice in their order. Raises Gone.

    Whoever asks the database something between two blocks waits for ever: the connection is busy with COPY.
    """
    query = LINES.format(
        judgements=Judgement._meta.db_table,
        parts=ExportPart._meta.db_table,
        export=int(export.pk),
        number=int(number),
        first=places.start + 1,  # PostgreSQL counts from one, and its slices hold their last
        last=places.stop,
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
