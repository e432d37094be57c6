"""Append-only events: written with the change they tell of, chained by the sealer afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connections, models, transaction

from marlin.sources import now

if TYPE_CHECKING:
    from marlin.models import Event, User

#: One sealer at a time: an advisory lock by this number (the letters "seal").
SEALER_LOCK = 0x7365616C
#: How many events one transaction of the sealer chains.
BATCH = 5_000
GENESIS = "0" * 64


def record(
    name: str,
    subject: models.Model,
    *,
    by: User | None = None,
    before: str = "",
    after: str = "",
    why: str = "",
    using: str = "default",
    **detail: Any,
) -> None:
    """Write down what happened to `subject`, in the caller's transaction."""
    story = getattr(subject, "story", None)
    event = apps.get_model("marlin", "Event")
    event.objects.using(using).create(
        at=now(),
        name=name,
        subject=str(getattr(subject, "public_id", "") or f"{subject._meta.label_lower}:{subject.pk}"),
        story=story() if callable(story) else "",
        actor_id=by.pk if by else None,
        before=before,
        after=after,
        why=why,
        detail=detail,
    )


@dataclass(frozen=True)
class Verdict:
    """What `verify` saw: how many events are chained, how many still open, and the first fault."""

    sealed: int
    open: int
    head: str
    fault: str = ""


def seal() -> int:
    """Chain the committed events that are not chained yet; returns how many.

    Every event stores its transaction's id. Only those below the oldest transaction still running are
    taken, ordered by (transaction, id): an id alone would skip a writer that commits late.
    """
    sealed = 0
    while batch := _seal_batch():
        sealed += batch
        if batch < BATCH:
            break
    return sealed


def _seal_batch() -> int:
    event_model, seal_model = apps.get_model("marlin", "Event"), apps.get_model("marlin", "EventSeal")
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (horizon,) = cursor.fetchone()
        last = seal_model.objects.order_by("-position").first()
        position, digest = (last.position, last.digest) if last else (0, GENESIS)
        events = event_model.objects.filter(seal=None, transaction__lt=horizon).order_by("transaction", "id")
        seals = []
        for event in events[:BATCH]:
            position, digest = position + 1, chained(digest, event)
            seals.append(seal_model(event=event, position=position, digest=digest))
        seal_model.objects.bulk_create(seals)
        return len(seals)


def chained(previous: str, event: Event) -> str:
    """SHA-256 over the previous link and the event's fields as canonical JSON."""
    fields = {
        "id": event.pk,
        "at": event.at.isoformat(),
        "name": event.name,
        "subject": event.subject,
        "story": event.story,
        "actor": event.actor_id,
        "before": event.before,
        "after": event.after,
        "why": event.why,
        "detail": event.detail,
        "transaction": event.transaction,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def verify() -> Verdict:
    """Walk the whole chain. An edited, deleted or reordered event breaks it at its place."""
    event_model, seal_model = apps.get_model("marlin", "Event"), apps.get_model("marlin", "EventSeal")
    digest, position = GENESIS, 0
    waiting = event_model.objects.filter(seal=None).count()
    for link in seal_model.objects.order_by("position").select_related("event").iterator(chunk_size=2_000):
        if link.position != position + 1:
            return Verdict(position, waiting, digest, f"Seal {position + 1} is missing.")
        position, digest = link.position, chained(digest, link.event)
        if digest != link.digest:
            return Verdict(
                position - 1, waiting, digest, f"Event {link.event_id} is not what was sealed at {position}."
            )
    return Verdict(position, waiting, digest)
