"""How a page that does something and comes back tells what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from marlin.states import WrongState


@contextmanager
def told(request: HttpRequest, refused: type[Exception]) -> Iterator[None]:
    """The sentence of a refusal is shown on the next page. Where somebody was faster, that page shows what is."""
    try:
        yield
    except refused as why:
        messages.error(request, str(why))
    except WrongState:
        pass
