"""A cache whose entries go out with the tide: bounded in number, limited in age."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Hashable, Iterator, List, Optional, Tuple, TypeVar

from tidecache.stats import Stats

V = TypeVar("V")

POLICIES = ("lru", "fifo", "lfu")


@dataclass
class Entry(Generic[V]):
    """A value and the moment it stops being true."""

    value: V
    expires_at: float
    uses: int = 0


class TideCache(Generic[V]):
    """At most `size` entries, each for at most `ttl` seconds. Safe to share between threads."""

    def __init__(self, size: int = 128, ttl: float = 60.0, policy: str = "lru") -> None:
        if size < 1:
            raise ValueError("size below 1")
        if ttl <= 0:
            raise ValueError("ttl must be positive")
        if policy not in POLICIES:
            raise ValueError("unknown policy: " + policy)
        self._size = size
        self._ttl = ttl
        self._policy = policy
        self._entries: "OrderedDict[Hashable, Entry[V]]" = OrderedDict()
        self._lock = threading.RLock()
        self.stats = Stats()

    def get(self, key: Hashable, default: Optional[V] = None) -> Optional[V]:
        """The value of `key`, or `default` when there is none or its time is over."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self.stats.misses += 1
                return default
            if entry.expires_at <= time.time():
                del self._entries[key]
                self.stats.expirations += 1
                self.stats.misses += 1
                return default
            self.stats.hits += 1
            if self._policy == "lru":
                self._entries.move_to_end(key)
            elif self._policy == "lfu":
                entry.uses += 1
            return entry.value

    def set(self, key: Hashable, value: V, ttl: Optional[float] = None) -> None:
        """Store `value` for `ttl` seconds, or for as long as the cache usually does."""
        lifetime = self._ttl if ttl is None else ttl
        if lifetime <= 0:
            raise ValueError("ttl must be positive")
        with self._lock:
            known = self._entries.get(key)
            if known is None and len(self._entries) >= self._size:
                self._make_room()
            expires_at = time.time() + lifetime
            self._entries[key] = Entry(value, expires_at)
            if known is not None:
                if self._policy == "lru":
                    self._entries.move_to_end(key)
                elif self._policy == "lfu":
                    self._entries[key].uses = known.uses

    def delete(self, key: Hashable) -> bool:
        """Forget `key`; tells whether it was there."""
        with self._lock:
            return self._entries.pop(key, None) is not None

    def clear(self) -> None:
        """Forget everything but the statistics."""
        with self._lock:
            self._entries.clear()

    def purge(self) -> int:
        """Drop the entries whose time is over; tells how many."""
        with self._lock:
            now = time.time()
            gone = [key for key, entry in self._entries.items() if entry.expires_at <= now]
            for key in gone:
                del self._entries[key]
            self.stats.expirations += len(gone)
            return len(gone)

    def seconds_left(self, key: Hashable) -> float:
        """How long `key` still lives; 0 when it is not there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return 0.0
            return max(0.0, entry.expires_at - time.time())

    def dump(self) -> List[Tuple[Hashable, V, float]]:
        """Every living entry as (key, value, expires_at), first to be evicted first."""
        with self._lock:
            self.purge()
            return [(key, entry.value, entry.expires_at) for key, entry in self._entries.items()]

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return self.seconds_left(key) > 0

    def __iter__(self) -> Iterator[Hashable]:
        with self._lock:
            return iter(list(self._entries))

    def _make_room(self) -> None:
        """Drop what has expired, and if nothing has, the entry the policy can do without."""
        if self.purge():
            return
        if self._policy == "lfu":
            victim = min(self._entries, key=lambda key: self._entries[key].uses)
        else:
            victim = next(iter(self._entries))
        del self._entries[victim]
        self.stats.evictions += 1
