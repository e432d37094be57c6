"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_text(found: Mapping[str, Any]) -> str:
    """The report for a terminal: names as in the JSON, indented, numbers to four digits."""
    return "\n".join(_lines(found, 0))


def _lines(value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for name, inner in value.items():
            flat = _flat(inner)
            if flat is None:
                lines += [f"{indent}{name}", *_lines(inner, depth + 1)]
            else:
                lines.append(f"{indent}{name}: {flat}")
        return lines
    return [line for row in value for line in (f"{indent}-", *_lines(row, depth + 1))]


def _flat(value: Any) -> str | None:
    """A value that fits on a line; None for what needs several."""
    if isinstance(value, float):
        if abs(value) < 1e-12:
            return "0"
        return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return None if value else "none"
    if isinstance(value, list):
        parts = [_flat(each) for each in value]
        return None if None in parts else f"[{', '.join(part or '' for part in parts)}]"
    return str(value)
