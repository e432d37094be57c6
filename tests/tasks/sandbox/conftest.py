"""What every test of a sandbox needs: it looks at its processes oftener, so that limits of parts of a second hold."""

from __future__ import annotations

import pytest

from tasks.sandbox import watch


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK", 0.05)
