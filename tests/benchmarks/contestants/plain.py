"""What one would write first: unidiff parses, Pygments colours whole files, difflib marks changed characters."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape
from itertools import pairwise, zip_longest

from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound
from unidiff import Hunk, PatchSet
from unidiff.patch import Line

from tests.benchmarks.contestants.asking import Answer, Asked, serve

Pieces = list[tuple[str, str]]  # (class, text) in the order of the line
Span = tuple[int, int]
EMPTY = '<td></td><td class="code"></td>'


def answer(asked: Asked) -> Answer:
    """Each patch is a page of its own, as everybody shows them: no alignment of the two is attempted."""

    def draw() -> list[str]:
        return [
            page(patch, asked.base, results)
            for patch, results in zip(asked.patches, asked.results, strict=True)
            if patch
        ]

    def told(pages: list[str]) -> Answer:
        return {
            "bytes": sum(len(text.encode(errors="replace")) for text in pages),
            "rows": sum(text.count("<tr>") for text in pages),
        }

    return asked.timed(draw, told)


def page(patch: bytes, base: dict[str, bytes | None], results: dict[str, bytes | None]) -> str:
    """Both columns of every file."""
    tables = []
    for file in PatchSet(patch.decode("utf-8", "surrogateescape")):
        old = coloured(file.path, base.get(file.source_file.removeprefix("a/")))
        new = coloured(file.path, results.get(file.path))
        rows = [row for hunk in file for row in hunk_rows(hunk, old, new)]
        tables.append(f"<h2>{escape(file.path)}</h2><table>{''.join(rows)}</table>")
    return "".join(tables)


def coloured(path: str, content: bytes | None) -> list[Pieces]:
    """The lines of the whole file, as Pygments sees them."""
    text = (content or b"").decode("utf-8", "replace")
    try:
        lexer = get_lexer_for_filename(path, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    lines: list[Pieces] = [[]]
    for kind, value in lexer.get_tokens(text):
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((STANDARD_TYPES.get(kind, ""), part))
    return lines


def hunk_rows(hunk: Hunk, old: list[Pieces], new: list[Pieces]) -> Iterator[str]:
    """Removed and added lines of one block stand side by side, in their order."""
    removed: list[Line] = []
    added: list[Line] = []
    for line in hunk:
        if line.is_removed:
            removed.append(line)
        elif line.is_added:
            added.append(line)
        else:
            yield from block(removed, added, old, new)
            removed, added = [], []
            left = cell("", line, line.source_line_no, old, [])
            yield f"<tr>{left}{cell('', line, line.target_line_no, new, [])}</tr>"
    yield from block(removed, added, old, new)


def block(removed: list[Line], added: list[Line], old: list[Pieces], new: list[Pieces]) -> Iterator[str]:
    for left, right in zip_longest(removed, added):
        one, other = marks(left.value, right.value) if left and right else ([], [])
        gone = cell("del", left, left.source_line_no, old, one) if left else EMPTY
        come = cell("add", right, right.target_line_no, new, other) if right else EMPTY
        yield f"<tr>{gone}{come}</tr>"


def marks(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """The changed characters of both lines; none where the lines have little in common."""
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < 0.6:
        return [], []
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    return [(low, high) for _, low, high, _, _ in changes], [(low, high) for *_, low, high in changes]


def cell(css: str, line: Line, number: int, texts: list[Pieces], marked: list[Span]) -> str:
    # Without a base there is no coloured text: the hunk's own line stands in.
    pieces = texts[number - 1] if number <= len(texts) else [("", line.value.rstrip("\n"))]
    return f'<td>{number}</td><td class="code {css}">{"".join(spans(pieces, marked))}</td>'


def spans(pieces: Pieces, marked: list[Span]) -> Iterator[str]:
    """Each piece in its colour, cut where a mark begins or ends."""
    at = 0
    cuts = sorted({border for span in marked for border in span})
    for css, text in pieces:
        edges = [at, *(cut for cut in cuts if at < cut < at + len(text)), at + len(text)]
        for low, high in pairwise(edges):
            part = escape(text[low - at : high - at])
            inside = any(start <= low < end for start, end in marked)
            part = f'<mark class="word">{part}</mark>' if inside else part
            yield f'<span class="{css}">{part}</span>' if css else part
        at += len(text)


if __name__ == "__main__":
    serve(answer)
