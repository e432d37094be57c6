"""Keep a cache across restarts: write its living entries to a file, read them back."""

import json
import os
import time
from pathlib import Path

from tidecache.cache import TideCache

VERSION = 1


class SnapshotError(Exception):
    """The file is not a snapshot this version can read."""


def save(cache: TideCache, path: Path) -> int:
    """Write every living entry to `path`, whole or not at all; tells how many."""
    entries = [{"key": key, "value": value, "expires_at": at} for key, value, at in cache.dump()]
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps({"version": VERSION, "entries": entries}), encoding="utf-8")
    os.replace(draft, path)
    return len(entries)


def load(cache: TideCache, path: Path) -> int:
    """Put the entries of `path` that are still alive into `cache`; tells how many."""
    now = time.time()
    count = 0
    for entry in read(path):
        left = entry["expires_at"] - now
        if left > 0:
            cache.set(entry["key"], entry["value"], ttl=left)
            count += 1
    return count


def read(path: Path) -> list:
    """The entries of a snapshot file as they were written."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, entries = content["version"], content["entries"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{path} is not a snapshot") from error
    if version != VERSION:
        raise SnapshotError(f"{path} has version {version}, expected {VERSION}")
    return entries
