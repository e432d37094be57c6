"""Where detail ends: what a comparison may cost, and the steps by which it gives in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caps:
    """Where detail ends. What is left out is said in `FileView.degraded`; a file is never left out."""

    colours: bool = True
    words: bool = True
    #: False lists the files with their counts and draws no line.
    lines: bool = True
    file_bytes: int = 2_000_000  # of one text; above, the hunks alone are shown
    marked_lines: int = 10_000  # changed lines of a file in which words are compared
    file_rows: int = 40_000  # that stand on the page, of one file
    file_characters: int = 10_000_000  # written for one file, an odd character counted as its token
    all_rows: int = 400_000  # that stand on the page, of all files together
    gap_rows: int = 400_000  # that can be opened, of all files together
    apart_bytes: int = 1_000_000  # of the texts that are set apart; those above have no colours and no marks


CAPS = Caps()
PLAIN = Caps(colours=False, words=False, file_rows=20_000, all_rows=200_000, gap_rows=100_000)
LISTING = Caps(colours=False, words=False, lines=False)
