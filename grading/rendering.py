"""Renders a pair once, in both orientations, when both of its sides are final."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from grading import search
from grading.diffs import images
from grading.diffs.child import compare_in_child
from grading.diffs.compare import Comparison, Side
from grading.diffs.version import VERSION
from grading.models import Fragment, PageWords, PairPage, Picture, Trouble
from grading.pages import unrendered
from marlin.sources import source
from tasks.contents import Contents, contents_of
from tasks.models import Candidate, Turn
from tasks.turns import offered

logger = logging.getLogger(__name__)

Texts = Mapping[str, bytes | None]

MOST_REASON = 2_000  # characters
MOST_REST = 24 * 3600  # seconds until a pair that always fails is tried again
AT_ONCE = 200  # fragments in one INSERT; a huge pair has thirteen thousand
MOST_PICTURES = 32 * 1024 * 1024  # bytes of one page


def waiting(most: int | None = None) -> list[tuple[int, int]]:
    """(turn id, attempt) of complete pairs that have no page in this version yet and may be tried now, oldest first."""
    return list(unrendered().values_list("pk", "newest")[:most])  # type: ignore[misc]  # annotated by with_newest


def outdated(*, closed_too: bool = False) -> list[tuple[int, int]]:
    """(turn id, attempt) of what has no page in this version, whether it rests or not; for who renders by hand.

    With `closed_too` also what no rater is offered any more: closed tasks, earlier turns and attempts.
    """
    rendered = set(PairPage.objects.filter(version=VERSION).values_list("turn_id", "attempt"))
    pairs = set(offered().values_list("pk", "newest"))  # type: ignore[misc]  # annotated by with_newest
    if closed_too:
        pairs.update(PairPage.objects.filter(version__lt=VERSION).values_list("turn_id", "attempt"))
    return sorted(pairs - rendered)


def attempt(turn_id: int, number: int) -> str:
    """Render the pair of this number, and remember when it goes wrong: the sentence says how, "" is well."""
    if not _begin(turn_id, number):
        return ""
    try:
        if not render(turn_id, number):  # not final after all, or done by somebody else meanwhile
            Trouble.objects.filter(turn_id=turn_id, attempt=number).delete()
    except Exception as why:
        reason = f"{type(why).__name__}: {why}"[:MOST_REASON].replace("\0", "")
        Trouble.objects.filter(turn_id=turn_id, attempt=number).update(reason=reason)
        logger.exception("The pair of turn %s, attempt %s, could not be rendered.", turn_id, number)
        return reason
    return ""


@transaction.atomic
def _begin(turn_id: int, number: int) -> bool:
    """Count the try before it is made: a pair that kills its worker must not be rung for ever."""
    if not _mine(turn_id, number) or _is_rendered(turn_id, number):
        return False
    trouble, _ = Trouble.objects.get_or_create(turn_id=turn_id, attempt=number, defaults={"again_at": Now()})
    rest = min(settings.SWEEP * 2 ** min(trouble.tries, 20), MOST_REST)
    Trouble.objects.filter(pk=trouble.pk).update(
        tries=F("tries") + 1, again_at=Now() + timedelta(seconds=rest)
    )
    return True


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
        Trouble.objects.filter(turn_id=turn_id, attempt=attempt).delete()
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
    one, other = (contents_of(candidate) for candidate in candidates)
    base = {**one.base, **other.base}
    forward, backward = compare_in_child(_side(one), _side(other), base)
    orientations = [(first, second, forward, one, other), (second, first, backward, other, one)]
    # In random order: a key must not tell which orientation is the canonical one.
    source().shuffle("orientations", orientations)
    for left, right, comparison, of_left, of_right in orientations:
        page = PairPage.objects.create(
            turn=turn,
            attempt=attempt,
            left=left,
            right=right,
            version=VERSION,
            index={**comparison.as_index(), "no_base": not (one.has_base and other.has_base)},
        )
        fragments = _fragments(page, comparison)
        while some := list(islice(fragments, AT_ONCE)):
            Fragment.objects.bulk_create(some)
        PageWords.objects.create(page=page, **_words(comparison))
        Picture.objects.bulk_create(_pictures(page, comparison, base, of_left.results, of_right.results))
        _forget_older(page)


def _side(contents: Contents) -> Side:
    return Side(contents.patch, contents.results, contents.apart)


def _fragments(page: PairPage, comparison: Comparison) -> Iterator[Fragment]:
    return (
        Fragment(page=page, view=view, file=number, gap=gap, body=body)
        for number, file in enumerate(comparison.files)
        for view, drawn in file.views.items()
        for gap, body in enumerate((drawn.body, *drawn.pieces))
    )


def _words(comparison: Comparison) -> dict[str, Any]:
    places, lines = search.packed(file.words for file in comparison.files)
    return {"places": places, "lines": lines, "cut": any(file.words_cut for file in comparison.files)}


def _pictures(
    page: PairPage, comparison: Comparison, base: Texts, lefts: Texts, rights: Texts
) -> Iterator[Picture]:
    """The images of known kinds, in the order of the list, while there is room."""
    left = MOST_PICTURES
    for number, file in enumerate(comparison.files):
        sides = [side for side in (file.left, file.right) if side is not None]
        before = next((base[path] for side in sides if (path := side.old_path or side.path) in base), None)
        after = [
            texts.get(side.path) if side else None
            for side, texts in ((file.left, lefts), (file.right, rights))
        ]
        for which, content in zip(("base", "a", "b"), (before, *after), strict=True):
            kind = images.kind_of(content)
            if not content or not kind or len(content) > left:
                continue
            left -= len(content)
            yield Picture(page=page, file=number, which=which, kind=kind, body=content)


def _forget_older(page: PairPage) -> None:
    """The rendering before this one stays for pages that are open; those before it go, with all they hold."""
    same = PairPage.objects.filter(left=page.left_id, right=page.right_id)
    kept = list(same.order_by("-version").values_list("pk", flat=True)[:2])
    same.exclude(pk__in=kept).delete()
