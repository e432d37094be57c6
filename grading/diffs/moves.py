"""Finds lines that a side removed in one place of a file and added in another, in linear time.

The least that counts is what Review Board asks for: two lines and 20 characters. As git's
`--color-moved-ws=allow-indentation-change`, a block may have been indented anew, by the same step in each line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LEAST_LINES = 2
LEAST_CHARACTERS = 20  # letters and signs of the block, blanks not counted
_MOST_PLACES = 8  # looked at for one start: lines that are everywhere tell nothing

_Texts = Sequence[str] | Mapping[int, str]
_Start = tuple[str, str]


def moves(removed: Sequence[int], added: Sequence[int], base: _Texts, result: _Texts) -> dict[int, int]:
    """The added lines that came from elsewhere, with the removed line that each was. Numbers ascend, from zero."""
    gone = {number: base[number] for number in removed}
    starts = _starts(gone)
    came = {number: result[number] for number in added}
    found: dict[int, int] = {}
    place = 0
    while place < len(added):
        here = added[place]
        length, origin = _longest(here, came, gone, starts.get(_start(here, came), ()))
        if _counts([came[here + step] for step in range(length)]):
            for step in range(length):
                found[here + step] = origin + step
                del gone[origin + step]  # a line can only go to one place
        place += max(1, length)
    return found


def _starts(lines: Mapping[int, str]) -> dict[_Start, list[int]]:
    """Where two lines follow each other, by what they say."""
    found: dict[_Start, list[int]] = {}
    for number in lines:
        places = found.setdefault(_start(number, lines), [])
        if len(places) < _MOST_PLACES:
            places.append(number)
    return found


def _start(number: int, lines: Mapping[int, str]) -> _Start:
    return lines[number].strip(), lines.get(number + 1, "").strip()


def _longest(
    here: int, came: Mapping[int, str], gone: Mapping[int, str], origins: Sequence[int]
) -> tuple[int, int]:
    lengths = [(_length(here, origin, came, gone), -origin) for origin in origins]
    length, origin = max(lengths, default=(0, 0))
    return length, -origin


def _length(here: int, origin: int, came: Mapping[int, str], gone: Mapping[int, str]) -> int:
    length, step = 0, None
    while (old := gone.get(origin + length)) is not None and (new := came.get(here + length)) is not None:
        if old.strip() != new.strip():
            break
        if old.strip():
            indented = _indentation(new) - _indentation(old)
            if step not in (None, indented):
                break
            step = indented
        length += 1
    return length


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _counts(lines: Sequence[str]) -> bool:
    said = [text for line in lines if (text := line.strip())]
    return len(said) >= LEAST_LINES and sum(map(len, said)) >= LEAST_CHARACTERS
