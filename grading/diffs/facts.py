"""What is told of a file rather than of its lines: renamed, another mode, binary with size and hash, empty."""

from __future__ import annotations

import hashlib

from grading.diffs import markup
from grading.diffs.listing import Listed, Touch
from grading.diffs.parse import FileDiff
from grading.diffs.views import View


def facts_of(file: Listed, view: View) -> list[str]:
    """Finished rows of the view."""
    sides = [_told(touch, file.base) for touch in (file.left, file.right)]
    most = max(map(len, sides))
    padded = [facts + [""] * (most - len(facts)) for facts in sides]
    return [markup.fact(view, left, right) for left, right in zip(*padded, strict=True)]


def _told(touch: Touch | None, base: bytes | None) -> list[str]:
    if touch is None:
        return []
    diff, facts = touch.diff, []
    if diff.old_path:
        facts.append(f"Renamed from {diff.old_path} to {diff.path}")
    if diff.old_mode and diff.new_mode and diff.old_mode != diff.new_mode:
        facts.append(f"Mode changed from {diff.old_mode} to {diff.new_mode}")
    elif diff.new_mode not in (None, "100644") and diff.status == "added":
        facts.append(f"Mode {diff.new_mode}")
    if diff.binary:
        facts += [f"Binary file: {_described(diff, touch.result)}", *_before(diff, base)]
    elif not diff.added and not diff.removed and diff.status in ("added", "deleted"):
        facts.append("Empty file added" if diff.status == "added" else "Empty file removed")
    return facts


def _before(diff: FileDiff, base: bytes | None) -> list[str]:
    if diff.status == "added":
        return []
    return [f"Before: {_sized(base, diff.old_object)}"]


def _described(diff: FileDiff, result: bytes | None) -> str:
    return "removed" if diff.status == "deleted" else _sized(result, diff.new_object)


def _sized(content: bytes | None, name: str | None) -> str:
    if content is None:
        return f"size unknown, git object {name}" if name else "size unknown"
    return f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"
