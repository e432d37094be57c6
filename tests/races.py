"""Many at once: real threads, each with a connection of its own, let go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def race(*runners: Callable[[], Result]) -> list[Result | Exception]:
    """Run them together on a committed database; what each returned or raised, in their order."""
    start = threading.Barrier(len(runners))

    def run(runner: Callable[[], Result]) -> Result | Exception:
        try:
            connections["default"].ensure_connection()
            start.wait(timeout=30)
            return runner()
        except Exception as why:
            return why
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(run, runners))
