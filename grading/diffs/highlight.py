"""Colours whole files, never hunks: a hunk does not know that it stands in a string (3.1 % of lines came out wrong)."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from types import FrameType
from typing import NamedTuple

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_for_filename
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String, _TokenType

MOST_BYTES = 200_000
MOST_LINE = 1_000  # characters
MOST_SECONDS = 1.2  # of CPU for one text
MOST_SECONDS_TOGETHER = 30.0
#: Of CPU for all texts that were not coloured in the end. Bait comes in threes: base, A and B.
MOST_SECONDS_WASTED = 1.3
_LEAST_SECONDS = 0.1  # enough for most files of most repositories, also after one that took too long

#: Token type -> class of the style sheet. The nearest parent counts; what is not named here stays plain.
CLASSES = {
    Keyword: "k",
    Keyword.Constant: "n",
    Keyword.Type: "n",
    Operator.Word: "k",
    String: "s",
    Comment: "c",
    Comment.Preproc: "k",
    Number: "n",
    Name.Builtin: "n",
    Name.Constant: "n",
    Name.Attribute: "n",
    Name.Function: "f",
    Name.Class: "f",
    Name.Decorator: "f",
    Name.Exception: "n",
    Name.Tag: "f",
    Generic.Heading: "f",
    Generic.Subheading: "f",
}


class Piece(NamedTuple):
    """Characters start:end of a line have this class."""

    start: int
    end: int
    css: str


Pieces = tuple[Piece, ...]


class Text(NamedTuple):
    """Decoded lines without their terminators, the pieces of each, and why there are none (or "")."""

    lines: list[str]
    pieces: list[Pieces]
    encoding: str
    plain: str


class _TooSlow(Exception):
    pass


class Highlighter:
    """Reads and colours texts, each only once: both orientations of a pair share what they share."""

    def __init__(self, *, colours: bool = True) -> None:
        self.colours = colours
        self._texts: dict[tuple[bytes, type[Lexer] | None], Text] = {}
        self._seconds = 0.0
        self._wasted = 0.0

    def text(self, content: bytes, path: str) -> Text:
        lexer = lexer_of(path) if self.colours else None
        key = (sha256(content).digest(), lexer)
        if key not in self._texts:
            self._texts[key] = self._read(content, lexer)
        return self._texts[key]

    def forget(self) -> None:
        """Between two files, so that memory holds one of them at a time."""
        self._texts.clear()

    def _read(self, content: bytes, lexer: type[Lexer] | None) -> Text:
        lines, encoding = decoded(content)
        plain = self._refusal(content, lines) if lexer else ""
        if lexer is None or plain:
            return Text(lines, [()] * len(lines), encoding, plain)
        started = time.process_time()
        most = min(MOST_SECONDS, max(_LEAST_SECONDS, MOST_SECONDS - self._wasted))
        try:
            with _alarm(most):
                pieces = _pieces(lexer, lines, started + most)
        except _TooSlow:
            pieces, plain = [()] * len(lines), "takes too long to colour"
        except Exception:  # a lexer that fails on odd text must not take the file with it
            pieces, plain = [()] * len(lines), "could not be coloured"
        spent = time.process_time() - started
        self._seconds += spent
        self._wasted += spent if plain else 0.0
        return Text(lines, pieces, encoding, plain)

    def _refusal(self, content: bytes, lines: list[str]) -> str:
        if len(content) > MOST_BYTES:
            return f"is larger than {MOST_BYTES // 1000} kB"
        if any(len(line) > MOST_LINE for line in lines):
            return f"has a line of more than {MOST_LINE:,} characters"
        if self._seconds > MOST_SECONDS_TOGETHER or self._wasted > MOST_SECONDS_WASTED:
            return "comes after files that took all the time for colouring"
        return ""


@lru_cache(maxsize=4096)
def lexer_of(path: str) -> type[Lexer] | None:
    """By the file's name alone: guessing from content costs seconds and lets the content choose."""
    lexer: type[Lexer] | None = find_lexer_class_for_filename(path.rpartition("/")[2])
    return None if lexer is None or lexer.name == "Text only" else lexer


def decoded(content: bytes) -> tuple[list[str], str]:
    """Lines without terminators, and the encoding's name."""
    try:
        text, encoding = content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("latin-1"), "Latin-1"
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines], encoding


def _pieces(lexer: type[Lexer], lines: list[str], deadline: float) -> list[Pieces]:
    found: list[list[Piece]] = [[] for _ in lines]
    number = column = 0
    tokens = lexer().get_tokens_unprocessed("\n".join(lines) + "\n")
    for count, (_, token, value) in enumerate(tokens):
        if count % 256 == 0 and time.process_time() > deadline:
            raise _TooSlow
        css = css_class(token)
        parts = value.split("\n") if "\n" in value else (value,)
        for part, piece in enumerate(parts):
            if part:
                number, column = number + 1, 0
            if piece:
                if css and piece.strip():
                    _append(found[number], Piece(column, column + len(piece), css))
                column += len(piece)
    return [tuple(pieces) for pieces in found]


def _append(pieces: list[Piece], piece: Piece) -> None:
    if pieces and pieces[-1].css == piece.css and pieces[-1].end == piece.start:
        piece = Piece(pieces.pop().start, piece.end, piece.css)
    pieces.append(piece)


_known: dict[_TokenType, str] = {}


def css_class(token: _TokenType) -> str:
    found = _known.get(token)
    if found is None:
        nearest = (CLASSES[parent] for parent in reversed(token.split()) if parent in CLASSES)
        found = _known[token] = next(nearest, "")
    return found


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Also ends a single match that never comes back; only where a handler is ours to set: in the child."""
    if signal.getsignal(signal.SIGVTALRM) is not ring:
        yield
        return
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def ring(number: int, frame: FrameType | None) -> None:
    """The handler of SIGVTALRM that the child installs."""
    raise _TooSlow
