"""Tells raster images by their first bytes. An SVG is text that can hold a script: never an image here."""

from __future__ import annotations

#: First bytes -> content type.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
_AVIF = (b"avif", b"avis")


def kind_of(content: bytes | None) -> str:
    """The content type of a raster image of a known kind; "" for anything else. Names are not asked."""
    if not content:
        return ""
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    # ISO/IEC 14496-12: a file type box comes first, and names the brand behind its own length and name.
    if content[4:8] == b"ftyp" and content[8:12] in _AVIF:
        return "image/avif"
    return ""
