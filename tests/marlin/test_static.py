"""Static files as production serves them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

IMPORTED = re.compile(r"""(?:from|import)\s*["'](\.[^"']+)["']""")


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    backends = settings.STORAGES | {"staticfiles": {"BACKEND": "marlin.static.NamedByContent"}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=backends):
        call_command("collectstatic", "--no-input", "--verbosity", "0")
    return tmp_path


def test_a_script_imports_another_by_the_name_that_pages_load(collected: Path) -> None:
    named = json.loads((collected / "staticfiles.json").read_text())["paths"]
    ours = {name for path, name in named.items() if path.startswith("js/")}

    imported = {
        f"js/{address.removeprefix('./')}"
        for name in ours
        for address in IMPORTED.findall((collected / name).read_text())
    }

    assert imported <= ours
