"""Whether two sides asked their models the same: whole requests, but for a short list of what is no part of them."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_provider import Seen

#: By whom it is asked and how it gets there: set by the gateway, different for each provider.
OF_THE_WAY = frozenset({"host", "authorization", "x-api-key", "x-goog-api-key", "content-length"})
#: Told to no model: its own name, put in by the gateway, and the session by which a provider keeps its cache (Codex).
METADATA = frozenset({"model", "prompt_cache_key"})
#: Random names of messages, by which no model tells them apart (Codex).
OF_A_MESSAGE = frozenset({"id"})


def asked(seen: Seen) -> dict[str, Any]:
    """A request without its metadata."""
    return {
        "path": seen.path.replace(seen.model, "MODEL"),
        "query": seen.query,
        "headers": {
            name.lower(): value for name, value in seen.headers.items() if name.lower() not in OF_THE_WAY
        },
        "body": {name: _bare(value) for name, value in seen.body.items() if name not in METADATA},
    }


def _bare(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [
        {name: inner for name, inner in each.items() if name not in OF_A_MESSAGE}
        if isinstance(each, dict)
        else each
        for each in value
    ]


def differences(one: object, other: object, place: str = "") -> list[str]:
    """Where they differ, one line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other}, key=str)
        return [
            line for name in names for line in differences(one.get(name), other.get(name), f"{place}/{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for number, (a, b) in pairs for line in differences(a, b, f"{place}/{number}")]
    if one == other:
        return []
    return [f"{place}: {json.dumps(one)[:300]} and {json.dumps(other)[:300]}"]
