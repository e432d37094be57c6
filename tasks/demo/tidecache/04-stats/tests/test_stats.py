import unittest

from tidecache.cache import TideCache
from tidecache.stats import Stats


class StatsTest(unittest.TestCase):
    def test_hits_and_misses_are_counted(self):
        cache = TideCache()
        cache.set("a", 1)
        cache.get("a")
        cache.get("b")

        self.assertEqual((cache.stats.hits, cache.stats.misses), (1, 1))
        self.assertEqual(cache.stats.hit_ratio, 0.5)

    def test_the_ratio_is_zero_before_the_first_lookup(self):
        self.assertEqual(Stats().hit_ratio, 0.0)

    def test_evictions_are_counted(self):
        cache = TideCache(size=1)
        cache.set("a", 1)
        cache.set("b", 2)

        self.assertEqual(cache.stats.evictions, 1)

    def test_reset_starts_from_zero(self):
        stats = Stats(hits=3, misses=1)
        stats.reset()

        self.assertEqual(set(stats.as_dict().values()), {0})
