"""What a cache has been doing."""

from dataclasses import asdict, dataclass
from typing import Dict


@dataclass
class Stats:
    """Counters of one cache, from its making to now."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0

    @property
    def lookups(self) -> int:
        return self.hits + self.misses

    @property
    def hit_ratio(self) -> float:
        """Share of lookups that found something, 0.0 before the first."""
        return self.hits / self.lookups if self.lookups else 0.0

    def as_dict(self) -> Dict[str, int]:
        return asdict(self)

    def reset(self) -> None:
        self.hits = self.misses = self.evictions = self.expirations = 0
