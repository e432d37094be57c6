"""The few tags that every page uses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marlin.sources import now

SOON = 10 * 60  # seconds

register = template.Library()

#: Shape and word of a state, so that colour is never the only sign. Names are those of the CSS.
PILLS = {
    "waiting": ("busy", "Being read"),
    "done": ("good", "Read"),
    "refused": ("broken", "Refused"),
    "draft": ("busy", "Being written"),
    "in_review": ("waiting", "With the reviewers"),
    "approved": ("good", "Approved"),
    "claimed": ("busy", "In your hands"),
    "submitted": ("waiting", "With a reviewer"),
    "sent_back": ("wants", "Sent back for repair"),
    "accepted": ("good", "Accepted"),
    "rejected": ("broken", "Not accepted"),
    "disputed": ("waiting", "Disputed"),
    "released": ("waiting", "Given back"),
    "expired": ("waiting", "Time ended"),
    "withdrawn": ("broken", "Withdrawn"),
    "queued": ("waiting", "Waiting"),
    "writing": ("busy", "Being written"),
    "ready": ("good", "Ready"),
    "failed": ("broken", "Failed"),
    "cloning": ("busy", "Being copied"),
    "baseline": ("busy", "Tests are running"),
    "usable": ("good", "Usable"),
    "broken": ("broken", "Broken"),
    "active": ("good", "Active"),
    "retired": ("waiting", "Retired"),
    "revoked": ("broken", "Revoked"),
    "ended": ("waiting", "Ended"),
    "due": ("waiting", "Owed"),
    "running": ("busy", "Running"),
    "cancelled": ("broken", "Cancelled"),
    "started": ("busy", "Running"),
    "succeeded": ("good", "Succeeded"),
    "lost": ("wants", "Lost"),
    "open": ("busy", "Open"),
    "closed": ("good", "Closed"),
    "paused": ("waiting", "Paused"),
    "finished": ("good", "Finished"),
}


@register.filter
def pill(state: str) -> SafeString:
    shape, word = PILLS.get(state, ("waiting", state.replace("_", " ").capitalize()))
    return format_html('<span class="pill {}">{}</span>', shape, word)


@register.filter
def money(amount: Decimal, currency: str = "USD") -> str:
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency, f"{currency} ")
    return f"{sign}{amount:,.2f}"


@register.filter
def minutes_left(seconds: float) -> str:
    """Whole minutes, never seconds: a ticking clock helps nobody to read code."""
    minutes = max(int(seconds // 60), 0)
    return f"{minutes} min left" if minutes < 120 else f"{minutes // 60} h left"


@register.filter
def ago(at: datetime) -> SafeString:
    """`3 min`: how long something has been so, the largest unit alone. The moment itself stands in its title."""
    seconds = max((now() - at).total_seconds(), 0)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    size, unit = next((each for each in units if seconds >= each[0]), units[-1])
    there = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} {}</time>',
        there.isoformat(),
        there.strftime("%-d %b %Y, %H:%M:%S"),
        int(seconds // size),
        unit,
    )


@register.filter
def bytesize(size: int) -> str:
    """`1.5 GB`, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.1f} TB"


@register.filter
def is_soon(seconds: float) -> bool:
    """Amber: it is yours for less than ten minutes more."""
    return seconds < SOON


@register.filter
def clock(at: datetime) -> SafeString:
    """`10:42 UTC`; static/js/page.js shows it on the reader's own clock."""
    return _time(at, "%H:%M", "clock")


@register.filter
def moment(at: datetime) -> SafeString:
    """`23 Nov 2026, 10:42 UTC`, on the reader's own clock where there is script."""
    return _time(at, "%-d %b %Y, %H:%M", "moment")


def _time(at: datetime, words: str, form: str) -> SafeString:
    there = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-local="{}">{} UTC</time>', there.isoformat(), form, there.strftime(words)
    )


@register.filter
def plural(count: int, word: str) -> str:
    """`3|plural:"file"` is `3 files`; `"reply,replies"` gives both forms."""
    one, _, many = word.partition(",")
    return f"{count:,} {one if count == 1 else many or one + 's'}"
