"""Threads for what blocks, so that a slow database never stops a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections

Result = TypeVar("Result")


class Threads:
    """Each keeps one connection to the database."""

    def __init__(self, number: int = 4) -> None:
        self.pool = ThreadPoolExecutor(number, thread_name_prefix="ledger")

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self.pool, _work, work, arguments)

    def close(self) -> None:
        self.pool.shutdown()


def _work(work: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
    close_old_connections()
    return work(*arguments)
