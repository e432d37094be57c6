"""Which raster image a file is, by its first bytes: a name can say anything, and SVG is a program."""

from __future__ import annotations

from typing import Literal

Image = Literal["png", "jpeg", "gif", "webp", "avif", "ico"]

_BEGINNINGS: tuple[tuple[bytes, Image], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\0\0\1\0", "ico"),
)


def image_type(content: bytes | None) -> Image | None:
    """The type that a browser would show it as; None for everything else."""
    if not content:
        return None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp" and content[8:12] in (b"avif", b"avis"):
        return "avif"
    return next((name for beginning, name in _BEGINNINGS if content.startswith(beginning)), None)
