"""A clock that moves when a test says so."""

from unittest import mock


class FakeTime:
    """Stands in for time.time while the `with` lasts."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._patch = mock.patch("time.time", self.read)

    def read(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def __enter__(self) -> "FakeTime":
        self._patch.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._patch.stop()
