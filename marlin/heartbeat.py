"""Keeps a lease alive while work goes on, and says when it was lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)


class Heartbeat:
    """Renews every few seconds in a thread. `is_lost` is for whoever can stop the work."""

    def __init__(self, renew: Callable[[], bool]) -> None:
        self.renew = renew
        self.lost = threading.Event()
        self.done = threading.Event()

    def is_lost(self) -> bool:
        return self.lost.is_set()

    def run(self) -> None:
        try:
            while not self.done.wait(settings.HEARTBEAT):
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        try:
            if not self.renew():
                self.lost.set()
        except DatabaseError as why:
            # The database may be back before the lease ends; if not, the sweep takes the row.
            logger.warning("A heartbeat was missed: %s", why)
            connection.close()


@contextmanager
def heartbeat(renew: Callable[[], bool]) -> Iterator[Heartbeat]:
    """`renew` prolongs the lease and answers whether it is still ours."""
    heart = Heartbeat(renew)
    thread = threading.Thread(target=heart.run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield heart
    finally:
        heart.done.set()
        thread.join()
