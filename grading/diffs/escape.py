"""The one way by which text from a repository becomes HTML. Nothing else in this package writes `&lt;`."""

from __future__ import annotations

import re
import unicodedata
from html import escape as _escape

#: Characters that do not show, or that change how others show: control characters but tab, soft hyphen and
#: zero-width characters, bidirectional controls (CVE-2021-42574), fillers, tags, variation selectors of
#: planes 14, surrogates and what HTML forbids.
ODD = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
_NAMES = {
    "\x00": "null character",
    "\x07": "bell",
    "\x08": "backspace",
    "\n": "line feed",
    "\r": "carriage return",
    "\x1b": "escape",
    "\x7f": "delete",
    "\ufeff": "byte order mark",
}


def text(value: str) -> str:
    """HTML of one piece of text, for the inside of an element: attributes never hold what others wrote.

    Each odd character becomes a visible token.
    """
    escaped = _escape(value, quote=False)
    if ODD.search(escaped) is None:
        return escaped
    return ODD.sub(lambda found: token(found.group()), escaped)


def token(character: str) -> str:
    return f'<span class=odd title="{_escape(name(character))}">{codepoint(character)}</span>'


def plain(value: str) -> str:
    """Text for a sentence or a file list: odd characters as their code points, no markup, not escaped."""
    return visible(value).replace("\t", "[U+0009]")


def visible(value: str) -> str:
    """Text for a terminal: as `plain`, but a tab stays what it is."""
    return ODD.sub(lambda found: f"[{codepoint(found.group())}]", value)


def codepoint(character: str) -> str:
    return f"U+{ord(character):04X}"


def name(character: str) -> str:
    """What the character is called, in lower-case words."""
    known = _NAMES.get(character) or unicodedata.name(character, "").lower()
    return known or ("control character" if ord(character) < 0xA0 else "invisible character")
