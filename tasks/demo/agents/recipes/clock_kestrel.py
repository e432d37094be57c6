"""The bug fix at its cause: a clock that only runs forward, passed in; the wall clock only in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.demo.agents.agent import Desk

# The same in both solutions, as happens when a changelog has a house style.
CHANGELOG = """## Unreleased

- Fixed: a change of the machine's clock neither keeps entries alive nor ends them early.
"""


def work(desk: Desk) -> None:
    look_around(desk)
    move_the_clock(desk)
    use_the_clock(desk)
    keep_snapshots_readable(desk)
    add_tests(desk)
    finish(desk)


def look_around(desk: Desk) -> None:
    desk.say("I will first find every place that reads the time, then decide where the fix belongs.")
    desk.search("time.time")
    desk.read("src/tidecache/cache.py")
    desk.read("src/tidecache/snapshot.py")
    desk.read("src/tidecache/timing.py")
    desk.read("tests/support.py")
    desk.run("python3 -m unittest")
    desk.say(
        "The cause is that expiry is measured with the wall clock. Within one process a clock that only "
        "runs forward removes it. Snapshots are different: another process reads them, so the file must "
        "keep wall-clock moments, and the conversion belongs to `snapshot.py`. `timing.py` is the natural "
        "home for the clock; I rename it to `clock.py`, because lifetimes and the clock they are measured "
        "with are one subject."
    )


def move_the_clock(desk: Desk) -> None:
    desk.run("mv src/tidecache/timing.py src/tidecache/clock.py")
    desk.run("mv tests/test_timing.py tests/test_clock.py")
    desk.edit(
        "src/tidecache/clock.py",
        '''"""Lifetimes as people write them."""

import re

''',
        '''"""The clock that lifetimes are measured with, and lifetimes as people write them."""

import re
import time
from typing import Callable

# Seconds since some moment that never changes while the process lives.
Clock = Callable[[], float]


def default_clock() -> Clock:
    """A clock that nobody can set. Looked up late, so that a test may replace it."""
    return time.monotonic


''',
    )
    desk.edit("src/tidecache/decorator.py", "from tidecache.timing import", "from tidecache.clock import")
    desk.edit(
        "src/tidecache/cli.py",
        """from tidecache.cache import TideCache
from tidecache.snapshot import SnapshotError, load, read, save
from tidecache.timing import written
""",
        """from tidecache.cache import TideCache
from tidecache.clock import written
from tidecache.snapshot import SnapshotError, load, read, save
""",
    )
    desk.edit("tests/test_clock.py", "from tidecache.timing import", "from tidecache.clock import")
    desk.edit("tests/test_clock.py", "class TimingTest", "class LifetimeTest")


def use_the_clock(desk: Desk) -> None:
    cache = "src/tidecache/cache.py"
    desk.edit(cache, "import threading\nimport time\n", "import threading\n")
    desk.edit(
        cache,
        "from tidecache.stats import Stats\n",
        "from tidecache.clock import Clock, default_clock\nfrom tidecache.stats import Stats\n",
    )
    desk.edit(
        cache,
        """    def __init__(self, size: int = 128, ttl: float = 60.0, policy: str = "lru") -> None:
""",
        """    def __init__(
        self,
        size: int = 128,
        ttl: float = 60.0,
        policy: str = "lru",
        clock: Optional[Clock] = None,
    ) -> None:
