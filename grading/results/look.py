"""How one reader looks at stored findings: what arms are called, which is the reference, where numbers lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

Found: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Versus:
    """Two arms as one wants to see them: shares are those of `one`, whichever number is lower."""

    one: int
    other: int
    votes: int
    wins: int
    losses: int
    ties: int
    #: Tasks in which one was preferred, the other was, and neither.
    tasks: tuple[int, int, int]
    interval: tuple[float, float]
    decided: bool
    state: str  # decided, equivalent, keep or none
    more: int | None
    e_value: float
    path: list[tuple[str, int, float | None, float, float]]  # day, decided tasks, share, interval

    @property
    def decided_tasks(self) -> int:
        return self.tasks[0] + self.tasks[1]

    @property
    def share(self) -> float | None:
        """Of the decided tasks."""
        return self.tasks[0] / self.decided_tasks if self.decided_tasks else None

    @property
    def votes_share(self) -> float:
        """A tie is half a win."""
        return (self.wins + self.ties / 2) / self.votes


@dataclass(frozen=True)
class Look:
    """Findings, the names of their arms, and the two arms that charts of one pair are about."""

    found: Found
    names: Mapping[int, str]
    reference: int
    arm: int
    #: Address of the list of records, and the filters that hold there.
    records: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)

    def name(self, arm: int) -> str:
        return self.names.get(arm, f"Arm {arm}")

    def told(self, why: str) -> str:
        """A stored sentence about arms, with the names that this reader sees."""
        return re.sub(r"\bArm (\d+)\b", lambda found: self.name(int(found[1])), why)

    def behind(self, **chosen: object) -> str:
        """Where the records behind a number are listed; "" where nothing leads there."""
        if not self.records:
            return ""
        told = {
            **self.filters,
            **{name: str(value) for name, value in chosen.items() if value not in ("", None)},
        }
        return f"{self.records}?{urlencode(told)}" if told else self.records

    @property
    def arms(self) -> list[int]:
        return list(self.found["arms"])

    @property
    def others(self) -> list[int]:
        return [arm for arm in self.arms if arm != self.reference]

    def ranked(self) -> list[int]:
        """Arms with a rating, the best first."""
        fit = self.found["overall"]["fit"]
        if isinstance(fit, str):
            return []
        theta = {int(arm): value for arm, value in fit["theta"].items()}
        return sorted(theta, key=lambda arm: -theta[arm])

    def versus(self, one: int, other: int) -> Versus | None:
        """None when the two were never compared."""
        low, high = min(one, other), max(one, other)
        pair = next(
            (each for each in self.found["pairs"] if (each["one"], each["other"]) == (low, high)), None
        )
        if pair is None:
            return None
        swap = one != low
        wins, losses = (pair["losses"], pair["wins"]) if swap else (pair["wins"], pair["losses"])
        tasks = tuple(pair["tasks"])
        return Versus(
            one=one,
            other=other,
            votes=pair["n"],
            wins=wins,
            losses=losses,
            ties=pair["ties"],
            tasks=(tasks[1], tasks[0], tasks[2]) if swap else (tasks[0], tasks[1], tasks[2]),
            interval=turned(pair["interval"], swap),
            decided=pair["decided"],
            state=pair["state"],
            more=pair["more"],
            e_value=pair["e_value"],
            path=[_step(step, swap) for step in pair["path"]],
        )

    def difference(self, axis: Found, one: int, other: int) -> tuple[float, float, float] | None:
        """θ of one less θ of the other on this axis, with its interval where there is one."""
        fit = axis["fit"]
        if isinstance(fit, str) or isinstance(fit["differences"], str):
            return None
        low, high = min(one, other), max(one, other)
        told = fit["differences"].get(f"{low}-{high}")
        if told is None:
            return None
        ahead, least, most = told
        return (ahead, least, most) if one == low else (-ahead, -most, -least)


def turned(interval: Any, swap: bool) -> tuple[float, float]:
    """The interval of a share, or with `swap` that of its rest."""
    low, high = interval
    return (1 - high, 1 - low) if swap else (low, high)


def _step(step: Any, swap: bool) -> tuple[str, int, float | None, float, float]:
    day, wins, losses, low, high = step
    if swap:
        wins, losses, low, high = losses, wins, 1 - high, 1 - low
    decided = wins + losses
    return day, decided, wins / decided if decided else None, low, high


def look_at(
    found: Found,
    names: Mapping[int, str],
    *,
    reference: int | None = None,
    arm: int | None = None,
    records: str = "",
    filters: Mapping[str, str] | None = None,
) -> Look:
    """What was asked for where it exists; else the last arm is compared with the first, the best one if known."""
    arms: list[int] = list(found["arms"])
    if reference not in arms or reference is None:
        reference = arms[0]
    look = Look(found, names, reference, arms[-1], records, filters or {})
    if arm is None or arm not in arms or arm == reference:
        best = [each for each in look.ranked() if each != reference]
        arm = best[0] if best else next((each for each in arms if each != reference), reference)
    return Look(found, names, reference, arm, records, filters or {})
