import threading
import unittest

from tidecache.cache import TideCache


class CacheTest(unittest.TestCase):
    def test_a_stored_value_is_found(self):
        cache = TideCache()
        cache.set("moon", "full")

        self.assertEqual(cache.get("moon"), "full")

    def test_a_missing_key_gives_the_default(self):
        self.assertEqual(TideCache().get("moon", "new"), "new")

    def test_a_stored_none_is_not_the_default(self):
        cache = TideCache()
        cache.set("moon", None)

        self.assertIsNone(cache.get("moon", "new"))

    def test_a_second_value_replaces_the_first(self):
        cache = TideCache()
        cache.set("moon", "new")
        cache.set("moon", "full")

        self.assertEqual(cache.get("moon"), "full")
        self.assertEqual(len(cache), 1)

    def test_delete_tells_whether_the_key_was_there(self):
        cache = TideCache()
        cache.set("moon", "full")

        self.assertTrue(cache.delete("moon"))
        self.assertFalse(cache.delete("moon"))

    def test_clear_forgets_everything(self):
        cache = TideCache()
        cache.set("moon", "full")
        cache.clear()

        self.assertEqual(list(cache), [])

    def test_the_oldest_entry_makes_room(self):
        cache = TideCache(size=2)
        for key in "abc":
            cache.set(key, key)

        self.assertEqual(list(cache), ["b", "c"])

    def test_a_size_below_one_is_refused(self):
        with self.assertRaises(ValueError):
            TideCache(size=0)

    def test_threads_never_exceed_the_size(self):
        cache = TideCache(size=10)

        def fill(start):
            for number in range(start, start + 200):
                cache.set(number, number)

        threads = [threading.Thread(target=fill, args=(start,)) for start in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual(len(cache), 10)
