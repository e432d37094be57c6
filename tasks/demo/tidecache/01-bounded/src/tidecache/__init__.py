"""A small in-memory cache."""

from tidecache.cache import TideCache

__all__ = ["TideCache"]
__version__ = "0.1.0"
