"""A cache bounded in number: what was used longest ago makes room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, Hashable, Iterator, Optional, TypeVar

V = TypeVar("V")


class TideCache(Generic[V]):
    """At most `size` entries. Safe to share between threads."""

    def __init__(self, size: int = 128) -> None:
        if size < 1:
            raise ValueError("size below 1")
        self._size = size
        self._entries: "OrderedDict[Hashable, V]" = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, default: Optional[V] = None) -> Optional[V]:
        """The value of `key`, or `default` when there is none."""
        with self._lock:
            if key not in self._entries:
                return default
            self._entries.move_to_end(key)
            return self._entries[key]

    def set(self, key: Hashable, value: V) -> None:
        """Store `value`, in place of what was used longest ago if need be."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def delete(self, key: Hashable) -> bool:
        """Forget `key`; tells whether it was there."""
        with self._lock:
            if key not in self._entries:
                return False
            del self._entries[key]
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Hashable]:
        with self._lock:
            return iter(list(self._entries))
