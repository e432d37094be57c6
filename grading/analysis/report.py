"""Everything the votes say, as plain values for JSON: each number under its name, or the sentence why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from grading.analysis import sections
from grading.analysis.cells import OVERALL, Cell, Guess, tables
from grading.analysis.sections import DEFAULT, Choices, Section, Study, written
from grading.analysis.votes import Votes

__all__ = ["Cell", "Choices", "Guess", "of_cells", "of_tables", "report"]

#: In each table, overall and by axis. The names are those of the report.
PARTS: Mapping[str, Callable[[Study], dict[str, Any]]] = {
    **sections.ESTIMATES,
    "bootstrap": sections.bootstrap,
    "to_reference": sections.to_reference,
    "win_rates": sections.win_rates,
    "distribution": sections.distribution,
    "position_bias": sections.position_bias,
    "side_balance": sections.side_balance,
    "agreement": sections.agreement,
    "raters": sections.raters,
    "power": sections.power,
}


def of_cells(
    cells: Iterable[Cell],
    *,
    points: int | None = None,
    guesses: Iterable[Guess] = (),
    choices: Choices = DEFAULT,
) -> dict[str, Any]:
    """The report over counted votes, as a GROUP BY gives them: what the page of an experiment shows.

    `points` is the length of the scale, 7 or 8; `guesses` are answers to "which side was the newer one?".
    Every key is listed in docs/analysis.md; where there is no number there is a sentence. Raises
    BadVotes for a cell that makes no sense.
    """
    return of_tables(tables(cells, points=points), guesses=guesses, choices=choices)


def report(votes: Votes, *, guesses: Iterable[Guess] = (), choices: Choices = DEFAULT) -> dict[str, Any]:
    """The same over votes that carry their axes, as a file gives them."""
    by_axis = {axis: votes.of_axis(axis) for axis in votes.axes}
    return of_tables({OVERALL: votes, **by_axis}, guesses=guesses, choices=choices)


def of_tables(
    by_axis: Mapping[str, Votes], *, guesses: Iterable[Guess] = (), choices: Choices = DEFAULT
) -> dict[str, Any]:
    """The same over one table for each axis, `overall` among them: for votes that are columns already.

    The same votes, guesses and choices give the same report.
    """
    studies = {axis: Study(votes, choices) for axis, votes in by_axis.items()}
    study = studies.pop(OVERALL)
    decision: Section = written(sections.decision, study, studies)
    return {
        "verdict": decision if isinstance(decision, str) else decision["verdict"],
        **_parts(study),
        "decision": decision,
        "path": written(sections.path, study),
        "style_control": written(sections.style_control, study),
        "blindness": written(sections.blinding, list(guesses)),
        "axes": {axis: _parts(rated) for axis, rated in studies.items()},
    }


def _parts(study: Study) -> dict[str, Any]:
    return {
        "counts": sections.counts(study.votes),
        **{name: written(part, study) for name, part in PARTS.items()},
    }
