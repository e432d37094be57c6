import unittest

from tests.support import FakeTime
from tidecache.cache import TideCache


class ExpiryTest(unittest.TestCase):
    def test_a_value_expires(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(10)

            self.assertIsNone(cache.get("tide"))

    def test_a_value_lives_until_then(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(9.9)

            self.assertEqual(cache.get("tide"), "high")

    def test_a_key_can_have_its_own_lifetime(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high", ttl=100)
            time.advance(50)

            self.assertIn("tide", cache)

    def test_storing_again_starts_anew(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(8)
            cache.set("tide", "low")
            time.advance(8)

            self.assertEqual(cache.get("tide"), "low")

    def test_seconds_left_counts_down_to_zero(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(4)
            self.assertEqual(cache.seconds_left("tide"), 6)
            time.advance(40)
            self.assertEqual(cache.seconds_left("tide"), 0)

    def test_purge_drops_only_what_expired(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("short", 1)
            cache.set("long", 2, ttl=100)
            time.advance(20)

            self.assertEqual(cache.purge(), 1)
            self.assertEqual(list(cache), ["long"])

    def test_a_lifetime_must_be_positive(self):
        with self.assertRaises(ValueError):
            TideCache(ttl=0)
        with self.assertRaises(ValueError):
            TideCache().set("tide", "high", ttl=-1)