""",
    )
    desk.edit(
        cache,
        "        self._policy = policy\n",
        "        self._policy = policy\n        self._now = clock or default_clock()\n",
    )
    desk.edit(cache, "if entry.expires_at <= time.time():", "if entry.expires_at <= self._now():")
    desk.edit(cache, "expires_at = time.time() + lifetime", "expires_at = self._now() + lifetime")
    desk.edit(cache, "            now = time.time()\n", "            now = self._now()\n")
    desk.edit(cache, "entry.expires_at - time.time())", "entry.expires_at - self._now())")


def keep_snapshots_readable(desk: Desk) -> None:
    desk.edit(
        "src/tidecache/cache.py",
        '''        """Every living entry as (key, value, expires_at), first to be evicted first."""
        with self._lock:
            self.purge()
            return [(key, entry.value, entry.expires_at) for key, entry in self._entries.items()]
''',
        '''        """Every living entry as (key, value, seconds left), first to be evicted first."""
        with self._lock:
            self.purge()
            now = self._now()
            return [(key, entry.value, entry.expires_at - now) for key, entry in self._entries.items()]
''',
    )
    desk.edit(
        "src/tidecache/snapshot.py",
        """    entries = [{"key": key, "value": value, "expires_at": at} for key, value, at in cache.dump()]
""",
        """    # The cache has a clock of its own process; only the wall clock means something to the next.
    now = time.time()
    entries = [{"key": key, "value": value, "expires_at": now + left} for key, value, left in cache.dump()]
""",
    )


def add_tests(desk: Desk) -> None:
    desk.edit(
        "tests/support.py",
        '''    """Stands in for time.time while the `with` lasts."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._patch = mock.patch("time.time", self.read)

    def read(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def __enter__(self) -> "FakeTime":
        self._patch.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._patch.stop()
''',
        '''    """Stands in for both clocks of the machine, which never agree, while the `with` lasts."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self.wall = 1_700_000_000.0
        self._patches = [
            mock.patch("time.monotonic", lambda: self.now),
            mock.patch("time.time", lambda: self.wall),
        ]

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def set_wall_clock(self, by: float) -> None:
        """Somebody turns the hands; no time passes."""
        self.wall += by

    def __enter__(self) -> "FakeTime":
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for patch in self._patches:
            patch.stop()
''',
    )
    desk.edit(
        "tests/test_expiry.py",
        "    def test_a_lifetime_must_be_positive(self):\n",
        """    def test_a_clock_set_back_keeps_nothing_alive(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.set_wall_clock(by=-3600)
            time.advance(10)

            self.assertIsNone(cache.get("tide"))

    def test_a_clock_set_forward_ends_nothing_early(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.set_wall_clock(by=3600)

            self.assertEqual(cache.get("tide"), "high")

    def test_a_cache_can_be_given_its_clock(self):
        moments = iter([0.0, 9.0, 10.0])
        cache = TideCache(ttl=10, clock=lambda: next(moments))
        cache.set("tide", "high")

        self.assertEqual(cache.get("tide"), "high")
        self.assertIsNone(cache.get("tide"))

    def test_a_lifetime_must_be_positive(self):
""",
    )
    desk.edit(
        "tests/test_snapshot.py",
        "    def test_nothing_but_the_snapshot_is_left(self):\n",
        """    def test_the_file_says_when_by_the_wall_clock(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(4)
            snapshot.save(cache, self.path)

            self.assertEqual(snapshot.read(self.path)[0]["expires_at"], time.wall + 6)

    def test_nothing_but_the_snapshot_is_left(self):
""",
    )
    desk.run("python3 -m unittest")


def finish(desk: Desk) -> None:
    desk.edit("CHANGELOG.md", "## Unreleased\n", CHANGELOG)
    desk.search("tidecache.timing")
    desk.say(
        "Expiry now runs on a clock that nobody can set, so turning the machine's clock neither keeps "
        "entries alive nor ends them early. The clock is an optional parameter, and `dump()` gives the "
        "seconds left instead of a moment, which changes its third value for anyone who calls it directly. "
        "Snapshot files keep wall-clock moments, so files written by 0.3.0 still load; a clock that is "
        "wrong while a snapshot is saved or loaded still shifts those lifetimes, and I see no way around "
        "that. I renamed `timing.py` to `clock.py` and found no other importer; the whole suite passes, "
        "with four new tests."
    )
