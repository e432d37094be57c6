"""The new feature inside the cache and its decorator; a scratch file stays, the documentation is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.demo.agents.agent import Desk


def work(desk: Desk) -> None:
    look_around(desk)
    add_the_method(desk)
    use_it_in_the_decorator(desk)
    add_tests(desk)
    try_it_out(desk)
    finish(desk)


def look_around(desk: Desk) -> None:
    desk.run("ls src/tidecache tests")
    desk.read("src/tidecache/cache.py")
    desk.read("src/tidecache/decorator.py")
    desk.read("tests/test_cache.py")
    desk.search("cache.get(")
    desk.say(
        "The lock of the cache must not be held while a loader runs, or one slow key would stop all the "
        "others. So I keep one record per key that is being loaded: the first caller works, the others wait "
        "for its event. `@cached` has the same gap between get and set and should use the new method."
    )


def add_the_method(desk: Desk) -> None:
    cache = "src/tidecache/cache.py"
    desk.edit(
        cache,
        "from typing import Generic, Hashable, Iterator, List, Optional, Tuple, TypeVar\n",
        "from typing import Any, Callable, Dict, Generic, Hashable, Iterator, List, Optional, Tuple, "
        "TypeVar\n",
    )
    desk.edit(
        cache,
        'POLICIES = ("lru", "fifo", "lfu")\n',
        'POLICIES = ("lru", "fifo", "lfu")\nMISSING: Any = object()\n',
    )
    desk.edit(
        cache,
        "class TideCache(Generic[V]):\n",
        '''class Loading(Generic[V]):
    """A value on its way: one thread fetches it, any number wait."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V = MISSING
        self.error: Optional[BaseException] = None


class TideCache(Generic[V]):
''',
    )
    desk.edit(
        cache,
        "        self._lock = threading.RLock()\n",
        "        self._loading: Dict[Hashable, Loading[V]] = {}\n        self._lock = threading.RLock()\n",
    )
    desk.edit(
        cache,
        "    def delete(self, key: Hashable) -> bool:\n",
        '''    def get_or_load(
        self, key: Hashable, loader: Callable[[], V], ttl: Optional[float] = None
    ) -> V:
        """The value of `key`, fetched by `loader` when there is none.

        Callers who ask while it is being fetched wait and share the outcome, be it a value or an exception.
        An exception is not stored: the next caller tries again.
        """
        with self._lock:
            value = self.get(key, MISSING)
            if value is not MISSING:
                return value
            loading = self._loading.get(key)
            mine = loading is None
            if loading is None:
                loading = self._loading[key] = Loading()

        if mine:
            self._fetch(key, loader, ttl, loading)
        else:
            loading.done.wait()
        if loading.error is not None:
            raise loading.error
        return loading.value

    def delete(self, key: Hashable) -> bool:
''',
    )
    desk.edit(
        cache,
        "    def _make_room(self) -> None:\n",
        '''    def _fetch(
        self, key: Hashable, loader: Callable[[], V], ttl: Optional[float], loading: Loading[V]
    ) -> None:
        """Run the loader outside the lock and let the waiting know, whatever happens."""
        try:
            loading.value = loader()
            self.set(key, loading.value, ttl)
        except BaseException as error:
            loading.error = error
        finally:
            with self._lock:
                del self._loading[key]
            loading.done.set()

    def _make_room(self) -> None:
''',
    )


def use_it_in_the_decorator(desk: Desk) -> None:
    decorator = "src/tidecache/decorator.py"
    desk.edit(
        decorator,
        """            value = cache.get(key, MISSING)
            if value is MISSING:
                value = function(*args, **kwargs)
                cache.set(key, value)
            return value
""",
        """            return cache.get_or_load(key, lambda: function(*args, **kwargs))
""",
    )
    desk.edit(decorator, 'R = TypeVar("R")\nMISSING: Any = object()\n', 'R = TypeVar("R")\n')
    desk.run("python3 -m unittest")


def add_tests(desk: Desk) -> None:
    desk.write(
        "tests/test_loading.py",
        """import threading
import unittest

from tests.support import FakeTime
from tidecache.cache import TideCache
from tidecache.decorator import cached


class GetOrLoadTest(unittest.TestCase):
    def test_a_missing_value_is_loaded_and_kept(self):
        cache = TideCache()

        self.assertEqual(cache.get_or_load("moon", lambda: "full"), "full")
        self.assertEqual(cache.get("moon"), "full")

    def test_a_value_that_is_there_is_not_loaded(self):
        cache = TideCache()
        cache.set("moon", None)

        self.assertIsNone(cache.get_or_load("moon", self.fail))

    def test_a_loaded_value_can_have_its_own_lifetime(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.get_or_load("moon", lambda: "full", ttl=100)
            time.advance(50)

            self.assertIn("moon", cache)

    def test_a_failed_load_is_not_kept(self):
        cache = TideCache()
        with self.assertRaises(ZeroDivisionError):
            cache.get_or_load("moon", lambda: 1 / 0)

        self.assertEqual(cache.get_or_load("moon", lambda: "full"), "full")

    def test_callers_at_the_same_time_share_one_load(self):
        calls = []
        heights = self.ask_together(lambda: calls.append(1) or 6.2)

        self.assertEqual(heights, [6.2] * 8)
        self.assertEqual(len(calls), 1)

    def test_the_decorator_loads_once(self):
        calls = []
        height = cached()(lambda: calls.append(1) or 6.2)
        together([height] * 8)

        self.assertEqual(len(calls), 1)

    def ask_together(self, loader):
        cache = TideCache()
        started = threading.Event()
        answers = []

        def slow():
            started.wait(5)
            return loader()

        def ask():
            answers.append(cache.get_or_load("moon", slow))

        together([ask] * 8, ready=started)
        return answers


def together(functions, ready=None):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    if ready is not None:
        ready.set()
    for thread in threads:
        thread.join()
""",
    )
    desk.run("python3 -m unittest tests.test_loading")


def try_it_out(desk: Desk) -> None:
    desk.say("The tests are small; I also want to see many threads and many keys at once.")
    desk.write(
        "scratch_check.py",
        """import sys
import threading
from collections import Counter

sys.path.insert(0, "src")

from tidecache import TideCache

calls = Counter()
cache = TideCache(size=1000)


def load(key):
    calls[key] += 1
    return key


def ask():
    for key in range(500):
        assert cache.get_or_load(key, lambda: load(key)) == key


threads = [threading.Thread(target=ask) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("keys", len(calls), "loads", sum(calls.values()))
""",
    )
    desk.run("python3 scratch_check.py")
    desk.run("python3 -m unittest")


def finish(desk: Desk) -> None:
    desk.edit(
        "CHANGELOG.md",
        "- Added: snapshots, to keep a cache across restarts.\n",
        """- Added: snapshots, to keep a cache across restarts.
- Added: `get_or_load`, which fetches a missing value once however many callers ask.
- Changed: `@cached` calls the function once when several threads ask at the same time.
""",
    )
    desk.say(
        "`TideCache.get_or_load(key, loader, ttl=None)` fetches a missing value once; callers who arrive "
        "meanwhile wait and get the same value, or the same exception. Loaders run outside the cache's "
        "lock, so other keys are not held up, and `@cached` now goes through the same path. The suite "
        "passes with six new tests, and a run of 20 threads over 500 keys loaded each key once. Two things "
        "I did not do: a loader that asks for its own key waits for ever, and the usage guide does not "
        "mention the method yet."
    )
