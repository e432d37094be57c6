"""Harnesses that Marlin knows: one file each, to start an agent version from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Preset:
    """`settings` are those of an agent version; the rest tells an admin what to expect."""

    name: str
    title: str
    kind: str
    harness: str
    version: str
    #: How it is installed into a folder of its own, which is then the version's directory.
    install: str
    #: What it cannot do, a sentence each.
    lacks: tuple[str, ...]
    settings: Mapping[str, Any]
    limits: Mapping[str, Any]

    @property
    def needs_directory(self) -> bool:
        return any("{agent}" in part for part in self.settings.get("argv", []))


@cache
def presets() -> Mapping[str, Preset]:
    """By name, in the order in which a page lists them."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.toml"))]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: preset.title.lower())}


def _read(path: Path) -> Preset:
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    return Preset(
        name=path.stem,
        title=written["title"],
        kind=written.get("kind", "command"),
        harness=written["harness"],
        version=written["settings"].get("version", ""),
        install=written.get("install", ""),
        lacks=tuple(written.get("lacks", [])),
        settings=written["settings"],
        limits=written.get("limits", {}),
    )
