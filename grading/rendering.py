"""Renders a pair once, in both orientations, when both of its sides are final."""

from __future__ import annotations

from django.db import connection, transaction

from grading.diffs.child import compare_in_child
from grading.diffs.compare import Comparison, Side
from grading.diffs.version import VERSION
from grading.models import Fragment, PairPage
from marlin.sources import source
from tasks.contents import contents_of
from tasks.models import Candidate, Turn
from tasks.turns import pairs_to_render


def waiting() -> list[tuple[int, int]]:
    """(turn id, attempt) of each complete pair that has no page in this version yet."""
    rendered = PairPage.objects.filter(version=VERSION).values_list("turn_id", "attempt").distinct()
    return pairs_to_render(rendered)


def render(turn_id: int, attempt: int) -> bool:
    """Store the finished pages; False when they are there or somebody is at it. All or nothing."""
    with transaction.atomic():
        if not _mine(turn_id, attempt) or _is_rendered(turn_id, attempt):
            return False
        turn = Turn.objects.select_related("task__scenario__repository").get(pk=turn_id)
        candidates = list(turn.candidates.filter(attempt=attempt).final().order_by("pk"))
        if len(candidates) != 2:
            return False
        _store(turn, attempt, candidates)
    return True


def _mine(turn_id: int, attempt: int) -> bool:
    """A lock that ends with the transaction: who dies half-way leaves neither a lock nor half a page."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [turn_id % 2**31, attempt])
        return bool(cursor.fetchone()[0])


def _is_rendered(turn_id: int, attempt: int) -> bool:
    return PairPage.objects.filter(turn_id=turn_id, attempt=attempt, version=VERSION).exists()


def _store(turn: Turn, attempt: int, candidates: list[Candidate]) -> None:
    first, second = candidates
    contents = [contents_of(candidate) for candidate in candidates]
    sides = [Side(patch=content.patch, results=content.results) for content in contents]
    base = {**contents[0].base, **contents[1].base}
    forward, backward = compare_in_child(sides[0], sides[1], base)
    orientations = [(first, second, forward), (second, first, backward)]
    # In random order: a key must not tell which orientation is the canonical one.
    source().shuffle("orientations", orientations)
    for left, right, comparison in orientations:
        page = PairPage.objects.create(
            turn=turn,
            attempt=attempt,
            left=left,
            right=right,
            version=VERSION,
            index=comparison.as_index(),
        )
        Fragment.objects.bulk_create(_fragments(page, comparison))


def _fragments(page: PairPage, comparison: Comparison) -> list[Fragment]:
    fragments = []
    for number, file in enumerate(comparison.files):
        for gap, html in enumerate((file.html, *file.gaps)):
            fragments.append(Fragment(page=page, file=number, gap=gap, body=Fragment.packed(html)))
    return fragments
