"""The few tags that every page uses."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from marlin.templatetags.marlin import PILLS, clock, minutes_left, moment, money, pill, plural


def test_a_state_is_a_shape_and_a_word():
    assert pill("usable") == '<span class="pill good">Usable</span>'


def test_a_state_nobody_described_is_shown_all_the_same():
    assert pill("on_holiday") == '<span class="pill waiting">On holiday</span>'


def test_a_state_is_escaped():
    assert "<b>" not in pill("<b>bold</b>")


def test_every_pill_has_one_of_the_shapes_of_the_style_sheet():
    assert {shape for shape, _ in PILLS.values()} <= {"busy", "waiting", "wants", "good", "broken"}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("280", "USD", "$280.00"), ("1234.5", "EUR", "€1,234.50"), ("9.99", "CHF", "CHF 9.99")],
)
def test_money_is_shown_with_its_sign(amount, currency, text):
    assert money(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 min left"), (59, "0 min left"), (60, "1 min left"), (7199, "119 min left"), (7200, "2 h left")],
)
def test_time_is_shown_in_whole_minutes(seconds, text):
    assert minutes_left(seconds) == text


@pytest.mark.parametrize(
    ("count", "word", "text"),
    [
        (1, "file", "1 file"),
        (0, "file", "0 files"),
        (2, "reply,replies", "2 replies"),
        (1200, "line", "1,200 lines"),
    ],
)
def test_a_count_has_its_word(count, word, text):
    assert plural(count, word) == text


AT = datetime(2026, 11, 3, 11, 42, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("shown", "words"), [(clock, ">10:42 UTC</time>"), (moment, ">3 Nov 2026, 10:42 UTC</time>")]
)
def test_a_time_is_shown_in_utc_for_a_script_to_translate(shown, words):
    html = shown(AT)

    assert html.endswith(words)
    assert 'datetime="2026-11-03T10:42:00+00:00"' in html
    assert f'data-local="{shown.__name__}"' in html
