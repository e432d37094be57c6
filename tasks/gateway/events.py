"""Server-sent events, cut out of a stream of bytes and put back as they were but for what must change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tasks.gateway.dialects.base import Body, packed

END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
DATA = re.compile(rb"^data:[ ]?(.*?)\r?$", re.MULTILINE)
#: A single event larger than this is not one.
MOST = 32 * 2**20


class TooLarge(Exception):
    """What should be an event does not end."""


class Events:
    """Bytes in, whole events out, each with the blank line that ends it."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Raises TooLarge."""
        # An end may lie across two pieces, so the last bytes of the rest are looked at again.
        searched = max(0, len(self.rest) - 3)
        self.rest += piece
        start = 0
        while found := END.search(self.rest, max(start, searched)):
            yield self.rest[start : found.end()]
            start = found.end()
        self.rest = self.rest[start:]
        if len(self.rest) > MOST:
            raise TooLarge


def message_of(event: bytes) -> Body | None:
    """The JSON object an event carries; None for comments, `[DONE]` and everything else."""
    data = b"\n".join(DATA.findall(event))
    if not data.startswith(b"{"):
        return None
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def with_message(event: bytes, message: Body) -> bytes:
    """The same event with other data; its name and id stay."""
    others = [line for line in event.splitlines() if line and not line.startswith(b"data:")]
    return b"\n".join([*others, b"data: " + packed(message)]) + b"\n\n"
