"""When a run that failed is tried again: whose fault it was decides, and by how much the next try waits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.conf import settings


class Fault(Enum):
    """Whose fault it was that no candidate came of a run."""

    AGENT = "agent"  # its own limits, refusals and errors: final, an admin may ask for another try
    MACHINE = "machine"  # ours
    PROVIDER = "provider"  # the model's: overloaded, unreachable, out of quota


@dataclass(frozen=True)
class Patience:
    """How often, and how long: the n-th wait is drawn from zero to `first` · 2^(n-1), at most `longest`."""

    tries: int
    first: float
    longest: float


def patience(fault: Fault) -> Patience:
    if fault is Fault.PROVIDER:
        return Patience(settings.PROVIDER_ATTEMPTS, first=10, longest=15 * 60)
    if fault is Fault.MACHINE:
        return Patience(settings.RUN_ATTEMPTS, first=2, longest=60)
    return Patience(1, first=0, longest=0)


def wait(fault: Fault, tries: int, *, coin: float, retry_after: float | None = None) -> float | None:
    """Seconds until the next try after `tries` of them, or None: that was the last.

    Full jitter (`coin` is from 0 to 1), so that many that failed together do not come back together. What the
    provider itself asks for is waited at least, but never longer than the longest wait of ours.
    """
    allowed = patience(fault)
    if tries >= allowed.tries:
        return None
    most = float(min(allowed.longest, allowed.first * 2.0 ** (tries - 1)))
    return min(max(retry_after or 0.0, 0.0) + coin * most, max(allowed.longest, most))
