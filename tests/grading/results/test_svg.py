"""Drawing: what is written is escaped, ticks are round, nothing needs a style attribute."""

import pytest

from grading.results.svg import Canvas, Scale, round_step, scale_of, signed


def test_words_and_addresses_are_escaped():
    canvas = Canvas(10, 10, 'a "label" & <b>')

    canvas.text(0, 0, "<script>alert(1)</script>", 'end" onload="x')
    with canvas.link('/records?a=1&b="2"', "<here>"):
        canvas.circle(1, 1, 1, "point")

    markup = canvas.markup()
    assert "<script" not in markup
    assert 'onload="x' not in markup
    assert 'aria-label="a &quot;label&quot; &amp; &lt;b&gt;"' in markup
    assert 'href="/records?a=1&amp;b=&quot;2&quot;"' in markup
    assert "style=" not in markup


def test_a_picture_with_links_can_be_entered():
    canvas = Canvas(10, 10, "Two numbers")
    assert 'role="img"' in canvas.markup()

    with canvas.link("/there", "There"):
        canvas.rect(0, 0, 1, 1, "bar")

    assert 'role="group"' in canvas.markup()


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (-0.6, 0.6, 5, [-0.5, 0.0, 0.5]),
        (0.3, 0.8, 6, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        (0, 204, 5, [0, 100, 200]),
        (0, 7, 5, [0, 2, 4, 6]),
    ],
)
def test_ticks_are_round_and_inside(low, high, most, ticks):
    assert Scale(low, high, 0, 100).ticks(most) == pytest.approx(ticks)


def test_what_lies_outside_is_drawn_at_the_end():
    scale = Scale(0, 1, 10, 20)

    assert (scale(-3), scale(0.5), scale(9)) == (10, 15, 20)


def test_a_scale_is_symmetric_about_no_difference():
    scale = scale_of([0.4, 0.7], 0, 100, about=0.5, least=0.1)

    assert 0.5 - scale.low == pytest.approx(scale.high - 0.5)
    assert scale.high > 0.7


def test_a_scale_of_one_value_still_has_a_width():
    scale = scale_of([3.0], 0, 100)

    assert scale.low < 3 < scale.high


@pytest.mark.parametrize(("step", "rounded"), [(0.11, 0.2), (1.0, 1.0), (21, 25), (260, 500)])
def test_steps_are_rounded_up(step, rounded):
    assert round_step(step) == pytest.approx(rounded)


@pytest.mark.parametrize(("value", "text"), [(0.314, "+0.31"), (-0.5, "−0.50"), (0.001, "0"), (-0.001, "0")])
def test_signs_are_written_and_zero_has_none(value, text):
    assert signed(value) == text
