"""Which pairs have no page yet: asked by those who render, and by those who look whether somebody does."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from grading.diffs.version import VERSION
from grading.models import PairPage, Trouble
from tasks.models import Turn
from tasks.turns import offered


def unrendered() -> QuerySet[Turn]:
    """Turns whose newest pair is complete, has no page in this version and may be tried now, oldest first.

    Reads nothing of what is rendered: it is asked every few seconds, and pairs only become more.
    """
    same = {"turn": OuterRef("pk"), "attempt": OuterRef("newest")}
    rendered = PairPage.objects.filter(version=VERSION, **same)
    resting = Trouble.objects.filter(again_at__gt=Now(), **same)
    return offered().filter(~Exists(rendered), ~Exists(resting)).order_by("pk")
