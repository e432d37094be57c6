"""Draws SVG as text: a canvas that escapes what it is given, and scales with round ticks. No style attributes.

Colours and type come from classes in static/css/results.css, so the Content-Security-Policy, the themes and print hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape

#: What a tick's label may be at most, in steps of 1, 2, 2.5 or 5 times a power of ten.
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass
class Canvas:
    """`width` and `height` in user units; `label` is what a screen reader says instead of the picture."""

    width: float
    height: float
    label: str
    css: str = "chart"
    _parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: object, css: str = "") -> None:
        self._parts.append(
            f'<text x="{_number(x)}" y="{_number(y)}"{_class(css)}>{escape(str(words))}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        self._parts.append(
            f'<path{_class(css)} d="M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}"/>'
        )

    def path(self, points: Sequence[tuple[float, float]], css: str, *, closed: bool = False) -> None:
        """A line through the points, or with `closed` the area they go round."""
        if points:
            joined = "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
            self._parts.append(f'<path{_class(css)} d="M{joined}{"Z" if closed else ""}"/>')

    def rect(self, x: float, y: float, width: float, height: float, css: str, *, rounded: float = 0) -> None:
        corner = f' rx="{_number(rounded)}"' if rounded else ""
        self._parts.append(
            f'<rect{_class(css)} x="{_number(x)}" y="{_number(y)}" width="{_number(max(0.0, width))}"'
            f' height="{_number(max(0.0, height))}"{corner}/>'
        )

    def circle(self, x: float, y: float, radius: float, css: str) -> None:
        self._parts.append(
            f'<circle{_class(css)} cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"/>'
        )

    @contextmanager
    def group(self, css: str) -> Iterator[None]:
        self._parts.append(f"<g{_class(css)}>")
        yield
        self._parts.append("</g>")

    @contextmanager
    def link(self, address: str, label: str) -> Iterator[None]:
        """What is drawn inside leads to `address`."""
        self._parts.append(f'<a href="{escape(address)}" aria-label="{escape(label)}">')
        yield
        self._parts.append("</a>")

    def markup(self) -> str:
        # With links inside it is no longer one picture, and a reader has to be able to go in.
        role = "group" if any(part.startswith("<a ") for part in self._parts) else "img"
        return (
            f'<svg class="{escape(self.css)}" viewBox="0 0 {_number(self.width)} {_number(self.height)}"'
            f' role="{role}" aria-label="{escape(self.label)}">{"".join(self._parts)}</svg>'
        )


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on a line from `start` to `end`; what lies outside is drawn at its end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def has(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside, at most so many."""
        step = round_step((self.high - self.low) / max(1, most - 1))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(count * step, 10) for count in range(first, last + 1)]


def scale_of(
    values: Sequence[float], start: float, end: float, *, about: float | None = None, least: float = 0.0
) -> Scale:
    """Room for all values and a little more; symmetric about `about`, and `least` wide on each side of it."""
    finite = [value for value in values if math.isfinite(value)]
    if about is None:
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        room = 0.06 * (high - low) or 0.5
        return Scale(low - room, high + room, start, end)
    reach = max([least, *(abs(value - about) * 1.08 for value in finite)])
    return Scale(about - reach, about + reach, start, end)


def round_step(step: float) -> float:
    """The smallest round number that is no smaller than `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * each for each in STEPS if power * each >= step * (1 - 1e-9))


def signed(value: float, digits: int = 2) -> str:
    """With a true minus, a plus where it is above zero, and no sign on zero."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text.rstrip("0").rstrip(".") if digits else text
    return f"{'−' if value < 0 else '+'}{text}"


def short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def _number(value: float) -> str:
    """Two decimals are a fiftieth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _class(css: str) -> str:
    return f' class="{escape(css)}"' if css else ""
