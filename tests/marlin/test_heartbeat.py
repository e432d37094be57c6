"""While work goes on its lease is renewed, and its end is noticed."""

import logging
import threading

import pytest
from django.db import OperationalError

from marlin.heartbeat import heartbeat
from tests.stack import eventually


@pytest.fixture(autouse=True)
def quick_beats(settings):
    settings.HEARTBEAT = 0.01


def test_the_lease_is_renewed_again_and_again():
    beats = []

    with heartbeat(lambda: beats.append(1) is None) as heart:
        eventually(lambda: len(beats) >= 3)

        assert not heart.is_lost()


def test_a_lease_that_was_taken_is_noticed():
    with heartbeat(lambda: False) as heart:
        eventually(heart.is_lost)


def test_a_database_that_is_away_for_a_moment_loses_nothing(caplog):
    answers = iter([OperationalError("the server is restarting"), True])
    came_back = threading.Event()

    def renew() -> bool:
        answer = next(answers, None)
        if isinstance(answer, Exception):
            raise answer
        came_back.set()
        return True

    with caplog.at_level(logging.WARNING), heartbeat(renew) as heart:
        assert came_back.wait(10)

        assert not heart.is_lost()
    assert "A heartbeat was missed" in caplog.text


def test_the_beats_end_with_the_work():
    with pytest.raises(ValueError, match="a bug"), heartbeat(lambda: True):
        raise ValueError("a bug")

    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
