"""Ringing for a job, and the jobs of the ground: sealing events."""

from __future__ import annotations

import logging
import queue
import threading
from functools import partial

from celery import shared_task
from django.conf import settings
from django.db import transaction

from marlin import events

logger = logging.getLogger(__name__)

#: Bells waiting to be rung by a web process. When the broker is away the oldest news is as good as any:
#: what does not fit is dropped, and the sweep rings for it.
_bells: queue.Queue[tuple[str, tuple[object, ...]]] = queue.Queue(maxsize=1_000)
_ringer_started = threading.Lock()


def ring(job: str, *args: object, using: str = "default") -> None:
    """Ring for a job by name, after the commit. Never raises, never keeps a page waiting.

    The row is the truth and the bell only saves time: when it is lost, the next sweep rings again.
    """
    transaction.on_commit(partial(_hand_over, job, args), using=using)


def _hand_over(job: str, args: tuple[object, ...]) -> None:
    if settings.PROCESS != "web":
        _send(job, args)
        return
    try:
        _bells.put_nowait((job, args))
    except queue.Full:
        logger.warning("Too many bells are waiting; %s%s is left to the sweep.", job, args)
        return
    if _ringer_started.acquire(blocking=False):
        threading.Thread(target=_ring_in_background, name="ringer", daemon=True).start()


def _ring_in_background() -> None:
    while True:
        _send(*_bells.get())


def _send(job: str, args: tuple[object, ...]) -> None:
    from marlin.celery import app

    try:
        with app.connection_for_write(connect_timeout=settings.RING_TIMEOUT) as connection:
            app.send_task(job, args=args, connection=connection, retry=False)
    except Exception as why:  # the broker's trouble is never the caller's
        logger.warning("Could not ring %s%s: %s. The sweep will.", job, args, why)


@shared_task
def seal_events() -> int:
    """Chains what has been committed. Safe to ring twice: one sealer works at a time."""
    return events.seal()
