"""Counted votes as a GROUP BY gives them, made into the columns that everything here computes with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from grading.analysis.votes import BadVotes, Vote, Votes, from_rows

OVERALL = "overall"


class Cell(NamedTuple):
    """So many votes that are alike in everything that matters.

    `rating` is symmetric about zero and positive when `model_a` is better; `side` is where `model_a` was shown, L
    or R. `turn` tells the pairs of a task apart that raters can agree on. `day` and `styles` may be missing;
    `styles` are differences between the candidates of model_a and model_b, see votes.STYLES.
    """

    task: str
    rater: str
    model_a: str
    model_b: str
    side: str
    rating: int
    axis: str = OVERALL
    turn: str = ""
    day: date | None = None
    votes: int = 1
    styles: Mapping[str, float] = {}


class Guess(NamedTuple):
    """So many answers to "which side was the newer one?": where it truly stood, and what was said.

    `guess` is L, R, or empty for "do not know". `group` is what a leak may hang on: a repository, a language.
    """

    rater: str
    newer: str
    guess: str
    group: str = ""
    answers: int = 1


def tables(cells: Iterable[Cell], *, points: int | None = None) -> dict[str, Votes]:
    """Votes by axis, `overall` first and always there. Raises BadVotes for a cell that makes no sense."""
    by_axis: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_axis[cell.axis].append(_checked(cell))
    axes = [OVERALL, *sorted(by_axis.keys() - {OVERALL})]
    return {axis: _votes(by_axis[axis], points) for axis in axes}


def _checked(cell: Cell) -> Cell:
    if cell.side not in ("L", "R"):
        raise BadVotes(f"A cell of {cell.task} has the side {cell.side!r}, which is neither L nor R.")
    if cell.model_a == cell.model_b:
        raise BadVotes(f"A cell of {cell.task} compares {cell.model_a} with itself.")
    if cell.votes < 1:
        raise BadVotes(f"A cell of {cell.task} counts {cell.votes} votes.")
    return cell


def _votes(cells: list[Cell], points: int | None) -> Votes:
    return from_rows(
        (
            Vote(
                rater=cell.rater,
                task=cell.task,
                model_a=cell.model_a,
                model_b=cell.model_b,
                side=cell.side,
                rating=cell.rating,
                turn=cell.turn,
                styles=cell.styles,
                count=cell.votes,
                day=cell.day,
            )
            for cell in cells
        ),
        points,
    )
