"""Look into snapshot files from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import List, Optional

from tidecache.cache import TideCache
from tidecache.snapshot import SnapshotError, load, read, save
from tidecache.timing import written


def main(argv: Optional[List[str]] = None) -> int:
    options = parser().parse_args(argv)
    try:
        return int(options.command(options))
    except (OSError, SnapshotError) as error:
        print(f"tidecache: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="tidecache", description=__doc__)
    commands = root.add_subparsers(required=True, metavar="command")

    show = commands.add_parser("show", help="list the entries of a snapshot")
    show.add_argument("file", type=Path)
    show.set_defaults(command=show_entries)

    get = commands.add_parser("get", help="print one value as JSON")
    get.add_argument("file", type=Path)
    get.add_argument("key")
    get.set_defaults(command=print_value)

    prune = commands.add_parser("prune", help="drop what has expired")
    prune.add_argument("file", type=Path)
    prune.add_argument("--size", type=int, default=1024, help="keep at most this many entries")
    prune.add_argument("--policy", default="lru", help="lru, fifo or lfu")
    prune.set_defaults(command=prune_file)
    return root


def show_entries(options: argparse.Namespace) -> int:
    now = time.time()
    for entry in read(options.file):
        left = entry["expires_at"] - now
        state = written(left) if left > 0 else "expired"
        print(f"{entry['key']}\t{state}")
    return 0


def print_value(options: argparse.Namespace) -> int:
    for entry in read(options.file):
        if entry["key"] == options.key and entry["expires_at"] > time.time():
            print(json.dumps(entry["value"]))
            return 0
    print(f"tidecache: no living entry {options.key!r}", file=sys.stderr)
    return 1


def prune_file(options: argparse.Namespace) -> int:
    if options.policy not in ("lru", "fifo", "lfu"):
        print(f"tidecache: unknown policy {options.policy!r}", file=sys.stderr)
        return 2
    cache: TideCache = TideCache(size=options.size, policy=options.policy)
    before = len(read(options.file))
    load(cache, options.file)
    kept = save(cache, options.file)
    print(f"kept {kept}, dropped {before - kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
