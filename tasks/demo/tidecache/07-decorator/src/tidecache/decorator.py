"""Remember what a function returned."""

from __future__ import annotations

import functools
from typing import Any, Callable, TypeVar

from tidecache.cache import TideCache
from tidecache.timing import seconds

R = TypeVar("R")
MISSING: Any = object()


def cached(ttl: str = "1m", size: int = 128, policy: str = "lru") -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Keep results per arguments; the cache itself is the function's `cache` attribute."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        cache: TideCache[R] = TideCache(size=size, ttl=seconds(ttl), policy=policy)

        @functools.wraps(function)
        def remembered(*args: Any, **kwargs: Any) -> R:
            key = (args, tuple(sorted(kwargs.items())))
            value = cache.get(key, MISSING)
            if value is MISSING:
                value = function(*args, **kwargs)
                cache.set(key, value)
            return value

        remembered.cache = cache  # type: ignore[attr-defined]
        return remembered

    return decorate
