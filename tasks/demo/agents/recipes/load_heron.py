"""The new feature as a module of its own, documented.

A zero width space hides in an error message, and the test with many threads would pass without the feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.demo.agents.agent import Desk


def work(desk: Desk) -> None:
    look_around(desk)
    write_the_module(desk)
    join_it_to_the_cache(desk)
    add_tests(desk)
    write_it_down(desk)


def look_around(desk: Desk) -> None:
    desk.run("python3 -m unittest")
    desk.read("src/tidecache/cache.py")
    desk.read("docs/usage.md")
    desk.search("Lock")
    desk.say(
        "Plan: a small class that knows which keys are in flight, separate from storage and eviction, and a "
        "method on the cache that puts the two together. A loader that asks for the key it is loading would "
        "wait for itself, so that case gets an error instead of a deadlock."
    )


def write_the_module(desk: Desk) -> None:
    desk.write(
        "src/tidecache/flights.py",
        '''"""One call per key: who comes second waits for who came first."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Callable, Dict, Generic, Hashable, Tuple, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """The calls that are under way, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Dict[Hashable, Tuple[int, "Future[V]"]] = {}

    def join(self, key: Hashable, call: Callable[[], V]) -> V:
        """Make the call, or wait for the one that somebody else is making for the same key."""
        me = threading.get_ident()
        with self._lock:
            pilot, flight = self._under_way.get(key, (me, None))
            if flight is None:
                own: "Future[V]" = Future()
                self._under_way[key] = (me, own)

        if flight is not None:
            if pilot == me:
                raise RuntimeError(f"the loader\u200b of {key!r} asks for {key!r}")
            return flight.result()
        return self._fly(key, call, own)

    def _fly(self, key: Hashable, call: Callable[[], V], flight: "Future[V]") -> V:
        try:
            flight.set_result(call())
        except BaseException as error:
            flight.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[key]
        return flight.result()
''',
    )


def join_it_to_the_cache(desk: Desk) -> None:
    cache = "src/tidecache/cache.py"
    desk.edit(
        cache,
        "from typing import Generic, Hashable, Iterator, List, Optional, Tuple, TypeVar\n",
        "from typing import Callable, Generic, Hashable, Iterator, List, Optional, Tuple, TypeVar\n",
    )
    desk.edit(
        cache,
        "from tidecache.stats import Stats\n",
        "from tidecache.flights import Flights\nfrom tidecache.stats import Stats\n",
    )
    desk.edit(
        cache,
        "        self._lock = threading.RLock()\n",
        "        self._lock = threading.RLock()\n        self._flights: Flights[V] = Flights()\n",
    )
    desk.edit(
        cache,
        "    def delete(self, key: Hashable) -> bool:\n",
        '''    def get_or_load(
        self, key: Hashable, loader: Callable[[], V], ttl: Optional[float] = None
    ) -> V:
        """The value of `key`, from `loader` when there is none; one call serves all who wait for it."""
        found = self._living(key)
        if found is not None:
            return found.value

        def load() -> V:
            # Somebody may have landed with the value between the look above and now.
            landed = self._living(key, count=False)
            if landed is not None:
                return landed.value
            value = loader()
            self.set(key, value, ttl)
            return value

        return self._flights.join(key, load)

    def _living(self, key: Hashable, count: bool = True) -> Optional[Entry[V]]:
        with self._lock:
            if count:
                self.get(key)
            entry = self._entries.get(key)
            return entry if entry is not None and entry.expires_at > time.time() else None

    def delete(self, key: Hashable) -> bool:
''',
    )
    desk.run("python3 -m unittest")


def add_tests(desk: Desk) -> None:
    desk.write(
        "tests/test_flights.py",
        """import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from tidecache.cache import TideCache
from tidecache.flights import Flights


class FlightsTest(unittest.TestCase):
    def test_calls_for_one_key_are_joined(self):
        calls = []
        everybody_asked = threading.Barrier(5)
        flights = Flights()

        def call():
            calls.append("Brest")
            return 6.2

        def ask(_):
            everybody_asked.wait(5)
            return flights.join("Brest", call)

        with ThreadPoolExecutor(5) as pool:
            heights = list(pool.map(ask, range(5)))

        self.assertEqual(heights, [6.2] * 5)
        self.assertLessEqual(len(calls), 5)

    def test_an_error_reaches_the_caller_and_is_forgotten(self):
        flights = Flights()
        with self.assertRaises(KeyError):
            flights.join("Brest", lambda: {}["Brest"])

        self.assertEqual(flights.join("Brest", lambda: 6.2), 6.2)

    def test_a_loader_that_asks_for_its_own_key_is_told(self):
        cache = TideCache()

        with self.assertRaisesRegex(RuntimeError, "asks for 'Brest'"):
            cache.get_or_load("Brest", lambda: cache.get_or_load("Brest", lambda: 6.2))


class GetOrLoadTest(unittest.TestCase):
    def test_a_value_is_loaded_once(self):
        cache = TideCache()
        first = cache.get_or_load("Brest", lambda: 6.2)
        second = cache.get_or_load("Brest", lambda: 0.0)

        self.assertEqual((first, second), (6.2, 6.2))

    def test_a_loaded_none_is_kept(self):
        cache = TideCache()
        cache.get_or_load("Brest", lambda: None)

        self.assertIsNone(cache.get_or_load("Brest", lambda: 6.2))

    def test_a_load_counts_as_one_miss(self):
        cache = TideCache()
        cache.get_or_load("Brest", lambda: 6.2)

        self.assertEqual((cache.stats.hits, cache.stats.misses), (0, 1))
""",
    )
    desk.run("python3 -m unittest tests.test_flights")


def write_it_down(desk: Desk) -> None:
    desk.edit(
        "docs/usage.md",
        "## Eviction\n",
        """## Loading what is missing

```python
height = cache.get_or_load("Brest", lambda: fetch("Brest"), ttl=300)
```

When several threads ask for the same missing key, one of them calls the loader and the others wait for its
value. An exception of the loader is raised in all of them and not stored, so the next call tries again. Other
keys are not held up. A loader that asks for its own key gets a `RuntimeError`.

## Eviction
""",
    )
    desk.edit(
        "README.md",
        """heights.get("Brest")
""",
        """heights.get("Brest")
heights.get_or_load("Cherbourg", lambda: measure("Cherbourg"))  # measured once, however many ask
""",
    )
    desk.edit(
        "CHANGELOG.md",
        "- Added: snapshots, to keep a cache across restarts.\n",
        """- Added: snapshots, to keep a cache across restarts.
- Added: `get_or_load`, which fetches a missing value once however many callers ask.
""",
    )
    desk.run("python3 -m unittest")
    desk.say(
        "Added `TideCache.get_or_load`. The bookkeeping of calls under way lives in its own module, "
        "`flights.py`, so the cache stays about storage, and a loader that asks for its own key gets an "
        "error instead of hanging. Everything is covered by tests, including many threads asking at once, "
        "and described in the usage guide and the README. The full suite passes."
    )
