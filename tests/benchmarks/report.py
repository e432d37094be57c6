"""What a benchmark found: a table for people on the terminal, the same figures as JSON for those who compare runs.

`python -m tests.benchmarks.report` prints what the last run left in var/benchmarks as Markdown.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "var" / "benchmarks"
HEAD = ("what", "figure", "beside", "ratio", "goal", "")

#: MARLIN_BENCH=quick takes the smallest sizes and one round: whether the benchmarks work, not what they measure.
QUICK = os.environ.get("MARLIN_BENCH") == "quick"


def rounds(wanted: int) -> int:
    return 1 if QUICK else wanted


def sizes(*names: str) -> tuple[str, ...]:
    """The sizes to measure, smallest first."""
    return names[:1] if QUICK else names


@dataclass(frozen=True)
class Figure:
    """One row. `other` is the anchor measured beside it in the same run, `ratio` the figure divided by it."""

    what: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


class Report:
    """The figures of one benchmark. Goals stand beside them and are never asserted: another machine is not a fault."""

    def __init__(self, name: str, place: Path = PLACE) -> None:
        self.name = name
        self.place = place
        self.notes: list[str] = []
        self.figures: list[Figure] = []
        self._load = [os.getloadavg()[0]]
        self._began = time.monotonic()

    def note(self, sentence: str) -> None:
        """What one must know to read the figures, or why some are not there."""
        self.notes.append(sentence)

    def figure(
        self,
        what: str,
        value: float,
        unit: str = "",
        *,
        beside: tuple[str, float] | None = None,
        at_most: float | None = None,
        at_least: float | None = None,
        ratio_at_most: float | None = None,
    ) -> None:
        """One measured value; `beside` names an anchor and its value in the same unit. Goals count all together."""
        name, other = beside or ("", None)
        ratio = value / other if other else None
        goals = (
            (value, at_most, "≤", _told(at_most, unit)),
            (
                -value,
                None if at_least is None else -at_least,
                "≥",
                _told(at_least, unit),
            ),
            (ratio, ratio_at_most, "≤", f"{ratio_at_most} x"),
        )
        wanted = [(found, most, f"{sign} {told}") for found, most, sign, told in goals if most is not None]
        self.figures.append(
            Figure(
                what,
                value,
                unit,
                name,
                other,
                ratio,
                goal=" and ".join(told for _, _, told in wanted),
                met=all(found is not None and found <= most for found, most, _ in wanted) if wanted else None,
            )
        )

    def finish(self) -> str:
        """Writes <name>.json and gives the table."""
        self._load.append(os.getloadavg()[0])
        found = {
            "name": self.name,
            "machine": machine(),
            "load": [round(load, 2) for load in self._load],
            "seconds": round(time.monotonic() - self._began, 1),
            "notes": self.notes,
            "figures": [asdict(figure) for figure in self.figures],
        }
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / f"{self.name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        return as_text(found)


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def as_text(found: Mapping[str, Any]) -> str:
    table = [HEAD, *(_cells(figure) for figure in found["figures"])]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = [f"---- {found['name']} " + "-" * max(0, 70 - len(found["name"])), _context(found)]
    for row in table:
        cells = [
            cell.rjust(width) if 0 < at < 4 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *(f"* {note}" for note in found["notes"])])


def as_markdown(found: Mapping[str, Any]) -> str:
    lines = [
        f"### {found['name']}",
        "",
        _context(found),
        "",
        _row(HEAD),
        _row(["---", *["---:"] * 3, "---", "---"]),
    ]
    lines += [_row(_cells(figure)) for figure in found["figures"]]
    return "\n".join([*lines, "", *(f"- {note}" for note in found["notes"]), ""])


def _context(found: Mapping[str, Any]) -> str:
    load = " to ".join(f"{load:.1f}" for load in found["load"])
    return f"{found['machine']}; load average {load}; {found['seconds']:.0f} s."


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(figure: Mapping[str, Any]) -> tuple[str, ...]:
    beside = "" if figure["other"] is None else f"{_told(figure['other'], figure['unit'])} {figure['beside']}"
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2g} x"
    verdict = {None: "", True: "met", False: "MISSED"}[figure["met"]]
    return (figure["what"], _told(figure["value"], figure["unit"]), beside, ratio, figure["goal"], verdict)


def _told(value: float | None, unit: str) -> str:
    """In the unit that a person would choose; seconds and bytes are stored as such."""
    if value is None:
        return ""
    if unit == "s":
        return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.{1 if value < 0.1 else 0}f} ms"
    if unit == "B":
        step = next(
            ((size, name) for size, name in ((1e9, "GB"), (1e6, "MB"), (1e4, "kB")) if value >= size), None
        )
        if step is None:
            return f"{value:,.0f} B"
        scale = 1e3 if step[1] == "kB" else step[0]
        return f"{value / scale:,.{0 if step[1] == 'kB' else 1}f} {step[1]}"
    digits = 0 if value == int(value) or value >= 1000 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


# --- Of many values ----------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


if __name__ == "__main__":
    for place in sorted(PLACE.glob("*.json")):
        print(as_markdown(json.loads(place.read_text())))
