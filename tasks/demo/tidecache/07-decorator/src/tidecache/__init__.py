"""A small in-memory cache with lifetimes and a bounded size."""

from tidecache.cache import TideCache
from tidecache.decorator import cached
from tidecache.stats import Stats

__all__ = ["Stats", "TideCache", "cached"]
__version__ = "0.2.0"
