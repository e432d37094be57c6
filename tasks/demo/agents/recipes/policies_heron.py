"""The refactoring with three small functions a policy in one table; no class, no documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.demo.agents.agent import Desk


def work(desk: Desk) -> None:
    look_around(desk)
    write_the_table(desk)
    use_the_table(desk)
    add_tests(desk)
    finish(desk)


def look_around(desk: Desk) -> None:
    desk.read("src/tidecache/cache.py")
    desk.search("_policy")
    desk.search('"fifo"')
    desk.read("tests/test_policy.py")
    desk.run("python3 -m unittest tests.test_policy tests.test_cli")
    desk.say(
        "Three places in the cache and one in the command know the policies by name. A table of functions "
        "is enough; no policy has a state of its own, the count of uses is in the entry."
    )


def write_the_table(desk: Desk) -> None:
    desk.write(
        "src/tidecache/policies.py",
        '''"""The eviction policies: a row of functions each."""

from collections import OrderedDict
from typing import Any, Callable, Dict, Hashable, NamedTuple


class Policy(NamedTuple):
    on_read: Callable[[OrderedDict, Hashable], None]
    on_replace: Callable[[OrderedDict, Hashable, Any], None]
    victim: Callable[[OrderedDict], Hashable]


def nothing(*_: Any) -> None:
    pass


def oldest(entries: OrderedDict) -> Hashable:
    return next(iter(entries))


def least_used(entries: OrderedDict) -> Hashable:
    return min(entries, key=lambda key: entries[key].uses)


def to_the_end(entries: OrderedDict, key: Hashable, *_: Any) -> None:
    entries.move_to_end(key)


def count_use(entries: OrderedDict, key: Hashable) -> None:
    entries[key].uses += 1


def keep_uses(entries: OrderedDict, key: Hashable, before: Any) -> None:
    entries[key].uses = before.uses


POLICIES: Dict[str, Policy] = {
    "lru": Policy(on_read=to_the_end, on_replace=to_the_end, victim=oldest),
    "fifo": Policy(on_read=nothing, on_replace=nothing, victim=oldest),
    "lfu": Policy(on_read=count_use, on_replace=keep_uses, victim=least_used),
}
''',
    )


def use_the_table(desk: Desk) -> None:
    cache = "src/tidecache/cache.py"
    desk.edit(
        cache,
        'from tidecache.stats import Stats\n\nV = TypeVar("V")\n\nPOLICIES = ("lru", "fifo", "lfu")\n',
        'from tidecache.policies import POLICIES\nfrom tidecache.stats import Stats\n\nV = TypeVar("V")\n',
    )
    desk.edit(cache, "        self._policy = policy\n", "        self._policy = POLICIES[policy]\n")
    desk.edit(
        cache,
        """            if self._policy == "lru":
                self._entries.move_to_end(key)
            elif self._policy == "lfu":
                entry.uses += 1
            return entry.value
""",
        """            self._policy.on_read(self._entries, key)
            return entry.value
""",
    )
    desk.edit(
        cache,
        """                if self._policy == "lru":
                    self._entries.move_to_end(key)
                elif self._policy == "lfu":
                    self._entries[key].uses = known.uses
""",
        """                self._policy.on_replace(self._entries, key, known)
""",
    )
    desk.edit(
        cache,
        """        if self._policy == "lfu":
            victim = min(self._entries, key=lambda key: self._entries[key].uses)
        else:
            victim = next(iter(self._entries))
        del self._entries[victim]
""",
        """        del self._entries[self._policy.victim(self._entries)]
""",
    )
    desk.run("python3 -m unittest tests.test_policy tests.test_cache")
    desk.edit(
        "src/tidecache/cli.py",
        "from tidecache.cache import TideCache\n",
        "from tidecache.cache import TideCache\nfrom tidecache.policies import POLICIES\n",
    )
    desk.edit(
        "src/tidecache/cli.py",
        '    if options.policy not in ("lru", "fifo", "lfu"):\n',
        "    if options.policy not in POLICIES:\n",
    )


def add_tests(desk: Desk) -> None:
    desk.edit(
        "tests/test_policy.py",
        "    def test_an_unknown_policy_is_refused(self):\n",
        """    def test_the_table_names_three_policies(self):
        self.assertEqual(sorted(POLICIES), ["fifo", "lfu", "lru"])

    def test_an_unknown_policy_is_refused(self):
""",
    )
    desk.edit(
        "tests/test_policy.py",
        "from tidecache.cache import TideCache\n",
        "from tidecache.cache import TideCache\nfrom tidecache.policies import POLICIES\n",
    )
    desk.run("python3 -m unittest")


def finish(desk: Desk) -> None:
    desk.edit(
        "CHANGELOG.md",
        "- Added: the `tidecache` command, to look into snapshots.\n",
        """- Added: the `tidecache` command, to look into snapshots.
- Changed: eviction policies moved to `tidecache.policies`; nothing behaves differently.
""",
    )
    desk.say(
        "Eviction policies are rows of a table in `policies.py`, three functions each, and the comparisons "
        "by name are gone from the cache and from the check in the command. `tidecache.cache.POLICIES` "
        "still exists, now as the table, so code that tests for a name keeps working. The help text of "
        "`prune --policy` still lists the three names by hand. The whole suite passes."
    )
