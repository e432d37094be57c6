"""Keeps a lease alive while work goes on, and says when it was lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)


class Heartbeat:
    """Renews every few seconds in a thread. `is_lost` is for whoever can stop the work.

    `look`, where there is one, is asked between two beats whether the work is still ours.
    """

    def __init__(self, renew: Callable[[], bool], look: Callable[[], bool] | None = None) -> None:
        self.renew = renew
        self.look = look
        self.lost = threading.Event()
        self.done = threading.Event()

    def is_lost(self) -> bool:
        return self.lost.is_set()

    def run(self) -> None:
        try:
            due = time.monotonic() + settings.HEARTBEAT
            step = min(settings.HEARTBEAT, settings.LOOK) if self.look else settings.HEARTBEAT
            while not self.done.wait(step):
                if self.look:
                    self._ask(self.look)
                if self.look is None or time.monotonic() >= due:
                    self._ask(self.renew)
                    due = time.monotonic() + settings.HEARTBEAT
        finally:
            connection.close()

    def _ask(self, question: Callable[[], bool]) -> None:
        try:
            if not question():
                self.lost.set()
        except DatabaseError as why:
            # The database may be back before the lease ends; if not, the sweep takes the row.
            logger.warning("A heartbeat was missed: %s", why)
            connection.close()


@contextmanager
def heartbeat(renew: Callable[[], bool], look: Callable[[], bool] | None = None) -> Iterator[Heartbeat]:
    """`renew` prolongs the lease and answers whether it is still ours."""
    heart = Heartbeat(renew, look)
    thread = threading.Thread(target=heart.run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield heart
    finally:
        heart.done.set()
        thread.join()
