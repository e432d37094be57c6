"""One source of ids, randomness and time: real in production, repeatable in a test of two worlds."""

from datetime import timedelta

import pytest

from marlin import sources
from marlin.sources import Real, Seeded


def draw(source: sources.Source, purpose: str = "sides") -> tuple[object, ...]:
    items = list(range(20))
    source.shuffle(purpose, items)
    return source.uuid(purpose), source.token(purpose), source.coin(purpose), tuple(items)


def test_two_worlds_with_one_seed_draw_the_same():
    one, other = Seeded("seed"), Seeded("seed")

    assert [draw(one) for _ in range(3)] == [draw(other) for _ in range(3)]


def test_two_seeds_draw_differently():
    assert draw(Seeded("one")) != draw(Seeded("other"))


def test_a_source_does_not_repeat_itself():
    source = Seeded("seed")

    assert draw(source) != draw(source)


def test_each_purpose_has_a_sequence_of_its_own():
    """So that asking for one thing more in one world does not shift everything else."""
    quiet, chatty = Seeded("seed"), Seeded("seed")
    draw(chatty, "arms")

    assert draw(quiet, "sides") == draw(chatty, "sides")


@pytest.mark.parametrize("source", [Real(), Seeded("seed")], ids=["real", "seeded"])
def test_both_sources_keep_the_same_promises(source):
    items = list(range(20))

    source.shuffle("sides", items)

    assert sorted(items) == list(range(20))
    assert source.uuid("id").version == 4
    assert len(source.token("run")) == 32
    assert all(0 <= source.coin("sides") < 1 for _ in range(100))
    assert source.now().utcoffset() == timedelta(0)


def test_a_seeded_coin_falls_on_both_sides():
    source = Seeded("seed")

    heads = sum(source.coin("sides") < 0.5 for _ in range(1000))

    assert 430 < heads < 570


def test_time_stands_until_it_is_moved():
    source = Seeded("seed")
    before = source.now()

    source.advance(timedelta(hours=1))

    assert source.now() - before == timedelta(hours=1)


def test_a_replacement_holds_for_a_block_and_no_longer():
    real = sources.source()
    with sources.using(Seeded("seed")) as seeded:
        assert sources.source() is seeded
        assert sources.now() == seeded.now()
        expected = Seeded("seed").uuid("public id")
        assert sources.new_public_id() == expected

    assert sources.source() is real
