"""How a result page writes its numbers and puts in its pictures."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def figure(cell: object) -> str:
    """A cell of a table: three decimals are more than any interval here is sure of."""
    if cell is None:
        return "–"
    if isinstance(cell, int):
        return f"{cell:,}"
    if not isinstance(cell, float):
        return str(cell)
    if abs(cell) >= 1e6:
        return f"{cell:.1e}"
    return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3f}".replace("-", "−")


@register.filter
def share(value: float) -> str:
    return f"{100 * value:.0f} %"


@register.filter
def picture(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308 (grading.results.svg escapes every text it is given)
