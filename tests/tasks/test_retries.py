"""Whose fault it was decides whether there is another try, and how long it waits."""

import pytest

from tasks.generation.retries import Fault, wait


@pytest.mark.parametrize(
    ("fault", "tries", "coin", "asked", "seconds"),
    [
        (Fault.AGENT, 1, 1.0, None, None),
        (Fault.MACHINE, 1, 1.0, None, 2),
        (Fault.MACHINE, 2, 0.5, None, 2),
        (Fault.MACHINE, 3, 1.0, None, None),
        (Fault.PROVIDER, 1, 1.0, None, 10),
        (Fault.PROVIDER, 4, 1.0, None, 80),
        (Fault.PROVIDER, 4, 0.0, None, 0),
        (Fault.PROVIDER, 1, 0.5, 60, 65),  # at least what the provider asks for
        (Fault.PROVIDER, 7, 1.0, 86_400, 900),  # and never longer than the longest
        (Fault.PROVIDER, 1, 0.5, -5, 5),
        (Fault.PROVIDER, 8, 1.0, 60, None),
    ],
)
def test_the_table(fault, tries, coin, asked, seconds):
    assert wait(fault, tries, coin=coin, retry_after=asked) == seconds
