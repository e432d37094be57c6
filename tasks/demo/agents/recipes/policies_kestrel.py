"""The refactoring with a class per policy, a registry, and a page on how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.demo.agents.agent import Desk


def work(desk: Desk) -> None:
    look_around(desk)
    write_the_policies(desk)
    take_them_out_of_the_cache(desk)
    check_in_one_place(desk)
    add_tests(desk)
    write_it_down(desk)


def look_around(desk: Desk) -> None:
    desk.run("python3 -m unittest")
    desk.search("lfu")
    desk.read("src/tidecache/cache.py")
    desk.read("src/tidecache/cli.py")
    desk.read("tests/test_policy.py")
    desk.say(
        "A policy is asked at three moments: a value was read, a value was replaced, somebody must go. I "
        "give it a class with these three methods, whose defaults are fifo. The names are known in two "
        "places, the cache and the command; both should ask the same registry. The messages stay as they "
        "are, the tests pin them."
    )


def write_the_policies(desk: Desk) -> None:
    desk.write(
        "src/tidecache/policy.py",
        '''"""Which entry a full cache can do without."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, Hashable, Tuple, Type

if TYPE_CHECKING:
    from tidecache.cache import Entry

Entries = "OrderedDict[Hashable, Entry[Any]]"


class Policy:
    """Asked by the cache, under its lock, at the moments that matter for eviction.

    The defaults are first in, first out: an entry keeps the place it was given when it was first stored.
    """

    name = ""

    def was_read(self, entries: Entries, key: Hashable) -> None:
        """`key` was found and its value is about to be returned."""

    def was_replaced(self, entries: Entries, key: Hashable, before: Entry[Any]) -> None:
        """`key` was stored again; `before` is what it held."""

    def victim(self, entries: Entries) -> Hashable:
        """The key to drop. There is at least one entry, and none has expired."""
        return next(iter(entries))


class FirstInFirstOut(Policy):
    name = "fifo"


class LeastRecentlyUsed(Policy):
    name = "lru"

    def was_read(self, entries: Entries, key: Hashable) -> None:
        entries.move_to_end(key)

    def was_replaced(self, entries: Entries, key: Hashable, before: Entry[Any]) -> None:
        entries.move_to_end(key)


class LeastFrequentlyUsed(Policy):
    name = "lfu"

    def was_read(self, entries: Entries, key: Hashable) -> None:
        entries[key].uses += 1

    def was_replaced(self, entries: Entries, key: Hashable, before: Entry[Any]) -> None:
        entries[key].uses = before.uses

    def victim(self, entries: Entries) -> Hashable:
        return min(entries, key=lambda key: entries[key].uses)


_POLICIES: Dict[str, Type[Policy]] = {
    policy.name: policy for policy in (LeastRecentlyUsed, FirstInFirstOut, LeastFrequentlyUsed)
}


def names() -> Tuple[str, ...]:
    return tuple(_POLICIES)


def named(name: str) -> Policy:
    """The policy of that name; ValueError when there is none."""
    if name not in _POLICIES:
        raise ValueError("unknown policy: " + name)
    return _POLICIES[name]()
''',
    )


def take_them_out_of_the_cache(desk: Desk) -> None:
    cache = "src/tidecache/cache.py"
    desk.edit(
        cache,
        'from tidecache.stats import Stats\n\nV = TypeVar("V")\n\nPOLICIES = ("lru", "fifo", "lfu")\n',
        'from tidecache import policy as policies\nfrom tidecache.stats import Stats\n\nV = TypeVar("V")\n',
    )
    desk.edit(
        cache,
        """        if policy not in POLICIES:
            raise ValueError("unknown policy: " + policy)
""",
        "",
    )
    desk.edit(cache, "        self._policy = policy\n", "        self._policy = policies.named(policy)\n")
    desk.edit(
        cache,
        """            if self._policy == "lru":
                self._entries.move_to_end(key)
            elif self._policy == "lfu":
                entry.uses += 1
            return entry.value
""",
        """            self._policy.was_read(self._entries, key)
            return entry.value
""",
    )
    desk.edit(
        cache,
        """            if known is not None:
                if self._policy == "lru":
                    self._entries.move_to_end(key)
                elif self._policy == "lfu":
                    self._entries[key].uses = known.uses
""",
        """            if known is not None:
                self._policy.was_replaced(self._entries, key, before=known)
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
    desk.run("python3 -m unittest")


def check_in_one_place(desk: Desk) -> None:
    desk.say(
        "The cache is done, and the old tests pass as they are. The command still keeps its own list of "
        "names."
    )
    cli = "src/tidecache/cli.py"
    desk.edit(
        cli,
        'prune.add_argument("--policy", default="lru", help="lru, fifo or lfu")',
        'prune.add_argument("--policy", default="lru", help="one of " + ", ".join(policy.names()))',
    )
    desk.edit(
        cli,
        '    if options.policy not in ("lru", "fifo", "lfu"):\n',
        "    if options.policy not in policy.names():\n",
    )
    desk.edit(
        cli,
        "from tidecache.cache import TideCache\n",
        "from tidecache import policy\nfrom tidecache.cache import TideCache\n",
    )
    desk.run("python3 -m unittest")


def add_tests(desk: Desk) -> None:
    desk.edit(
        "tests/test_policy.py",
        "    def test_an_unknown_policy_is_refused(self):\n",
        """    def test_every_policy_can_drop_its_only_entry(self):
        for name in names():
            with self.subTest(name):
                cache = TideCache(size=1, policy=name)
                cache.set("a", 1)
                cache.get("a")
                cache.set("b", 2)

                self.assertEqual(list(cache), ["b"])

    def test_an_unknown_policy_is_refused(self):
""",
    )
    desk.edit(
        "tests/test_policy.py",
        "from tidecache.cache import TideCache\n",
        "from tidecache.cache import TideCache\nfrom tidecache.policy import names\n",
    )
    desk.run("python3 -m unittest")


def write_it_down(desk: Desk) -> None:
    desk.edit(
        "docs/usage.md",
        "## Remembering a function\n",
        """\
To add a policy, derive from `tidecache.policy.Policy`, override the moments it cares for, and enter it in
the registry at the end of that module. The cache and the command know it from then on.

## Remembering a function
""",
    )
    desk.say(
        "The three policies are classes in `policy.py`; the cache tells them what was read and replaced and "
        "asks for a victim, and no longer compares names. The command asks the same registry, so a fourth "
        "policy is one class and one entry. Behaviour and messages are unchanged and all existing tests "
        "pass untouched, plus one new test over every policy. `POLICIES` is gone from `tidecache.cache`: "
        "nothing here imported it, but somebody outside might."
    )
