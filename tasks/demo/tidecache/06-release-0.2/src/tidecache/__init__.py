"""A small in-memory cache with lifetimes and a bounded size."""

from tidecache.cache import TideCache
from tidecache.stats import Stats

__all__ = ["Stats", "TideCache"]
__version__ = "0.2.0"
