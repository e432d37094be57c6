"""How many requests a provider gets at once; those beyond wait in a row."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque


class Slots:
    """Counts for each provider. The bound may change at any time; nobody who has a slot loses it."""

    def __init__(self) -> None:
        self.used: Counter[int] = Counter()
        self.limits: dict[int, int] = {}
        self.row: defaultdict[int, deque[asyncio.Future[None]]] = defaultdict(deque)

    async def take(self, provider: int, limit: int, patience: float) -> bool:
        """Whether it had to wait. Raises TimeoutError after `patience` seconds."""
        mine = asyncio.get_running_loop().create_future()
        self.limits[provider] = limit
        self.row[provider].append(mine)
        self._hand_out(provider)
        if mine.done():
            return False
        try:
            async with asyncio.timeout(patience):
                await mine
        except BaseException:
            if mine in self.row[provider]:
                self.row[provider].remove(mine)
            else:  # it came in the moment we gave up
                self.give_back(provider)
            raise
        return True

    def give_back(self, provider: int) -> None:
        self.used[provider] -= 1
        self._hand_out(provider)

    def _hand_out(self, provider: int) -> None:
        row = self.row[provider]
        while row and self.used[provider] < self.limits[provider]:
            first = row.popleft()
            if not first.done():
                first.set_result(None)
                self.used[provider] += 1
