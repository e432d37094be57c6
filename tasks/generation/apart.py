"""New files that are no part of the work, set apart by one rule for both sides: habits name an agent too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

#: Paths of one rule that are listed; the number tells of the others.
MOST_LISTED = 200

#: Folders, and single files, that nobody writes by hand.
MADE = {
    "dependencies": re.compile(r"(?:^|.*/)(?:node_modules|\.?venv|vendor/bundle|site-packages)/"),
    "build output": re.compile(
        r"(?:^|.*/)(?:__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache|dist|build|target|coverage|\.next"
        r"|\.nyc_output|[^/]+\.egg-info)/|.*\.(?:pyc|pyo|class|o)$|(?:^|.*/)\.coverage$"
    ),
}
#: What somebody leaves who tried something out, or who writes a report that nobody asked for.
SCRATCH = re.compile(
    r"(?:reproduce|repro|scratch|debug|tmp|temp|verify|demo)(?:_[\w-]+)?\.(?:py|js|ts|sh|go|rb|md|txt)$"
    r"|test_(?:fix|issue|repro|tmp|debug)[\w-]*\.(?:py|js|ts|sh)$|(?:.*/)?patch\.txt$"
    r"|.*\.(?:orig|rej|bak|swp|log)$|(?:SUMMARY|IMPLEMENTATION(?:_\w+)?|CHANGES_SUMMARY|NOTES)\.md$",
    re.IGNORECASE,
)


def chosen(added: Iterable[str], *, base: Iterable[str], patch: bytes) -> dict[str, str]:
    """Which of the added paths are set apart, and by which rule.

    A folder where the base itself has files is one that people write in. Scratch lies at the top of the repository,
    and no other line of the patch names it.
    """
    added = list(added)
    folders = {path[: at + 1] for path in base for at, char in enumerate(path) if char == "/"}
    made = {path: rule for path in added if (rule := _made(path, folders))}
    scratch = {path for path in added if path not in made and SCRATCH.match(path)}
    named = _named(patch, scratch, without=made.keys() | scratch) if scratch else set()
    return made | dict.fromkeys(scratch - named, "scratch")


def rule_of(path: str) -> str:
    """The rule for a path that is known to be set apart."""
    return _made(path, frozenset()) or "scratch"


def listed(rules: Mapping[str, str]) -> list[dict[str, Any]]:
    """For the page and the records: each rule with its paths."""
    found: dict[str, list[str]] = {}
    for path, rule in sorted(rules.items()):
        found.setdefault(rule, []).append(path)
    return [
        {"rule": rule, "files": len(paths), "paths": paths[:MOST_LISTED]}
        for rule, paths in sorted(found.items())
    ]


def _made(path: str, folders: Set[str]) -> str:
    for rule, pattern in MADE.items():
        found = pattern.match(path)
        if found and found[0] not in folders:
            return rule
    return ""


def _named(patch: bytes, paths: Iterable[str], *, without: Iterable[str]) -> set[str]:
    """Those that a line of another file names, by the name with or without its ending."""
    others = "\n".join(_lines(patch, frozenset(without)))
    return {path for path in paths if re.search(rf"(?<!\w){re.escape(_stem(path))}(?!\w)", others)}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _lines(patch: bytes, without: frozenset[str]) -> Iterator[str]:
    """The lines that a canonical patch adds, but to these files."""
    is_other = False
    for raw in patch.split(b"\n"):
        if raw.startswith(b"+++ "):
            is_other = raw[4:].decode("utf-8", "replace").strip().removeprefix("b/") not in without
        elif is_other and raw.startswith(b"+"):
            yield raw[1:].decode("utf-8", "replace")
