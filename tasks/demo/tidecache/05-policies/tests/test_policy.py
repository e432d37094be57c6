import unittest

from tests.support import FakeTime
from tidecache.cache import TideCache


class PolicyTest(unittest.TestCase):
    def test_lru_keeps_what_was_read_last(self):
        cache = TideCache(size=2, policy="lru")
        cache.set("a", 1)
        cache.set("b", 2)
        cache.get("a")
        cache.set("c", 3)

        self.assertEqual(sorted(cache), ["a", "c"])

    def test_fifo_does_not_care_for_reads(self):
        cache = TideCache(size=2, policy="fifo")
        cache.set("a", 1)
        cache.set("b", 2)
        cache.get("a")
        cache.set("c", 3)

        self.assertEqual(sorted(cache), ["b", "c"])

    def test_fifo_does_not_care_for_a_second_value(self):
        cache = TideCache(size=2, policy="fifo")
        cache.set("a", 1)
        cache.set("b", 2)
        cache.set("a", 3)
        cache.set("c", 4)

        self.assertEqual(sorted(cache), ["b", "c"])

    def test_lfu_drops_what_was_read_least(self):
        cache = TideCache(size=2, policy="lfu")
        cache.set("a", 1)
        cache.set("b", 2)
        cache.get("a")
        cache.set("c", 3)

        self.assertEqual(sorted(cache), ["a", "c"])

    def test_lfu_remembers_the_reads_of_a_replaced_value(self):
        cache = TideCache(size=2, policy="lfu")
        cache.set("a", 1)
        cache.get("a")
        cache.set("b", 2)
        cache.set("a", 3)
        cache.set("c", 4)

        self.assertEqual(sorted(cache), ["a", "c"])

    def test_what_expired_goes_before_what_is_old(self):
        with FakeTime() as time:
            cache = TideCache(size=2, ttl=100)
            cache.set("old", 1)
            cache.set("short", 2, ttl=1)
            time.advance(5)
            cache.set("new", 3)

            self.assertEqual(list(cache), ["old", "new"])

    def test_an_unknown_policy_is_refused(self):
        with self.assertRaisesRegex(ValueError, "unknown policy: mru"):
            TideCache(policy="mru")
